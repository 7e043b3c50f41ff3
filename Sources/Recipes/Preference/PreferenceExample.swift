// SPDX-License-Identifier: Apache-2.0

/// Responses that somebody preferred, and those they were preferred to.
public struct PreferenceExample: Sendable, Hashable {
  /// Its name in its benchmark; `file line 12` where it has none.
  public var id: String
  /// The part of the benchmark it belongs to; `all` where there are no parts.
  public var subset: String
  /// The good responses, each with what it answers: one, or several of which all are right. Not empty.
  public var chosen: [RewardRequest]
  /// The bad ones. Not empty.
  public var rejected: [RewardRequest]
  /// By how much the chosen one is better, where somebody said so.
  public var margin: Double?
  /// Code of its language, `deu_Latn`, where the benchmark has several.
  public var language: String?
  /// Path or address of the image that the prompt is about.
  public var image: String?
  /// The benchmark whose rules count it; nil: those of RewardBench and its kin, by the names of subsets.
  public var benchmark: PreferenceBenchmark?

  /// Memberwise.
  public init(
    id: String, subset: String = "all", chosen: [RewardRequest], rejected: [RewardRequest], margin: Double? = nil,
    language: String? = nil, image: String? = nil, benchmark: PreferenceBenchmark? = nil
  ) {
    precondition(!chosen.isEmpty && !rejected.isEmpty, "\(id): a preference needs two sides")
    precondition(
      benchmark != .rmBench || chosen.count == rejected.count, "\(id): a response of each style on both sides")
    (self.id, self.subset, self.chosen, self.rejected) = (id, subset, chosen, rejected)
    (self.margin, self.language, self.image, self.benchmark) = (margin, language, image, benchmark)
  }

  /// Whether no reward model can tell the two sides apart: one of the responses is on both.
  public var isUndecidable: Bool { chosen.contains { rejected.contains($0) } }
}
