// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import TokenData
import Torch
import TorchNN

/// The reward that a model is without having been made one: β·Σ(log π − log π_ref) over a response's learnt tokens, ends
/// included, as objectives over whole responses teach it.
struct ImplicitReward {
  let answering: Answering
  let policy, reference: any TokenModel
  /// Factor of the log-ratio.
  let beta: Double

  /// - Parameters:
  ///   - reference: a model, or the folder of a run; nil: the reference model of the run that `choice` is.
  ///   - beta: nil: that of the run's objective, 0.1 where it has none.
  /// - Throws: `InputError` for a model that has no reference model, or one of another vocabulary.
  init(_ choice: ModelChoice, reference: String? = nil, beta: Double? = nil) throws {
    answering = Answering(choice.artifacts)
    self.beta = beta ?? choice.artifacts.settings.objective.parameters.beta ?? 0.1
    if let reference {
      self.reference = try ModelChoice(reference, overrides: choice.deviceOverride).load()
    } else if choice.run != nil, !choice.artifacts.settings.objective.choice.isOfTokens {
      self.reference = try ResponseArtifacts(choice.artifacts).loadReference(dtype: .float32)
    } else {
      throw InputError(
        path: choice.name, expected: "a reference model", found: "none",
        remedy: "Name one: --reference MODEL. Only runs of objectives over whole responses have one of their own.")
    }
    policy = try choice.load()
    guard self.reference.vocabularySize == policy.vocabularySize else {
      throw InputError(
        path: reference ?? choice.name, expected: "a model of the same \(policy.vocabularySize) tokens",
        found: "\(self.reference.vocabularySize)", remedy: "Both read the same ids, so they need one tokenizer.")
    }
  }

  /// Log-probabilities of one response's learnt tokens by both models.
  struct Reading {
    var ids: [Int32]
    var policy, reference: [Double]
    /// Reward of each token.
    var rewards: [Double]
    /// That of the response.
    var sum: Double { rewards.reduce(0, +) }
  }

  /// Reads records' answers.
  ///
  /// - Throws: `InputError` naming the record that cannot be read.
  func readings(of records: [Record]) throws -> [Reading] {
    let examples = try records.map { answering.fitted(try answering.encoder.encode($0)) }
    let sources = records.map(\.source)
    let own = try answering.logLikelihoods(of: examples, policy, sources: sources)
    let other = try answering.logLikelihoods(of: examples, reference, sources: sources)
    return examples.indices.map { index in
      let example = examples[index]
      return Reading(
        ids: example.ids.indices.dropFirst().filter { example.supervised[$0] }.map { example.ids[$0] },
        policy: own[index], reference: other[index],
        rewards: TokenRewards.implicit(own[index], other[index], beta: beta))
    }
  }
}

extension ModelChoice {
  /// Where other models beside this one belong.
  var deviceOverride: [String] { ["train.device=\(artifacts.settings.train.device)"] }
}

/// Rates answers by how much more probable a model finds them than its reference model does.
struct ImplicitScoring: RecordWork {
  let reward: ImplicitReward
  /// Whether rewards of single tokens are told.
  let showsTokens: Bool

  func check(_ record: Record) throws {
    try reward.answering.checkTexts(record, of: reward.policy)
    let example = reward.answering.fitted(try reward.answering.encoder.encode(record))
    let prompt = example.supervised.firstIndex(of: true) ?? example.ids.count
    for model in [reward.policy, reward.reference] {
      try checkLength(prompt: prompt, answer: example.ids.count - prompt, of: model, source: record.source)
    }
  }

  func results(of records: [Record]) throws -> [JSON] {
    try zip(records, reward.readings(of: records)).map { record, reading in
      var object = JSONObject()
      object["id"] = .string(record.id ?? record.source)
      object["score"] = .double(reading.sum)
      object["logProbability"] = .double(reading.policy.reduce(0, +))
      object["reference"] = .double(reading.reference.reduce(0, +))
      object["tokens"] = .int(reading.rewards.count)
      if showsTokens {
        let tokenizer = reward.answering.encoder.tokenizer
        object["pieces"] = .array(reading.ids.map { .string(tokenizer.decode([$0])) })
        object["rewards"] = .array(reading.rewards.map { .double($0) })
        object["cumulative"] = .array(TokenRewards.cumulative(reading.rewards).map { .double($0) })
      }
      return .object(object)
    }
  }
}
