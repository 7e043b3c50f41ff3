// SPDX-License-Identifier: Apache-2.0
import Torch
public import TorchNN

/// Continues token sequences, many at a time.
///
/// Each result is that of the sequence alone: batches change only the rounding of matrix products.
public struct TokenGenerator {
  /// The model that continues them.
  public let model: any TokenModel

  /// A generator for this model.
  public init(_ model: any TokenModel) { self.model = model }

  /// Continues every prompt.
  ///
  /// - Parameters:
  ///   - prompts: token ids, each with room for at least one more in the model's context.
  ///   - streams: names the random numbers of each prompt, so that a sample can be drawn again in other company; nil
  ///     uses the prompt's index.
  ///   - tokenBudget: largest number of tokens that are kept in memory at once, prompts and new ones; sets the batch
  ///     size.
  ///   - onToken: called with each token as it is chosen; an error it throws ends everything.
  ///   - hook: changes scores before a token is chosen.
  ///   - images: the images of each prompt; nil if none shows any.
  ///   - isEnd: whether new tokens have come to an end that no token marks, such as a text; they are kept. Nil: no.
  /// - Returns: one continuation per prompt, in order.
  /// - Throws: `DecodingError` for prompts or settings that cannot be used, before anything is computed; `.notFinite`
  ///   where the model breaks down; `TorchError`, for instance if memory runs out.
  public func generate(
    _ prompts: [[Int32]], _ options: GenerationOptions = GenerationOptions(), streams: [UInt64]? = nil,
    tokenBudget: Int = 16_384, onToken: ((GenerationEvent) throws -> Void)? = nil, hook: LogitsHook? = nil,
    images: PromptImages? = nil, isEnd: ((_ ids: [Int32]) -> Bool)? = nil
  ) throws -> [Generation] {
    precondition(streams == nil || streams?.count == prompts.count, "one stream per prompt")
    if let problem = options.problem { throw DecodingError.badSetting(problem) }
    try ModelContext.check(prompts, for: model, room: 1)
    var sequences = prompts.indices.map { index in
      GrowingSequence(
        prompt: index, stream: streams?[index] ?? UInt64(index), room: model.contextLength - prompts[index].count)
    }
    guard options.maxNewTokens > 0 else { return sequences.map { $0.generation(options) } }
    let lengths = prompts.map { min($0.count + options.maxNewTokens, model.contextLength) }
    try evaluating(model) {
      // Twice where a model computes long sequences otherwise: those that grow beyond are read anew, and go on.
      var open = Array(prompts.indices)
      while !open.isEmpty {
        for index in open {
          sequences[index].rereadsAt = model.switchingLength.flatMap { limit in
            let read = prompts[index].count + sequences[index].ids.count
            return read <= limit ? sequences[index].ids.count + limit + 1 - read : nil
          }
        }
        let read = open.map { prompts[$0] + sequences[$0].ids }
        for batch in batches(
          of: open.map { lengths[$0] }, read: read.map(\.count), by: model, tokenBudget: tokenBudget)
        {
          var loop = try GenerationLoop(
            model, batch.map { (read[$0], sequences[open[$0]]) }, images: images, options, hook: hook,
            onToken: onToken, isEnd: isEnd)
          for sequence in try loop.run() { sequences[sequence.prompt] = sequence }
        }
        open = open.filter { sequences[$0].finish == nil }
      }
    }
    return sequences.map { $0.generation(options) }
  }
}

/// Runs `body` in inference mode with dropout off, and puts the model back as it was.
func evaluating<R>(_ model: any TokenModel, _ body: () throws -> R) throws -> R {
  let wasTraining = model.isTraining
  model.setTraining(false)
  defer { model.setTraining(wasTraining) }
  return try withTorchErrors { try inferenceMode(body) }
}

extension GenerationOptions {
  var problem: String? {
    if maxNewTokens < 0 { return "maxNewTokens: expected a number ≥ 0, found \(maxNewTokens)" }
    if stopSequences.contains([]) { return "stopSequences: expected at least one token in each, found none" }
    return sampling.problem
  }
}
