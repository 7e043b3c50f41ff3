// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Input of a causal model.
public struct ModelInput {
  /// Token ids `[B, T]`, int64 or int32.
  public var ids: Tensor
  /// Position of each token `[B, T]`, int64; nil counts on from the cache's length.
  public var positions: Tensor?
  /// Positions of each token along time, row and column `[3, B, T]`, int64, where the model tells these apart
  /// (``RotaryAxes``); they take the place of `positions`. A model that does makes them of its images.
  public var axisPositions: Tensor?
  /// Which keys each query may look at, bool `[B, 1, T, S]`; nil means plain causal order.
  public var mask: Tensor?
  /// For each row the lengths of the documents that lie end to end in it, what is left being padding; nil means one
  /// document. Positions start at 0 in each, and no token looks into another document. Takes the place of `positions`
  /// and `mask`, and knows no cache. A model either has a cheap way (``DocumentAttention``), or reads these two from
  /// ``AttentionMask/packed(_:length:device:)`` and ``AttentionMask/packedPositions(_:length:device:)``.
  public let documents: [[Int]]?
  /// Tokens of each sequence as a whole, where ``TokenModel/switchingLength`` makes that matter; nil: those up to the
  /// last one that is read.
  public var sequenceLength: Int?
  /// The images that some of the tokens stand for; nil for none. Only a ``VisionLanguageModel`` looks at them.
  public var images: ImageInput?
  /// For each row, of how many first tokens of each of its documents the prompt is made; nil: nobody knows. Only a
  /// model with ``TokenModel/seesWholePrompts`` looks at them.
  public var prompts: [[Int]]?

  /// Memberwise.
  public init(ids: Tensor, positions: Tensor? = nil, mask: Tensor? = nil, images: ImageInput? = nil) {
    self.ids = ids
    self.images = images
    self.positions = positions
    self.mask = mask
    documents = nil
  }

  /// Documents that lie end to end in the rows.
  public init(ids: Tensor, documents: [[Int]]?, images: ImageInput? = nil) {
    torchPrecondition(documents.map { $0.count == ids.size(0) } ?? true, "documents of \(documents?.count ?? 0) rows")
    self.ids = ids
    self.images = images
    self.documents = documents
  }
}

/// A discrete autoregressive model: hidden states first, logits only where someone needs them.
public protocol TokenModel: Module {
  /// Number of token ids V the model reads. A language model's head scores each of them.
  var vocabularySize: Int { get }
  /// Width H of the hidden states.
  var hiddenSize: Int { get }
  /// Longest sequence the positions are made for.
  var contextLength: Int { get }
  /// The last projection.
  var head: OutputHead { get }
  /// The projection onto the vocabulary, of a model whose ``head`` is one of scores and which keeps the other beside it;
  /// nil, the default, for none.
  var textHead: OutputHead? { get }
  /// Sequences of more tokens than this are computed otherwise than shorter ones, from their first token on (LongRoPE),
  /// so the two kinds are never read side by side; nil, the default, for none.
  var switchingLength: Int? { get }
  /// Names of modules without pretrained weights, such as the head of a classifier: they are trained, and saved, with
  /// adapters (PEFT's `modules_to_save`). None by default.
  var modulesToSave: [String] { get }

  /// Whether the tokens of a prompt see each other in both directions, so that what the model makes of its beginning
  /// depends on its end (prefix language models). False by default.
  var seesWholePrompts: Bool { get }

  /// Final hidden states, after the last normalisation.
  ///
  /// - Parameters:
  ///   - cache: keys and values of earlier tokens; the new ones are appended.
  ///   - rows: indices `[N]` (int32 or int64) into the flattened `[B·T]` positions; work that only other positions
  ///     need may be left out.
  /// - Returns: `[N, H]` with `rows`, else `[B, T, H]`.
  func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor

  /// An empty cache for `batch` sequences of up to `capacity` tokens.
  func makeCache(batch: Int, capacity: Int) -> KeyValueCache
}

extension TokenModel {
  /// None.
  public var textHead: OutputHead? { nil }
  /// None.
  public var modulesToSave: [String] { [] }
  /// None: sequences of any length are computed alike.
  public var switchingLength: Int? { nil }
  /// False: no token looks at later ones.
  public var seesWholePrompts: Bool { false }
  /// Number of values that the head gives: ``vocabularySize``, or the scores of a classifier.
  public var outputs: Int { head.weight.size(0) }
  /// Logits `[B, T, V]` at every position. For tests and small inputs: training and decoding ask for rows.
  public func logits(_ ids: Tensor) -> Tensor { head(hidden(ModelInput(ids: ids), cache: nil, rows: nil)) }
}

/// Keys and values of the tokens read so far, per layer, in memory reserved once.
public final class KeyValueCache {
  private let layers: [(key: Tensor, value: Tensor)]  // each [B, kvHeads, capacity, D]
  /// Tokens held.
  public private(set) var length = 0
  /// Tokens there is room for.
  public let capacity: Int
  /// Sequences side by side.
  public let batch: Int
  /// Shared by a cache and its parts.
  private final class Shifts {
    var values: [Int]
    init(_ values: [Int]) { self.values = values }
  }
  private let shifts: Shifts, rows: Range<Int>

  /// For each sequence what is added to the number of tokens before a new one to give its position: 0, but where images
  /// take more tokens than positions (``RotaryAxes``). The model sets it.
  public var positionShifts: [Int] {
    get { Array(shifts.values[rows]) }
    set { shifts.values.replaceSubrange(rows, with: newValue) }
  }

  /// Reserves keys and values of every layer, `[batch, heads, capacity, width]`.
  public init(
    layers: Int, batch: Int, heads: Int, capacity: Int, width: Int, dtype: DType = .float32, device: Device = .cpu
  ) {
    self.batch = batch
    self.capacity = capacity
    (shifts, rows) = (Shifts([Int](repeating: 0, count: batch)), 0..<batch)
    self.layers = (0..<layers).map { _ in
      let shape = [batch, heads, capacity, width]
      return (.empty(shape, dtype: dtype, device: device), .empty(shape, dtype: dtype, device: device))
    }
  }

  /// Bytes of memory that are reserved.
  public var bytes: Int {
    layers.reduce(0) { $0 + ($1.key.count * $1.key.dtype.size) + ($1.value.count * $1.value.dtype.size) }
  }

  /// Appends the new tokens' keys and values `[B, kvHeads, T, D]` of one layer and returns all of that layer's,
  /// `[B, kvHeads, length + T, D]`. Call ``advance(by:)`` once after the last layer.
  public func append(layer: Int, key: Tensor, value: Tensor) -> (key: Tensor, value: Tensor) {
    let new = key.size(2)
    torchPrecondition(length + new <= capacity, "cache holds \(length) of \(capacity) tokens; \(new) more do not fit")
    let (keys, values) = layers[layer]
    keys.narrow(2, length, new).copy_(key)
    values.narrow(2, length, new).copy_(value)
    return (keys.narrow(2, 0, length + new), values.narrow(2, 0, length + new))
  }

  /// Counts the tokens that every layer has appended.
  public func advance(by count: Int) { length += count }

  /// Some neighbouring sequences alone, in the same memory: what is appended there is here once ``advance(by:)`` counts
  /// it.
  public func part(_ rows: Range<Int>) -> KeyValueCache { KeyValueCache(rows, of: self) }

  private init(_ rows: Range<Int>, of other: KeyValueCache) {
    (batch, length, capacity) = (rows.count, other.length, other.capacity)
    let first = other.rows.lowerBound
    (shifts, self.rows) = (other.shifts, first + rows.lowerBound..<first + rows.upperBound)
    layers = other.layers.map {
      ($0.key.narrow(0, rows.lowerBound, rows.count), $0.value.narrow(0, rows.lowerBound, rows.count))
    }
  }

  /// Zeroes the next `count` columns, for tokens that will be masked: what the memory held before may be NaN, which
  /// no mask stops.
  public func clear(_ count: Int) {
    guard count > 0 else { return }
    for (keys, values) in layers {
      keys.narrow(2, length, count).zero_()
      values.narrow(2, length, count).zero_()
    }
  }

  /// A copy of some sequences, named by row, once or several times, with room for `capacity` tokens each.
  public func copy(rows: [Int], capacity: Int) -> KeyValueCache {
    KeyValueCache(copying: rows, of: self, capacity: capacity)
  }

  private init(copying rows: [Int], of other: KeyValueCache, capacity: Int) {
    torchPrecondition(other.length <= capacity, "\(other.length) tokens do not fit a capacity of \(capacity)")
    (batch, length, self.capacity) = (rows.count, other.length, capacity)
    let known = other.positionShifts
    (shifts, self.rows) = (Shifts(rows.map { known[$0] }), 0..<rows.count)
    let index = Tensor(rows.map(Int64.init), device: other.layers.first?.key.device ?? .cpu)
    func copy(_ old: Tensor) -> Tensor {
      let shape = [rows.count, old.size(1), capacity, old.size(3)]
      let new = Tensor.empty(shape, dtype: old.dtype, device: old.device)
      new.narrow(2, 0, other.length).copy_(old.narrow(2, 0, other.length).indexSelect(0, index))
      return new
    }
    layers = other.layers.map { (copy($0.key), copy($0.value)) }
  }

  /// Forgets the tokens after the first `length`.
  public func truncate(to length: Int) {
    precondition((0...self.length).contains(length), "cannot truncate \(self.length) tokens to \(length)")
    self.length = length
  }
}
