// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import TokenData
import Torch
import TorchNN

/// The reward that a model is without having been made one, over a response's learnt tokens, ends included: β·(log π −
/// log π_ref), as objectives over whole responses teach it, or how much more probable the model finds a token when it was
/// told to answer well than when it was told to answer badly.
struct ImplicitReward {
  /// What a token's two log-probabilities become.
  enum Rule {
    /// β·(log π − log π_ref)
    case logRatio(beta: Double)
    /// σ(log π₊ − log π₋) − ½ of one model after two instructions, nil for none (T-REG).
    case contrast(better: String?, worse: String)
  }

  let answering: Answering
  let policy, reference: any TokenModel
  let rule: Rule

  /// - Parameters:
  ///   - reference: a model, or the folder of a run; nil: the reference model of the run that `choice` is.
  ///   - beta: nil: that of the run's objective, 0.1 where it has none.
  /// - Throws: `InputError` for a model that has no reference model, or one of another vocabulary.
  init(_ choice: ModelChoice, reference: String? = nil, beta: Double? = nil) throws {
    answering = Answering(choice.artifacts)
    rule = .logRatio(beta: beta ?? choice.artifacts.settings.objective.parameters.beta ?? 0.1)
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

  /// By two instructions to one model.
  init(_ choice: ModelChoice, better: String?, worse: String) throws {
    answering = Answering(choice.artifacts)
    rule = .contrast(better: better, worse: worse)
    policy = try choice.load()
    reference = policy
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

  /// A response as it is learnt, and as the two models read it.
  struct Example {
    var learnt: [Int32]
    var policy, reference: EncodedExample
    var source: String
  }

  /// The answer of a record.
  ///
  /// - Throws: `InputError` if it cannot be encoded.
  func example(_ record: Record) throws -> Example {
    try example(record, learnt: answering.fitted(try answering.encoder.encode(record)))
  }

  /// The responses to one prompt, as the tokens that training learns.
  ///
  /// - Throws: `InputError` if they cannot be encoded.
  func examples(_ responses: ResponseRecord) throws -> [Example] {
    let example = try answering.encoder.encode(responses)
    return try responses.responses.enumerated().map { index, record in
      try self.example(record, learnt: answering.fitted(example.document(index)))
    }
  }

  private func example(_ record: Record, learnt: EncodedExample) throws -> Example {
    func read(_ instruction: String?) throws -> EncodedExample {
      guard let instruction else { return learnt }
      let told = answering.fitted(try answering.encoder.encode(try record.instructed(by: instruction)))
      guard told.learntIDs == learnt.learntIDs else {
        throw InputError(
          path: record.source, expected: "a response that is the same tokens after the instruction as without it",
          found: "\(told.learntIDs.count) and \(learnt.learntIDs.count) that differ",
          remedy: "A response that begins with white space, or a chat template, keeps its tokens apart.")
      }
      return told
    }
    let (own, other): (String?, String?) =
      if case .contrast(let better, let worse) = rule { (better, worse) } else { (nil, nil) }
    return Example(
      learnt: learnt.learntIDs, policy: try read(own), reference: try read(other), source: record.source)
  }

  /// Reads records' answers.
  ///
  /// - Throws: `InputError` naming the record that cannot be read.
  func readings(of records: [Record]) throws -> [Reading] { try readings(of: records.map(example)) }

  /// Reads responses.
  ///
  /// - Throws: `InputError` naming the record that cannot be read.
  func readings(of examples: [Example]) throws -> [Reading] {
    let sources = examples.map(\.source)
    let own = try answering.logLikelihoods(of: examples.map(\.policy), policy, sources: sources)
    let other = try answering.logLikelihoods(of: examples.map(\.reference), reference, sources: sources)
    return examples.indices.map { index in
      let rewards =
        switch rule {
        case .logRatio(let beta): TokenRewards.implicit(own[index], other[index], beta: beta)
        case .contrast: TokenRewards.contrastive(own[index], other[index])
        }
      return Reading(
        ids: examples[index].learnt, policy: own[index], reference: other[index], rewards: rewards)
    }
  }
}

extension EncodedExample {
  /// The tokens that are learnt: all but the first, before which there is none.
  fileprivate var learntIDs: [Int32] { ids.indices.dropFirst().filter { supervised[$0] }.map { ids[$0] } }
}

extension ModelChoice {
  /// Where other models beside this one belong.
  var deviceOverride: [String] { ["train.device=\(artifacts.settings.train.device)"] }
}
