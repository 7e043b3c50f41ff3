// SPDX-License-Identifier: Apache-2.0
/// Benchmarks with rules of their own, known by their fields (``PreferenceFormat``).
public enum PreferenceBenchmark: String, Sendable, Hashable, CaseIterable {
  /// Three responses of different styles on each side; nine comparisons an example.
  case rmBench
  /// Pairs of answers to hard questions, one of them right.
  case judgeBench
  /// Pairs of outputs, one of which follows the instruction.
  case llmBar
  /// Pairs that people compared, with a strength of 1 … 3.
  case helpSteer2Preference

  /// Those of RM-Bench; `safety-refuse` and `safety-response` are one.
  static let domains = ["chat", "code", "math", "safety"]
  /// Styles of RM-Bench: short, detailed, detailed with Markdown.
  static let styles = 3
  /// LLMBar's adversarial sets.
  static let adversarialSets = ["Neighbor", "GPTInst", "GPTOut", "Manual"]

  /// What is made of the subsets there are.
  ///
  /// - Parameter subsets: name and number of examples of each.
  func sections(of subsets: [(name: String, examples: Int)]) -> [PreferenceSection] {
    switch self {
    case .rmBench:
      // A domain is the mean of the three levels, and a level that of the domains.
      Self.domains.map { domain in
        PreferenceSection(domain, StyleLevel.allCases.map { ("\(domain) \($0)", 1) })
      }
        + StyleLevel.allCases.map { level in
          PreferenceSection("\(level)", Self.domains.map { ("\($0) \(level)", 1) })
        }
    case .judgeBench:
      Self.categories.map { category in
        let parts = subsets.filter { $0.name.hasPrefix(category.prefix) }
        return PreferenceSection(category.name, parts.map { ($0.name, Double($0.examples)) })
      }
    case .llmBar: [PreferenceSection("Adversarial", Self.adversarialSets.map { ($0, 1) })]
    case .helpSteer2Preference: []
    }
  }

  /// The one number of a benchmark that is no mean over all examples alike; nil where it is, or a part is missing.
  func average(of subsets: [String]) -> PreferenceSection? {
    guard self == .rmBench else { return nil }
    let all = Self.domains.flatMap { domain in StyleLevel.allCases.map { "\(domain) \($0)" } }
    guard all.allSatisfy(subsets.contains) else { return nil }
    return PreferenceSection("average of the domains", all.map { ($0, 1) })
  }

  /// Said below the table.
  var note: String {
    switch self {
    case .rmBench:
      "RM-Bench: hard pits a plain chosen response against an adorned rejected one, easy the reverse, normal equals."
    case .judgeBench: "JudgeBench: its own number is that of all pairs; categories are those of their sources."
    case .llmBar: "LLMBar: Adversarial is the plain mean of its four sets."
    case .helpSteer2Preference: "HelpSteer2-Preference: agreement with the sign of the strength."
    }
  }

  /// JudgeBench's, by how names of their sources begin.
  private static let categories: [(prefix: String, name: String)] = [
    ("mmlu-pro", "Knowledge"), ("livebench-reasoning", "Reasoning"), ("livebench-math", "Math"),
    ("livecodebench", "Coding"),
  ]
}

/// How a chosen response of RM-Bench compares in style with the rejected one. The order of styles is that of the lists:
/// short, detailed, detailed with Markdown.
enum StyleLevel: String, CaseIterable, CustomStringConvertible {
  case hard, normal, easy

  init(chosen: Int, rejected: Int) { self = chosen < rejected ? .hard : chosen == rejected ? .normal : .easy }

  var description: String { rawValue }
}

/// A mean of subsets, weighted.
public struct PreferenceSection: Sendable, Hashable {
  /// One subset of it.
  public struct Part: Sendable, Hashable {
    /// Name of the subset in the data.
    public var subset: String
    /// Its weight: a number of prompts, or 1 where all count alike.
    public var weight: Double
  }

  /// Name of the section.
  public var name: String
  /// Its subsets.
  public var parts: [Part]

  init(_ name: String, _ parts: [(String, Double)]) {
    (self.name, self.parts) = (name, parts.map { Part(subset: $0.0, weight: $0.1) })
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
