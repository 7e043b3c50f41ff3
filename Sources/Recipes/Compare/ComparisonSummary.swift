import Evaluation
import Foundation
import MetricTokens
import Objectives
import Reports

/// The outcomes of a comparison as figures, intervals and verdicts.
struct ComparisonSummary {
  let settings: ComparisonSettings
  let run: RunSettings
  /// By arm and seed.
  let outcomes: [ComparisonArm: [Int: ComparisonOutcome]]
  /// Figures shown, in order.
  let metrics: [EvaluationMetric]
  /// The one that verdicts are about.
  let main: EvaluationMetric
  /// Median of the training answers, where each is one number: who always says that has learnt nothing else.
  let constant: Double?
  /// What else should be known of the answers.
  let remarks: [String]

  init(
    _ settings: ComparisonSettings, run: RunSettings, outcomes: [(ComparisonArm, Int, ComparisonOutcome)],
    constant: Double? = nil, remarks: [String] = []
  ) {
    self.constant = constant
    self.remarks = remarks
    self.settings = settings
    self.run = run
    var byArm = [ComparisonArm: [Int: ComparisonOutcome]]()
    for (arm, seed, outcome) in outcomes { byArm[arm, default: [:]][seed] = outcome }
    self.outcomes = byArm
    metrics = run.evaluate.metrics ?? Evaluating.fitting(outcomes.first?.2.records ?? [])
    let named = settings.metric.flatMap(EvaluationMetric.init(rawValue:))
    let usual: [EvaluationMetric] = [.mae, .boxAccuracy, .exactMatch]
    main = named ?? usual.first(where: metrics.contains) ?? metrics.first ?? .exactMatch
  }

  /// Arms of which there are outcomes, in order.
  var arms: [ComparisonArm] { settings.arms.filter { outcomes[$0] != nil } }

  /// Seeds that all arms have: only those may be compared.
  var seeds: [Int] { settings.seeds.filter { seed in arms.allSatisfy { outcomes[$0]?[seed] != nil } } }

  /// A figure of one run; nil where there was nothing to measure.
  func figure(_ metric: EvaluationMetric, _ arm: ComparisonArm, _ seed: Int) -> Double? {
    outcomes[arm]?[seed].flatMap { figure(metric, $0.records) }
  }

  private func figure(_ metric: EvaluationMetric, _ records: [PredictionRecord]) -> Double? {
    EvaluationSummary(records, metrics: [metric], unreadable: unreadable)[metric]
  }

  /// A figure of always saying ``constant``; nil for figures that need more than a number.
  func floor(_ metric: EvaluationMetric) -> Double? {
    guard let constant, [.mae, .rmse, .relativeError].contains(metric),
      let records = outcomes.first?.value.first?.value.records, records.allSatisfy({ $0.truth.count == 1 })
    else { return nil }
    return figure(
      metric,
      records.map { record in
        PredictionRecord(
          id: record.id, prompt: "", reference: record.reference, text: "", truth: record.truth, values: [constant])
      })
  }

  /// How unreadable answers count.
  var unreadable: Unreadable { run.evaluate.unreadableAs.map { .constant($0) } ?? .leftOut }

  /// The mean over seeds.
  func mean(_ metric: EvaluationMetric, _ arm: ComparisonArm) -> Double? {
    let values = seeds.compactMap { figure(metric, arm, $0) }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The 95 % interval of that mean by the bootstrap over test examples and, with several seeds, over seeds as well.
  func interval(_ metric: EvaluationMetric, _ arm: ComparisonArm, resamples: Int = 300) -> ConfidenceInterval? {
    let runs = seeds.compactMap { outcomes[arm]?[$0]?.records }
    guard let count = runs.first?.count, count > 1 else { return nil }
    var values = [Double]()
    for resample in 0..<resamples {
      // The same draws for every arm and metric.
      var generator = CounterGenerator(0x636F_6D70, UInt64(resample))
      let examples = (0..<count).map { _ in generator.next(below: count) }
      let drawn = runs.indices.map { _ in runs.count == 1 ? 0 : generator.next(below: runs.count) }
      let figures = drawn.compactMap { run in figure(metric, examples.map { runs[run][$0] }) }
      if !figures.isEmpty { values.append(figures.reduce(0, +) / Double(figures.count)) }
    }
    guard values.count > resamples / 2 else { return nil }
    let sample = Measurements(values)
    return ConfidenceInterval(low: sample.quantile(0.025), high: sample.quantile(0.975))
  }

  // MARK: Verdicts

  /// A comparison of two arms in words.
  struct Finding {
    let label: String
    let verdict: Verdict
    let note: String
  }

  /// Every arm against sft at the same point, and dist against every other objective; corrected for their number.
  var findings: [Finding] {
    var pairs = [(ComparisonArm, ComparisonArm)]()
    for arm in arms {
      if let sft = partner(of: arm, .sft), arm.preset != .sft { pairs.append((arm, sft)) }
    }
    for arm in arms where arm.preset == .dist {
      for other in arms where other.preset != .dist && other.preset != .sft && partner(of: arm, other.preset) == other {
        pairs.append((arm, other))
      }
    }
    let verdicts = Verdict.corrected(pairs.map { verdict($0.0, $0.1) })
    return zip(pairs, verdicts).map { pair, verdict in
      Finding(
        label: "\(pair.0.name) against \(pair.1.name)", verdict: verdict,
        note: verdict.unit == "seed"
          ? ""
          : " These are \(seeds.count == 1 ? "two single models" : "models of two seeds"): of other seeds it says nothing."
      )
    }
  }

  /// The arm of another objective that differs in nothing else.
  private func partner(of arm: ComparisonArm, _ preset: Preset) -> ComparisonArm? {
    arms.first { $0.preset == preset && Set($0.point).isSubset(of: Set(arm.point)) }
  }

  /// By seeds where there are three or more; else by examples, which speaks of these models alone.
  private func verdict(_ ours: ComparisonArm, _ theirs: ComparisonArm) -> Verdict {
    let name = main.label, lower = main.lowerIsBetter
    guard seeds.count < 3 else {
      return Verdict(
        name, ours: seeds.map { figure(main, ours, $0) ?? .nan },
        theirs: seeds.map { figure(main, theirs, $0) ?? .nan },
        lowerIsBetter: lower)
    }
    let (a, b) = (perExample(ours), perExample(theirs))
    return Verdict(
      name, ours: a, theirs: b, lowerIsBetter: lower, unit: "example", inference: .bootstrap(Bootstrap()))
  }

  /// The main figure of every example alone, mean over seeds; NaN where it has none.
  private func perExample(_ arm: ComparisonArm) -> [Double] {
    let runs = seeds.compactMap { outcomes[arm]?[$0]?.records }
    // The root of one squared error is its absolute error: RMSE of a set is not a mean, so squares would be compared.
    return (runs.first ?? []).indices.map { index in
      let values = runs.compactMap { figure(main, [$0[index]]) }
      return values.count == runs.count ? values.reduce(0, +) / Double(values.count) : .nan
    }
  }

  /// What the findings come to, for the top of the report.
  var conclusion: String {
    let dist = findings.filter { $0.label.hasPrefix("dist") && $0.label.contains("against sft") }
    guard !dist.isEmpty else {
      return "sft and dist are not both among the arms, so nothing is said of the metric's worth." + floorRemark
    }
    let better = dist.count { $0.verdict.outcome == .better }, worse = dist.count { $0.verdict.outcome == .worse }
    if better == 0, worse == 0 {
      return "No difference shown: on this data the metric is not shown to change \(main.label) against sft."
        + floorRemark
    }
    if seeds.count < 3 {
      return
        "Undecided: these models differ in \(main.label) on these examples, but \(seeds.count == 1 ? "one seed" : "two seeds") "
        + "cannot tell the metric from chance. Compare with three or more." + floorRemark
    }
    let parts = [
      better == 0 ? nil : "the metric helps in \(better) of \(dist.count) comparisons with sft",
      worse == 0 ? nil : "it hurts in \(worse) of \(dist.count)",
    ].compactMap { $0 }
    return parts.joined(separator: ", ").capitalizedFirst + " (\(main.label))." + floorRemark
  }

  /// Whether anything was learnt beyond the answers' median.
  private var floorRemark: String {
    guard main.lowerIsBetter, let floor = floor(main) else { return "" }
    let means = arms.compactMap { mean(main, $0) }
    guard !means.isEmpty, means.allSatisfy({ $0 > 0.9 * floor }) else { return "" }
    return " No objective is clearly better than always answering the training median: train longer or on more."
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
