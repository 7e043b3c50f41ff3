// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import TokenData
import TokenModels
import TorchNN

/// A model that rates by answering with scores, read out as expectations (D.3; docs/paper-map.md Q21): it is given the
/// answer up to a score, and says how probable it thinks each of the numbers that may stand there.
public final class GenerativeRewardModel: RewardModel {
  /// Name of the model, for answers of a server.
  public let name: String
  /// Knows of requests that are far too long without reading them; nil: of none.
  public let screen: RequestScreen?
  private let model: any TokenModel
  private let answering: Answering
  private let ratings: RatingReader
  private let template: AnswerTemplate
  private let maxLength: Int
  private let answerLength: Int
  private var scorer: Scorer

  /// - Throws: `InputError` if the run file has no `reward` section, or the tokenizer has no gaps for its scores.
  init(_ artifacts: RunArtifacts, _ model: any TokenModel, name: String) throws {
    ratings = try artifacts.ratings
    screen = RequestScreen(ratings, artifacts)
    template = try AnswerTemplate(ratings, artifacts.encoder)
    (self.model, self.name) = (model, name)
    answering = Answering(artifacts)
    maxLength = artifacts.maxLength
    answerLength = template.gaps.reduce(0) { $0 + $1.before.count + 3 }
    scorer = Scorer(model)
    // The instruction is read once. Two prompts that differ from their first word on show where it ends.
    let samples = try ["a", "Z"].map { try prompt(RewardRequest(prompt: $0, response: $0)) }
    let shared = zip(samples[0], samples[1]).prefix { $0 == $1 }.count
    if shared > 0, !model.seesWholePrompts { scorer.beginning = try ReadBeginning(model, Array(samples[0][..<shared])) }
  }

  /// Least and largest overall score; nil for any number.
  public var range: ClosedRange<Double>? { ratings.template.overall.values }
  /// Names and ranges of the attributes.
  public var attributes: [(name: String, range: ClosedRange<Double>?)] {
    ratings.template.attributes.map { ($0.name, $0.values) }
  }

  /// Tokens that a request takes.
  ///
  /// - Throws: `InputError` for one that cannot be read.
  public func tokens(of request: RewardRequest) throws -> Int { try prompt(request).count + answerLength }

  /// Rates requests side by side; one result each.
  ///
  /// - Throws: `InputError` for a request that cannot be read.
  public func rewards(of requests: [RewardRequest], attributes: Bool, tokenBudget: Int?) throws -> [Reward] {
    let prompts = try requests.map(prompt)
    let gaps = attributes ? template.gaps.count : 1
    func read(_ budget: Int) throws -> [[NumberDistribution]] {
      try scorer.distributions(in: template, after: prompts, gaps: gaps, tokenBudget: budget)
    }
    let found = try tokenBudget.map(read) ?? answering.withBudget(model, read)
    return found.map { distributions in
      let scores = zip(template.gaps, distributions).map { Reward.Score(name: $0.name, $1) }
      return Reward(overall: scores[0], attributes: Array(scores.dropFirst()))
    }
  }

  private func prompt(_ request: RewardRequest) throws -> [Int32] {
    let rated = ratings.shortened(RatedResponse(messages: request.messages, response: request.response))
    let ids = try answering.encoder.prompt(ratings.record(rated))
    guard ids.count + answerLength <= maxLength else {
      throw InputError(
        path: "request", expected: "at most \(maxLength) tokens with instruction and answer",
        found: "\(ids.count + answerLength)",
        remedy:
          "Shorten prompt or response, or let the run file cut them: reward.longestPrompt, reward.longestResponse.")
    }
    return ids
  }
}

extension RatingTemplate.Scale {
  /// The range as numbers.
  var values: ClosedRange<Double> { Double(range.lowerBound)...Double(range.upperBound) }
}

extension Reward.Score {
  init(name: String, _ distribution: NumberDistribution) {
    self.init(
      name: name, expectation: distribution.mean, variance: distribution.variance, values: distribution.values,
      probabilities: distribution.probabilities, coverage: distribution.coverage)
  }
}
