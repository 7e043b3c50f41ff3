// SPDX-License-Identifier: Apache-2.0
public import TokenData

/// A response to be rated, and what it answers.
public struct RewardRequest: Sendable, Hashable {
  /// The conversation up to the response; the last message is the user's.
  public var messages: [ChatMessage]
  /// Rated response.
  public var response: String

  /// Memberwise.
  public init(messages: [ChatMessage], response: String) {
    self.messages = messages
    self.response = response
  }

  /// A single question and its answer.
  public init(prompt: String, response: String) {
    self.init(messages: [ChatMessage(.user, prompt)], response: response)
  }
}

/// Reward of a response.
public struct Reward: Sendable, Hashable, Codable {
  /// One number that it thinks of, with what it believes of it.
  public struct Score: Sendable, Hashable, Codable {
    /// `overall`, `helpfulness`, …
    public var name: String
    /// Σ v p(v): the reward.
    public var expectation: Double
    /// Σ (v − expectation)² p(v); nil from a model that gives a number and no distribution.
    public var variance: Double?
    /// The possible values, ascending, and how probable the model thinks each; empty without a distribution.
    public var values: [Double]
    /// How probable the model thinks each of ``values``.
    public var probabilities: [Double]
    /// How probable it was that the model says any of these values at all; nil without a distribution.
    public var coverage: Double?

    /// Memberwise.
    public init(
      name: String, expectation: Double, variance: Double? = nil, values: [Double] = [], probabilities: [Double] = [],
      coverage: Double? = nil
    ) {
      (self.name, self.expectation, self.variance) = (name, expectation, variance)
      (self.values, self.probabilities, self.coverage) = (values, probabilities, coverage)
    }
  }

  /// The score that responses are compared by.
  public var overall: Score
  /// Attributes, in the order of the run file; empty if not asked for, or the model knows none.
  public var attributes: [Score]

  // Folders of earlier versions have this key.
  private enum CodingKeys: String, CodingKey { case overall, attributes = "facets" }

  /// Memberwise.
  public init(overall: Score, attributes: [Score] = []) { (self.overall, self.attributes) = (overall, attributes) }
}

/// A model that rates responses: one that answers with scores, or one with a head of its own for them.
///
/// Not `Sendable`: whoever shares one calls it from one thread at a time.
public protocol RewardModel: AnyObject {
  /// A short name for tables and files.
  var name: String { get }
  /// The range of the overall score; nil if it has none (the logit of a classifier).
  var range: ClosedRange<Double>? { get }
  /// Names of the attributes and their ranges.
  var attributes: [(name: String, range: ClosedRange<Double>?)] { get }
  /// What is known of a request without reading it; nil for nothing.
  var screen: RequestScreen? { get }
  /// Tokens that rating a response reads.
  ///
  /// - Throws: `InputError` for a response that cannot be rated: too long, a conversation that the template refuses.
  func tokens(of request: RewardRequest) throws -> Int
  /// Rates responses.
  ///
  /// - Parameters:
  ///   - attributes: whether attributes are wanted too, which costs some more reading.
  ///   - tokenBudget: largest number of tokens that are read at once; nil for what memory allows.
  /// - Returns: one reward a request, in order.
  /// - Throws: as ``tokens(of:)``, for the first request that cannot be rated.
  func rewards(of requests: [RewardRequest], attributes: Bool, tokenBudget: Int?) throws -> [Reward]
}

extension RewardModel {
  /// Nothing.
  public var screen: RequestScreen? { nil }
}
