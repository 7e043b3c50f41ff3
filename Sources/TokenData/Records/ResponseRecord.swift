// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// Formats of a line with responses to a prompt, by TRL's names.
public enum ResponseFormat: String, Sendable, Hashable, CaseIterable {
  /// `{"prompt": …, "chosen": …, "rejected": …}`; `margin`, `probability` and `weight` may be there. Without a prompt it
  /// is what both begin with.
  case preference
  /// `{"prompt": …, "completion": …, "label": true}`; a preference stands for two of them.
  case unpaired
  /// `{"prompt": …, "completions": [ … ], "scores": [ … ]}`
  case group
  /// HelpSteer2-Preference's `{"prompt", "response_1", "response_2", "preference_strength", "split"}`: a strength below 0
  /// says that the first is better.
  case helpSteer2Preference
}

/// The names of a record's fields.
public struct ResponseFields: Sendable, Hashable {
  /// Question: text, or a list of messages.
  public var prompt = "prompt"
  /// The better response, and the other.
  public var chosen = "chosen", rejected = "rejected"
  /// A single response, and whether it is wanted.
  public var completion = "completion", label = "label"
  /// Several responses, and the score of each.
  public var completions = "completions", scores = "scores"
  /// By how much the chosen response is better; the probability that it is; the factor of its loss.
  public var margin = "margin", probability = "probability", weight = "weight"
  /// A name of the record.
  public var id = "id"

  /// TRL's names.
  public init() {}
}

/// A prompt, responses to it, and what was said of them.
public struct ResponseRecord: Sendable, Hashable {
  /// The prompt with each of the responses.
  public var responses: [Record]
  /// What was said of them.
  public var worth: Worth
  /// By how much the first of two is better, m ≥ 0, where the record says so.
  public var margin: Double?
  /// Factor of their loss.
  public var weight: Double
  /// Numbers given with the tokens of each response, and the names of the responses' fields; empty where neither is known.
  public var tokens: [GivenTokenValues]
  /// `train.jsonl line 12`
  public var source: String
  /// The record's own name, if it has one.
  public var id: String?

  /// Memberwise.
  public init(
    _ responses: [Record], _ worth: Worth, margin: Double? = nil, weight: Double = 1,
    tokens: [GivenTokenValues] = [], source: String = "", id: String? = nil
  ) {
    precondition(responses.count == worth.count, "\(responses.count) responses, a worth of \(worth.count)")
    precondition(tokens.isEmpty || tokens.count == worth.count, "\(tokens.count) lists, \(worth.count) responses")
    self.tokens = tokens
    (self.responses, self.worth, self.margin, self.weight) = (responses, worth, margin, weight)
    (self.source, self.id) = (source, id)
  }
}
