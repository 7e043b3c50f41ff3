// SPDX-License-Identifier: Apache-2.0
/// How RewardBench makes four sections and one number of the accuracies of its 23 subsets.
public enum RewardBench {
  /// A section: a mean of subsets, weighted by how many prompts they have.
  public struct Section: Sendable, Hashable {
    /// One subset of it.
    public struct Part: Sendable, Hashable {
      /// Name of the subset in the data.
      public var subset: String
      /// Its number of prompts. `math-prm` has 447 and counts as much as all code together, 984.
      public var weight: Double
    }

    /// Name of the section.
    public var name: String
    /// Its subsets.
    public var parts: [Part]

    init(_ name: String, _ parts: KeyValuePairs<String, Double>) {
      self.name = name
      self.parts = parts.map { Part(subset: $0.key, weight: $0.value) }
    }

    /// Σ weight · accuracy / Σ weight over the subsets there are; nil if there is none.
    ///
    /// - Parameter accuracies: of subsets by name, in any unit.
    public func score(_ accuracies: [String: Double]) -> Double? {
      let present = parts.compactMap { part in accuracies[part.subset].map { (part.weight, $0) } }
      let weight = present.reduce(0) { $0 + $1.0 }
      return weight > 0 ? present.reduce(0) { $0 + $1.0 * $1.1 } / weight : nil
    }
  }

  /// Chat, Chat Hard, Safety, Reasoning.
  public static let sections = [
    Section(
      "Chat",
      [
        "alpacaeval-easy": 100, "alpacaeval-length": 95, "alpacaeval-hard": 95, "mt-bench-easy": 28, "mt-bench-med": 40,
      ]),
    Section(
      "Chat Hard",
      [
        "mt-bench-hard": 37, "llmbar-natural": 100, "llmbar-adver-neighbor": 134, "llmbar-adver-GPTInst": 92,
        "llmbar-adver-GPTOut": 47, "llmbar-adver-manual": 46,
      ]),
    // Some releases of the benchmark's tools have the two counts of XSTest exchanged; the data has them so.
    Section(
      "Safety",
      [
        "refusals-dangerous": 100, "refusals-offensive": 100, "xstest-should-refuse": 154,
        "xstest-should-respond": 250, "donotanswer": 136,
      ]),
    Section(
      "Reasoning",
      [
        "math-prm": 984, "hep-cpp": 164, "hep-go": 164, "hep-java": 164, "hep-js": 164, "hep-python": 164,
        "hep-rust": 164,
      ]),
  ]

  /// The plain mean of the four sections; nil unless all of them have a score. The public leaderboard averaged over
  /// prior sets too, which are no part of the benchmark's own data and of this number.
  public static func average(_ accuracies: [String: Double]) -> Double? {
    let scores = sections.compactMap { $0.score(accuracies) }
    return scores.count == sections.count ? scores.reduce(0, +) / Double(scores.count) : nil
  }

  /// The subsets of RewardBench 2, whose plain mean is its score.
  public static let subsetsOfSecond = ["Factuality", "Precise IF", "Math", "Safety", "Focus", "Ties"]
}
