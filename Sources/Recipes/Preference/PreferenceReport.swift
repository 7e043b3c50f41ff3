// SPDX-License-Identifier: Apache-2.0
public import Reports

/// The figures of a reward model on a benchmark of preferences.
///
/// Intervals are those of the bootstrap over examples, drawn within each subset, since the sizes of the subsets are the
/// benchmark's and not chance; they hold what another draw of examples may change, not what another judge may.
public struct PreferenceReport: Sendable {
  /// One number, and what it is of.
  public struct Figure: Sendable, Hashable {
    /// The subset, section or mean.
    public var name: String
    /// How many examples it is made of.
    public var examples: Int
    /// Share of right preferences, ties shared (``PreferenceScores/credit``).
    public var accuracy: Double
    /// The same by RewardBench's own rule for ties (``PreferenceScores/officialCredit``).
    public var official: Double
    /// Of the accuracy; nil for a single example, and where the figure is no mean of examples.
    public var interval: ConfidenceInterval?
  }

  /// Name of the reward model.
  public let rewardModel: String
  /// All examples alike.
  public let total: Figure
  /// In alphabetical order.
  public let subsets: [Figure]
  /// RewardBench's; empty for other benchmarks.
  public let sections: [Figure]
  /// The mean of RewardBench's four sections, or of RewardBench 2's six subsets; nil for other benchmarks.
  public let average: Figure?
  /// Number of ties.
  public let ties: Int
  /// The same for every language, in alphabetical order; empty unless examples name languages.
  public let languages: [(name: String, report: PreferenceReport)]
  /// Further remarks.
  public let notes: [String]

  /// - Parameters:
  ///   - outcomes: not empty.
  ///   - bootstrap: how often, with which seed and to which level examples are drawn; percentiles are read off.
  public init(
    rewardModel: String, _ outcomes: [PreferenceOutcome],
    bootstrap: Bootstrap = Bootstrap(resamples: 2000, method: .percentile)
  ) {
    self.init(rewardModel, outcomes, bootstrap, languages: Set(outcomes.compactMap(\.example.language)).sorted())
  }

  private init(_ rewardModel: String, _ outcomes: [PreferenceOutcome], _ bootstrap: Bootstrap, languages: [String]) {
    precondition(!outcomes.isEmpty, "no outcomes")
    self.rewardModel = rewardModel
    ties = outcomes.count { $0.scores.isTie }
    let strata = Dictionary(grouping: outcomes, by: \.example.subset).sorted { $0.key < $1.key }.enumerated().map {
      Stratum($1.key, $1.value, bootstrap, number: $0)
    }
    subsets = strata.map { $0.figure(bootstrap.level) }
    total = Figure(
      "all", strata.map { ($0, Double($0.credits.count)) }, level: bootstrap.level)
    sections = RewardBench.sections.compactMap { section in
      let parts = section.parts.compactMap { part in
        strata.first { $0.name == part.subset }.map { ($0, part.weight) }
      }
      return parts.isEmpty ? nil : Figure(section.name, parts, level: bootstrap.level)
    }
    average = Self.average(strata, bootstrap.level)
    self.languages = languages.map { name in
      (name, PreferenceReport(rewardModel, outcomes.filter { $0.example.language == name }, bootstrap, languages: []))
    }
    notes = Self.notes(strata, isRewardBench: !sections.isEmpty)
  }

  private static func average(_ strata: [Stratum], _ level: Double) -> Figure? {
    let sections = RewardBench.sections.map { section in
      section.parts.compactMap { part in strata.first { $0.name == part.subset }.map { ($0, part.weight) } }
    }
    if sections.allSatisfy({ !$0.isEmpty }) {
      // Each section's weights sum to one, and so the sections count alike.
      let parts = sections.flatMap { parts in
        let sum = parts.reduce(0) { $0 + $1.1 }
        return parts.map { ($0.0, $0.1 / sum) }
      }
      return Figure("average of the sections", parts, level: level)
    }
    let second = RewardBench.subsetsOfSecond.compactMap { name in strata.first { $0.name == name } }
    guard second.count == RewardBench.subsetsOfSecond.count else { return nil }
    return Figure("average of the subsets", second.map { ($0, 1) }, level: level)
  }

  private static func notes(_ strata: [Stratum], isRewardBench: Bool) -> [String] {
    var notes = [String]()
    if isRewardBench {
      notes.append(
        "Sections are weighted by prompt counts, math-prm as much as code; the leaderboard's prior sets are left out.")
    }
    if let ties = strata.first(where: { $0.name == "Ties" }) {
      notes.append(
        ties.score == nil
          ? "Ties: plain accuracy, all right answers above all wrong ones; its own score needs ids ref:n and tied:n."
          : "Ties: RewardBench 2's own score, 60 % accuracy and 40 % margins.")
    }
    return notes
  }
}

/// A subset, with what the bootstrap made of it.
private struct Stratum {
  let name: String
  let credits: [Double]
  let officialCredits: [Double]
  /// Accuracy of each resample.
  let resampled: [Double]
  /// Figure in place of the accuracy, if it is the Ties subset of RewardBench 2.
  let score: Double?

  init(_ name: String, _ outcomes: [PreferenceOutcome], _ bootstrap: Bootstrap, number: Int) {
    self.name = name
    credits = outcomes.map(\.scores.credit)
    officialCredits = outcomes.map(\.scores.officialCredit)
    score = name == "Ties" ? TiesScore(outcomes)?.overall : nil
    // A stream of its own, else subsets of equal size would be drawn alike.
    var own = bootstrap
    own.seed &+= UInt64(number)
    resampled = own.distribution(of: credits) { $0.reduce(0, +) / Double($0.count) }
  }

  var accuracy: Double { score ?? credits.reduce(0, +) / Double(credits.count) }
  var official: Double { score ?? officialCredits.reduce(0, +) / Double(credits.count) }

  func figure(_ level: Double) -> PreferenceReport.Figure { PreferenceReport.Figure(name, [(self, 1)], level: level) }
}

extension PreferenceReport.Figure {
  /// A weighted mean of subsets.
  fileprivate init(_ name: String, _ parts: [(stratum: Stratum, weight: Double)], level: Double) {
    let sum = parts.reduce(0) { $0 + $1.weight }
    func mean(_ value: (Stratum) -> Double) -> Double { parts.reduce(0) { $0 + $1.weight * value($1.stratum) } / sum }
    self.name = name
    examples = parts.reduce(0) { $0 + $1.stratum.credits.count }
    accuracy = mean(\.accuracy)
    official = mean(\.official)
    guard examples > 1, parts.allSatisfy({ $0.stratum.score == nil }) else { return }
    let resamples = parts[0].stratum.resampled.indices.map { index in mean { $0.resampled[index] } }
    let sorted = Measurements(resamples)
    interval = ConfidenceInterval(
      low: sorted.quantile((1 - level) / 2), high: sorted.quantile((1 + level) / 2), level: level)
  }
}
