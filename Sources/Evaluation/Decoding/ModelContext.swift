// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch
public import TorchNN

/// Sequences side by side that a model has read, kept so that it can read on: the state of decoding.
///
/// Sequences of different lengths are padded on the right, so the prompts themselves need no mask; later tokens are
/// masked from the padding and keep their true positions. A result is therefore that of the sequence alone, up to the
/// rounding of differently shaped matrix products. A beginning that all prompts share is read once, unless the model
/// sees whole prompts.
public final class ModelContext {
  /// The model that reads.
  public let model: any TokenModel
  /// Tokens read of each sequence, padding left out. Count B.
  public private(set) var lengths: [Int]
  /// Hidden state after the last token of each sequence, `[B, H]`.
  public private(set) var last: Tensor
  var cache: KeyValueCache
  /// Tokens of the longest prompt: all are computed as sequences of that length are, as long as this context lives; see
  /// `TokenModel/switchingLength`.
  let sequenceLength: Int
  /// Which cached columns are tokens, bool `[B, S]`; nil while there is no padding.
  private(set) var real: Tensor?

  /// Number of sequences B.
  public var count: Int { lengths.count }
  /// Where the model is.
  public var device: Device { model.head.weight.device }

  /// Reads the prompts.
  ///
  /// Prompts on both sides of the model's `TokenModel/switchingLength` do not belong together: all would be
  /// computed as the longest.
  ///
  /// - Parameters:
  ///   - room: tokens that will be read later; the cache is reserved for them.
  ///   - beginning: what the model has read already; used if every prompt begins with it and goes on.
  ///   - images: for each prompt its images; empty: none shows any.
  /// - Throws: `DecodingError` for a prompt that is empty, too long for the model or not in its vocabulary.
  public init(
    _ model: any TokenModel, prompts: [[Int32]], room: Int, beginning: ReadBeginning? = nil,
    images: [[PlacedImage]] = []
  ) throws {
    try Self.check(prompts, for: model)
    let images = images.isEmpty ? prompts.map { _ in [] } : images
    precondition(images.count == prompts.count, "images of \(images.count) of \(prompts.count) prompts")
    // Equal tokens are not equal images.
    let firstImage = images.flatMap { $0.map(\.position) }.min() ?? .max
    self.model = model
    (lengths, last) = ([], .empty([0]))
    let longest = prompts.map(\.count).max() ?? 0
    sequenceLength = longest
    let known = beginning.flatMap {
      !model.seesWholePrompts && $0.begins(prompts) && $0.ids.count <= firstImage && $0.fits(longest) ? $0 : nil
    }
    let done = known?.ids.count ?? 0
    let equal = model.seesWholePrompts ? 0 : Self.sharedPrefix(of: prompts)
    let shared = max(min(equal, firstImage), done), capacity = longest + room
    cache =
      known?.cache.copy(rows: [0], capacity: capacity)
      ?? model.makeCache(batch: shared > 0 ? 1 : prompts.count, capacity: capacity)
    inferenceMode {
      if shared > 0 {
        (lengths, last) = ([done], .zeros([1, model.hiddenSize], device: device))
        if shared > done { read([Array(prompts[0][done..<shared])], images: [[]]) }
        keep([Int](repeating: 0, count: prompts.count))
      } else {
        lengths = [Int](repeating: 0, count: prompts.count)
      }
      read(prompts.map { Array($0[shared...]) }, images: images.map { $0.map { $0.moved(by: shared) } })
    }
  }

  /// Scores of the next token `[B, V]`, float32.
  public func logits() -> Tensor { inferenceMode { model.head(last).to(.float32) } }

  /// Reads one more token of every sequence, `[B]` int64.
  public func read(_ tokens: Tensor) {
    inferenceMode {
      var input = ModelInput(ids: tokens.view([count, 1]))
      input.sequenceLength = sequenceLength
      if let old = real {
        let mask = Tensor.cat([old, .ones([count, 1], dtype: .bool, device: device)], 1)
        input.positions = Tensor(lengths.map(Int64.init), shape: [count, 1], device: device)
        input.mask = mask.view([count, 1, 1, cache.length + 1])
        real = mask
      }
      last = model.hidden(input, cache: cache, rows: nil).view([count, model.hiddenSize])
    }
    for row in lengths.indices { lengths[row] += 1 }
  }

  /// Goes on with these sequences alone, named by their rows; a row may be named more than once.
  public func keep(_ rows: [Int]) {
    inferenceMode {
      let index = Tensor(rows.map(Int64.init), device: device)
      cache = cache.copy(rows: rows, capacity: cache.capacity)
      last = last.indexSelect(0, index)
      real = real?.indexSelect(0, index)
    }
    lengths = rows.map { lengths[$0] }
  }

  /// Reads at least one token of every sequence.
  private func read(_ sequences: [[Int32]], images: [[PlacedImage]]) {
    let before = cache.length, width = sequences.map(\.count).max() ?? 0
    let isRagged = sequences.contains { $0.count < width }
    let parts = runs(of: sequences.map(\.count))
    if parts.count == 1 {
      last = read(sequences, images, cache)
    } else {
      last = .cat(parts.map { read(Array(sequences[$0]), Array(images[$0]), cache.part($0), width: width) }, 0)
      cache.advance(by: width)
    }
    if isRagged {
      let tokens = sequences.flatMap { sequence in (0..<width).map { $0 < sequence.count } }
      let past = Tensor.ones([count, before], dtype: .bool, device: device)
      real = .cat([past, Tensor(tokens, shape: [count, width], device: device)], 1)
    }
    for row in lengths.indices { lengths[row] += sequences[row].count }
  }

  /// Reads sequences into a cache of theirs, whose columns are then filled up to `width` tokens.
  ///
  /// - Returns: the hidden state of each one's last token, `[count, H]`.
  private func read(
    _ sequences: [[Int32]], _ images: [[PlacedImage]], _ cache: KeyValueCache, width whole: Int? = nil
  ) -> Tensor {
    let before = cache.length, width = sequences.map(\.count).max() ?? 0
    let ids = sequences.flatMap { $0 + [Int32](repeating: 0, count: width - $0.count) }
    let ends = sequences.enumerated().map { Int64($0.offset * width + $0.element.count - 1) }
    // Padding stands to the right of every token that is read here: causal order is mask enough.
    var input = ModelInput(
      ids: Tensor(ids, shape: [sequences.count, width], device: device),
      images: ImageInput(images, ids: ids, width: width, for: model))
    input.sequenceLength = sequenceLength
    input.prompts = sequences.map { [$0.count] }
    if before > 0 { input.mask = AttentionMask.causal(queries: width, keys: before + width, device: device) }
    let last = model.hidden(input, cache: cache, rows: Tensor(ends, device: device))
    cache.clear(whole.map { $0 - width } ?? 0)
    return last
  }

  /// Refuses what the model cannot read. `room` tokens more must fit.
  static func check(_ prompts: [[Int32]], for model: any TokenModel, room: Int = 0) throws {
    let limit = model.contextLength - room
    for (index, prompt) in prompts.enumerated() {
      if prompt.isEmpty { throw DecodingError.empty(index: index) }
      if prompt.count > limit { throw DecodingError.tooLong(index: index, length: prompt.count, limit: limit) }
      if let id = prompt.first(where: { $0 < 0 || Int($0) >= model.vocabularySize }) {
        throw DecodingError.unknownToken(index: index, id: id, vocabularySize: model.vocabularySize)
      }
    }
  }

  /// How many first tokens of all prompts are the same and worth a pass of their own. Each keeps one to read.
  private static func sharedPrefix(of prompts: [[Int32]]) -> Int {
    guard prompts.count > 1, let first = prompts.first, let shortest = prompts.map(\.count).min() else { return 0 }
    let equal = (0..<shortest - 1).first { place in prompts.contains { $0[place] != first[place] } } ?? shortest - 1
    return equal * (prompts.count - 1) >= 64 ? equal : 0
  }
}
