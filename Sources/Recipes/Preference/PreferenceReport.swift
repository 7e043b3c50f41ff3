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
    /// Names of the subsets that it is a mean of.
    public var parts: [String]
  }

  /// Name of the reward model.
  public let rewardModel: String
  /// All examples alike.
  public let total: Figure
  /// In alphabetical order.
  public let subsets: [Figure]
  /// Means of subsets as RewardBench, RM-Bench, JudgeBench and LLMBar make them; empty for other benchmarks.
  public let sections: [Figure]
  /// The mean of RewardBench's four sections, of RewardBench 2's six subsets, or of RM-Bench's four domains; nil for other
  /// benchmarks, and where a part is missing.
  public let average: Figure?
  /// Number of ties among all comparisons.
  public let ties: Int
  /// The same for every language, in alphabetical order; empty unless examples name languages.
  public let languages: [(name: String, report: PreferenceReport)]
  /// Further remarks.
  public let notes: [String]

  /// - Parameters:
  ///   - outcomes: not empty.
  ///   - remarks: further notes.
  ///   - bootstrap: how often, with which seed and to which level examples are drawn; percentiles are read off.
  public init(
    rewardModel: String, _ outcomes: [PreferenceOutcome], remarks: [String] = [],
    bootstrap: Bootstrap = Bootstrap(resamples: 2000, method: .percentile)
  ) {
    self.init(
      rewardModel, outcomes, remarks, bootstrap, languages: Set(outcomes.compactMap(\.example.language)).sorted())
  }

  private init(
    _ rewardModel: String, _ outcomes: [PreferenceOutcome], _ remarks: [String], _ bootstrap: Bootstrap,
    languages: [String]
  ) {
    precondition(!outcomes.isEmpty, "no outcomes")
    self.rewardModel = rewardModel
    ties = outcomes.reduce(0) { $0 + $1.ties }
    let strata = Stratum.all(outcomes, bootstrap),
      named = Dictionary(uniqueKeysWithValues: strata.map { ($0.name, $0) })
    let benchmarks = PreferenceBenchmark.allCases.filter { benchmark in
      outcomes.contains { $0.example.benchmark == benchmark }
    }
    func figure(_ section: PreferenceSection) -> Figure? {
      let parts = section.parts.compactMap { part in named[part.subset].map { ($0, part.weight) } }
      return parts.isEmpty ? nil : Figure(section.name, parts, level: bootstrap.level)
    }
    subsets = strata.map { $0.figure(bootstrap.level) }
    total = Figure("all", strata.map { ($0, Double($0.credits.count)) }, level: bootstrap.level)
    let counts = strata.map { ($0.name, $0.credits.count) }
    let own = RewardBench.sections.compactMap(figure)
    sections = own + benchmarks.flatMap { $0.sections(of: counts) }.compactMap(figure)
    average =
      Self.average(strata, bootstrap.level)
      ?? benchmarks.lazy.compactMap { $0.average(of: strata.map(\.name)) }.first.flatMap(figure)
    self.languages = languages.map { name in
      (
        name,
        PreferenceReport(rewardModel, outcomes.filter { $0.example.language == name }, [], bootstrap, languages: [])
      )
    }
    notes = Self.notes(strata, isRewardBench: !own.isEmpty) + benchmarks.map(\.note) + remarks
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
  /// Subset of the data that it is made of: RM-Bench counts the same examples in three.
  let source: String
  let credits: [Double]
  let officialCredits: [Double]
  /// Accuracy of each resample.
  let resampled: [Double]
  /// Figure in place of the accuracy, if it is the Ties subset of RewardBench 2.
  let score: Double?

  /// In alphabetical order.
  static func all(_ outcomes: [PreferenceOutcome], _ bootstrap: Bootstrap) -> [Stratum] {
    let sources = Dictionary(grouping: outcomes, by: \.example.subset).sorted { $0.key < $1.key }
    let strata = sources.enumerated().flatMap { number, source in
      Dictionary(grouping: source.value.flatMap(\.counts), by: \.subset).map { name, counts in
        let score = name == "Ties" ? TiesScore(source.value)?.overall : nil
        return Stratum(name, source.key, counts, score: score, bootstrap, number: number)
      }
    }
    return strata.sorted { $0.name < $1.name }
  }

  private init(
    _ name: String, _ source: String, _ counts: [PreferenceCount], score: Double?, _ bootstrap: Bootstrap, number: Int
  ) {
    (self.name, self.source, self.score) = (name, source, score)
    credits = counts.map(\.credit)
    officialCredits = counts.map(\.official)
    // A stream for each source: subsets of equal size would be drawn alike otherwise, and what counts the same examples
    // is drawn alike.
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
    self.parts = parts.map(\.stratum.name)
    // Each example once, in however many subsets it counts.
    examples = Dictionary(parts.map { ($0.stratum.source, $0.stratum.credits.count) }) { max($0, $1) }.values.reduce(
      0, +)
    accuracy = mean(\.accuracy)
    official = mean(\.official)
    guard examples > 1, parts.allSatisfy({ $0.stratum.score == nil }) else { return }
    let resamples = parts[0].stratum.resampled.indices.map { index in mean { $0.resampled[index] } }
    let sorted = Measurements(resamples)
    interval = ConfidenceInterval(
      low: sorted.quantile((1 - level) / 2), high: sorted.quantile((1 + level) / 2), level: level)
  }
}
