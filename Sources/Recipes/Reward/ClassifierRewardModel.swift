// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import Objectives
import TokenData
import TorchNN

/// A model that rates with a head of its own: a logit by which responses are compared, or a number for each scale.
public final class ClassifierRewardModel: RewardModel {
  /// Name of the model, for answers of a server.
  public let name: String
  /// Knows of requests that are far too long without reading them; nil: of none.
  public let screen: RequestScreen?
  private let model: any TokenModel
  private let answering: Answering
  private let ratings: RatingReader
  private let loss: RatingObjective.Loss
  private let maxLength: Int

  /// - Throws: `InputError` if the run file has no `reward` section.
  init(_ artifacts: RunArtifacts, _ model: any TokenModel, _ loss: RatingObjective.Loss, name: String) throws {
    ratings = try artifacts.ratings
    screen = RequestScreen(ratings, artifacts)
    (self.model, self.loss, self.name) = (model, loss, name)
    answering = Answering(artifacts)
    maxLength = artifacts.maxLength
  }

  /// Least and largest overall score; nil for any number.
  public var range: ClosedRange<Double>? { loss.givesOneScore ? nil : ratings.template.overall.values }
  /// Names and ranges of the attributes.
  public var attributes: [(name: String, range: ClosedRange<Double>?)] {
    loss.givesOneScore ? [] : ratings.template.attributes.map { ($0.name, $0.values) }
  }

  /// Tokens that a request takes.
  ///
  /// - Throws: `InputError` for one that cannot be read.
  public func tokens(of request: RewardRequest) throws -> Int { try document(request).count }

  /// Rates requests side by side; one result each.
  ///
  /// - Throws: `InputError` for a request that cannot be read.
  public func rewards(of requests: [RewardRequest], attributes: Bool, tokenBudget: Int?) throws -> [Reward] {
    let found = try outputs(of: requests, tokenBudget: tokenBudget)
    guard !loss.givesOneScore else {
      return found.map { Reward(overall: Reward.Score(name: "overall", expectation: $0[0])) }
    }
    return found.map { outputs in
      let scores = zip(ratings.template.scales, outputs).map { scale, output in
        Reward.Score(name: scale.name, expectation: scale.score(ofOutput: output))
      }
      return Reward(overall: scores[0], attributes: attributes ? Array(scores.dropFirst()) : [])
    }
  }

  /// What the head says of each request, `[K]`.
  ///
  /// - Throws: as ``rewards(of:attributes:tokenBudget:)``.
  func outputs(of requests: [RewardRequest], tokenBudget: Int?) throws -> [[Double]] {
    let documents = try requests.map(document), scorer = Scorer(model)
    func read(_ budget: Int) throws -> [[Double]] { try scorer.scores(of: documents, tokenBudget: budget) }
    return try tokenBudget.map(read) ?? answering.withBudget(model, read)
  }

  private func document(_ request: RewardRequest) throws -> [Int32] {
    let rated = ratings.shortened(RatedResponse(messages: request.messages, response: request.response))
    let ids = try answering.encoder.encode(ratings.record(rated)).ids
    guard ids.count <= maxLength else {
      throw InputError(
        path: "request", expected: "at most \(maxLength) tokens", found: "\(ids.count)",
        remedy:
          "Shorten prompt or response, or let the run file cut them: reward.longestPrompt, reward.longestResponse.")
    }
    return ids
  }
}

extension RatingTemplate.Scale {
  /// Target of a head's output: the range as −1 … 1, so that outputs start in its middle.
  func output(ofScore score: Int) -> Double {
    let low = values.lowerBound, high = values.upperBound
    return 2 * (Double(score) - low) / (high - low) - 1
  }

  /// The score that an output means; one beyond the range is not cut.
  func score(ofOutput output: Double) -> Double {
    let low = values.lowerBound, high = values.upperBound
    return low + (output + 1) / 2 * (high - low)
  }
}
