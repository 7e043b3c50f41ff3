// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Torch
public import TorchNN

/// Other models that read along while one generates, so that each token is chosen by what all of them say.
///
///     let mixed = try MixedContext(.guided(by: [("reward", 1)]), ["reward": other], beside: model, prompts, options)
///     let answers = try TokenGenerator(model).generate(prompts, options, hook: mixed.hook)
public final class MixedContext {
  private let guidance: LogitGuidance
  private let models: [(name: String, model: any TokenModel)]
  private let prompts: [[Int32]]
  private let ownPrompts: [String: [[Int32]]]
  private let maxNewTokens: Int
  /// What the models have read of the batch in progress.
  private var readings: [String: ModelContext] = [:]
  /// Index of the prompt in each row of the readings.
  private var rows: [Int] = []
  /// The batch in progress.
  private weak var batch: ModelContext?

  /// - Parameters:
  ///   - models: all of the guidance's but the one that generates, by name.
  ///   - model: that one.
  ///   - prompts: all that will be generated from, in the generator's order, as the other models read them.
  ///   - options: the generator's.
  ///   - ownPrompts: of models that read others instead, by name: as many, in the same order.
  /// - Throws: `DecodingError` for models of another vocabulary, and prompts that leave one of them no room.
  public init(
    _ guidance: LogitGuidance, _ models: [String: any TokenModel], beside model: any TokenModel, _ prompts: [[Int32]],
    _ options: GenerationOptions, reading ownPrompts: [String: [[Int32]]] = [:]
  ) throws {
    let names = guidance.mixture.models.filter { $0 != LogitGuidance.own }
    self.models = try names.map { name in
      guard let other = models[name] else { preconditionFailure("the mixture reads a model named \(name)") }
      guard other.vocabularySize == model.vocabularySize else {
        throw DecodingError.badSetting(
          "\(name): expected a model of the same \(model.vocabularySize) tokens, found \(other.vocabularySize)")
      }
      other.setTraining(false)
      return (name, other)
    }
    let longest = prompts.map(\.count).max() ?? 0
    maxNewTokens = max(0, min(options.maxNewTokens, model.contextLength - longest))
    for (name, other) in self.models {
      let read = ownPrompts[name] ?? prompts
      precondition(read.count == prompts.count, "\(read.count) prompts of \(name) for \(prompts.count)")
      try ModelContext.check(read, for: other, room: maxNewTokens)
    }
    (self.guidance, self.prompts, self.ownPrompts) = (guidance, prompts, ownPrompts)
  }

  /// Mixes the scores before each token.
  public var hook: LogitsHook {
    { logits, state in
      try self.follow(state)
      var all = self.readings.mapValues { $0.logits().to(logits.dtype) }
      all[LogitGuidance.own] = logits
      logits = self.guidance.scores(all)
    }
  }

  /// Lets the models read what was generated since the last token: of a new batch all of it.
  private func follow(_ state: GenerationState) throws {
    guard batch === state.context else { return try begin(state) }
    if rows != state.prompts {
      // Finished sequences have lost their rows.
      let kept = state.prompts.compactMap { rows.firstIndex(of: $0) }
      precondition(kept.count == state.prompts.count, "a batch does not grow")
      for reading in readings.values { reading.keep(kept) }
      rows = state.prompts
    }
    // A sequence that is finished and still has a row is read on with anything.
    let last = state.generated.map { Int64($0.last ?? 0) }
    for reading in readings.values { reading.read(Tensor(last, device: reading.device)) }
  }

  private func begin(_ state: GenerationState) throws {
    (rows, batch) = (state.prompts, state.context)
    let room = maxNewTokens - (state.generated.map(\.count).min() ?? 0)
    for (name, model) in models {
      let own = ownPrompts[name] ?? prompts
      let read = zip(state.prompts, state.generated).map { own[$0] + $1 }
      readings[name] = try ModelContext(model, prompts: read, room: max(room, 0))
    }
  }
}
