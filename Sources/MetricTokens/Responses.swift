// SPDX-License-Identifier: Apache-2.0
/// What was said of the responses to one prompt: the score of objectives over whole responses.
public enum Worth: Sendable, Hashable, Codable {
  /// Of two, the first is the better one, with this probability: 1 unless the record knows better.
  case preference(probability: Double)
  /// A score of each, more is better.
  case scores([Double])
  /// Of a single response, whether it is wanted.
  case label(Bool)

  /// Of two, the first is the better one.
  public static let preference = Worth.preference(probability: 1)

  /// Number of responses.
  public var count: Int {
    switch self {
    case .preference: 2
    case .scores(let scores): scores.count
    case .label: 1
    }
  }
}

/// Numbers given with the learnt tokens of one response, one a token: the log-probabilities of another model that were
/// computed before, for instance. Nil where there are none.
public struct TokenValues: Sendable, Hashable, Codable {
  /// log π_ref of each token, of the reference model.
  public var reference: [Float]?
  /// Weight of each token in the response's reward.
  public var weights: [Float]?
  /// Weight of the divergence at each token (SparsePO's second mask).
  public var divergenceWeights: [Float]?
  /// Reward of each token (T-REG's r̂).
  public var rewards: [Float]?

  /// Memberwise.
  public init(
    reference: [Float]? = nil, weights: [Float]? = nil, divergenceWeights: [Float]? = nil, rewards: [Float]? = nil
  ) {
    (self.reference, self.weights, self.divergenceWeights) = (reference, weights, divergenceWeights)
    self.rewards = rewards
  }
}

/// The responses to one prompt, which are the documents of an example.
public struct Responses: Sendable, Hashable, Codable {
  /// What was said of them.
  public var worth: Worth
  /// Factor of their loss.
  public var weight: Double
  /// Given numbers of each document's learnt tokens; empty for none.
  public var tokens: [TokenValues]

  /// Memberwise.
  public init(_ worth: Worth, weight: Double = 1, tokens: [TokenValues] = []) {
    precondition(tokens.isEmpty || tokens.count == worth.count, "\(tokens.count) lists for \(worth.count) responses")
    precondition(weight.isFinite && weight >= 0, "weight \(weight)")
    (self.worth, self.weight, self.tokens) = (worth, weight, tokens)
  }
}

/// A document whose log-probability as a whole is learnt.
public struct DocumentTarget: Sendable, Hashable {
  /// Its learnt tokens: indices into `Supervision.logitRows` and `Supervision.labels`.
  public var tokens: Range<Int>
  /// Numbers given with them.
  public var values: TokenValues

  /// Memberwise.
  public init(tokens: Range<Int>, values: TokenValues = TokenValues()) {
    (self.tokens, self.values) = (tokens, values)
  }
}

/// Documents that answer one prompt, and what was said of them.
public struct DocumentGroup: Sendable, Hashable {
  /// Indices into `Supervision.documents`, as many as `worth` speaks of.
  public var documents: Range<Int>
  /// What was said of them.
  public var worth: Worth
  /// Factor of their loss.
  public var weight: Double

  /// Memberwise.
  public init(documents: Range<Int>, worth: Worth, weight: Double = 1) {
    precondition(documents.count == worth.count, "\(documents.count) documents, a worth of \(worth.count)")
    (self.documents, self.worth, self.weight) = (documents, worth, weight)
  }
}

extension EncodedExample {
  /// Responses to one prompt side by side: prompt and answer of each, that do not see each other.
  ///
  /// - Parameters:
  ///   - documents: each of one document, without images.
  ///   - margin: by how much the first of two is better, for heads of scores; nil: they are not compared by one.
  public init(documents: [EncodedExample], _ responses: Responses, margin: Double? = nil, source: String = "") {
    precondition(
      documents.allSatisfy { $0.breaks.isEmpty && $0.images.isEmpty && !$0.ids.isEmpty }, "documents of responses")
    let starts = documents.reduce(into: [0]) { $0.append($0.last! + $1.ids.count) }
    self.init(
      ids: documents.flatMap(\.ids), supervised: documents.flatMap(\.supervised),
      breaks: Array(starts.dropFirst().dropLast()), comparison: margin, responses: responses, source: source)
  }

  /// One of the documents by itself, without what it is worth.
  public func document(_ index: Int) -> EncodedExample {
    let place = documents[index]
    return EncodedExample(ids: Array(ids[place]), supervised: Array(supervised[place]), source: source)
  }
}
