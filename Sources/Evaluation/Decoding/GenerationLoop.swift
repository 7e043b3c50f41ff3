// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// A prompt's continuation while it grows.
struct GrowingSequence {
  let prompt: Int
  let stream: UInt64
  /// Tokens that the model's context has room for.
  let room: Int
  var ids: [Int32] = []
  var logProbabilities: [Double] = []
  var finish: FinishReason?
  /// New tokens after which the model has to read all of the sequence anew, since it is computed otherwise from there on.
  var rereadsAt: Int?

  /// Whether another token follows what has been read.
  var isOpen: Bool { finish == nil && ids.count != rereadsAt }

  /// Adds a token and finds out whether it is the last.
  mutating func append(
    _ id: Int32, _ logProbability: Double, _ options: GenerationOptions, isEnd: (([Int32]) -> Bool)? = nil
  ) {
    ids.append(id)
    logProbabilities.append(logProbability)
    if let surplus = stopLength(options) {
      ids.removeLast(surplus)
      logProbabilities.removeLast(surplus)
      finish = .stop
    } else if isEnd?(ids) ?? false {
      finish = .stop
    } else if ids.count == options.maxNewTokens {
      finish = .length
    } else if ids.count == room {
      finish = .context
    }
  }

  /// How many of the last tokens are what ended the sequence.
  private func stopLength(_ options: GenerationOptions) -> Int? {
    if let last = ids.last, options.stopIDs.contains(last) { return 1 }
    return options.stopSequences.filter { ids.suffix($0.count).elementsEqual($0) }.map(\.count).max()
  }

  func generation(_ options: GenerationOptions) -> Generation {
    Generation(
      ids: ids, logProbabilities: options.logProbabilities ? logProbabilities : nil, finish: finish ?? .length)
  }
}

/// One batch, token by token.
struct GenerationLoop {
  private let options: GenerationOptions
  private let hook: LogitsHook?
  private let onToken: ((GenerationEvent) throws -> Void)?
  private let isEnd: (([Int32]) -> Bool)?
  private let context: ModelContext
  private var sequences: [GrowingSequence]
  /// Which sequence each row of the context continues.
  private var rows: [Int]

  init(
    _ model: any TokenModel, _ batch: [(prompt: [Int32], sequence: GrowingSequence)], images: PromptImages?,
    _ options: GenerationOptions, hook: LogitsHook?, onToken: ((GenerationEvent) throws -> Void)?,
    isEnd: (([Int32]) -> Bool)?
  ) throws {
    (self.options, self.hook, self.onToken, self.isEnd) = (options, hook, onToken, isEnd)
    sequences = batch.map(\.sequence)
    rows = Array(batch.indices)
    let room = sequences.map { min(options.maxNewTokens, $0.room) - $0.ids.count }.max() ?? 0
    context = try ModelContext(
      model, prompts: batch.map(\.prompt), room: room,
      images: images.map { images in try batch.map { try images($0.sequence.prompt) } } ?? [])
  }

  mutating func run() throws -> [GrowingSequence] {
    while true {
      let (ids, choices) = try choose()
      for (row, choice) in zip(rows, choices) where sequences[row].isOpen { try take(choice, row) }
      let open = rows.indices.filter { sequences[rows[$0]].isOpen }
      if open.isEmpty { break }
      // Moving the cache costs about as much as a step: wait until it saves some of the work.
      if (rows.count - open.count) * 8 >= rows.count {
        context.keep(open)
        rows = open.map { rows[$0] }
        context.read(ids.indexSelect(0, Tensor(open.map(Int64.init), device: context.device)))
      } else {
        context.read(ids)
      }
    }
    return sequences
  }

  private struct Choice {
    var id: Int32
    var best: Double
    var logProbability: Double
  }

  /// Chooses a token for every row: on the device, `[B]` int64, and as plain values.
  private func choose() throws -> (Tensor, [Choice]) {
    var logits = context.logits()
    if let hook {
      let state = GenerationState(
        prompts: rows.map { sequences[$0].prompt }, generated: rows.map { sequences[$0].ids }, context: context)
      try hook(&logits, state)
    }
    let draws = rows.map { options.sampling.draw(stream: sequences[$0].stream, step: sequences[$0].ids.count) }
    let ids = options.sampling.choose(logits, draws: draws)
    var columns = [ids.to(.float64), logits.max(-1).to(.float64)]
    if options.logProbabilities {
      columns.append((logits.gather(-1, ids.unsqueeze(-1)).squeeze(-1) - logits.logSumExp(-1)).to(.float64))
    }
    // One copy to the host per step.
    let values = try Tensor.stack(columns).values(of: Double.self)
    return (
      ids,
      rows.indices.map { row in
        Choice(
          id: Int32(values[row]), best: values[rows.count + row],
          logProbability: options.logProbabilities ? values[2 * rows.count + row] : 0)
      }
    )
  }

  private mutating func take(_ choice: Choice, _ row: Int) throws {
    let prompt = sequences[row].prompt, step = sequences[row].ids.count
    guard choice.best.isFinite else { throw DecodingError.notFinite(index: prompt, step: step) }
    sequences[row].append(choice.id, choice.logProbability, options, isEnd: isEnd)
    try onToken?(
      GenerationEvent(
        prompt: prompt, step: step, id: choice.id,
        logProbability: options.logProbabilities ? choice.logProbability : nil, finish: sequences[row].finish))
  }
}
