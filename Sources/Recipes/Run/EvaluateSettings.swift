// SPDX-License-Identifier: Apache-2.0
public import Evaluation

/// Evaluation of answers.
public struct EvaluateSettings: Sendable, Hashable {
  /// Figures, by name; nil: those that fit the answers.
  public var metrics: [EvaluationMetric]?
  /// Largest number of new tokens of an answer; nil: what the longest right answer needs, and some.
  public var maxNewTokens: Int?
  /// Only so many examples; nil for all.
  public var limit: Int?
  /// Numbers that make an answer; nil: as many as the right answer has.
  public var numbers: Int?
  /// Value of an answer without a number in the errors; nil: it is left out, and counted.
  public var unreadableAs: Double?
  /// Whether the distribution of the number is read out beside the answer, for CRPS, coverage and the number read out;
  /// nil: where every answer is one number that can be read out.
  public var distribution: Bool?
  /// The number that stands for a distribution; nil: by the metric's distance.
  public var readOut: ReadOutChoice?
  /// Unfinished numbers that are kept at each digit at most while the distribution is read out.
  public var width: Int
  /// How numbers are written, for models without training answers; nil: as these write them.
  public var number: NumberSettings?
  /// Tokens of a batch, padding included; nil: found from the memory there is.
  public var tokenBudget: Int?

  /// Memberwise; the defaults are the run file's.
  public init(
    metrics: [EvaluationMetric]? = nil, maxNewTokens: Int? = nil, limit: Int? = nil, numbers: Int? = nil,
    unreadableAs: Double? = nil, distribution: Bool? = nil, readOut: ReadOutChoice? = nil, width: Int = 1024,
    number: NumberSettings? = nil, tokenBudget: Int? = nil
  ) {
    (self.metrics, self.maxNewTokens, self.limit, self.numbers) = (metrics, maxNewTokens, limit, numbers)
    (self.unreadableAs, self.distribution, self.readOut) = (unreadableAs, distribution, readOut)
    (self.width, self.number, self.tokenBudget) = (width, number, tokenBudget)
  }
}

extension EvaluateSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.value("metrics", &metrics)
    try keys.value("maxNewTokens", &maxNewTokens, in: SettingRange.counts)
    try keys.value("limit", &limit, in: SettingRange.counts)
    try keys.value("numbers", &numbers, in: SettingRange.counts)
    try keys.value("unreadableAs", &unreadableAs)
    try keys.value("distribution", &distribution)
    try keys.value("readOut", &readOut)
    try keys.value("width", &width, in: SettingRange.sizes)
    try keys.optionalSection("number", &number, new: NumberSettings())
    try keys.value("tokenBudget", &tokenBudget, in: SettingRange.counts)
  }
}

extension EvaluationMetric: NamedSetting {}

/// The number that is judged first.
public enum ReadOutChoice: String, Sendable, Hashable, CaseIterable, NamedSetting {
  /// Of the distribution over the numbers of the format.
  case median, mean, mode
  /// The one that the model writes by itself, token by token.
  case greedy
}
