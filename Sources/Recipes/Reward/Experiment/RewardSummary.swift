import Evaluation
import Foundation
import MetricTokens
import Reports

/// Outcomes of a reward experiment as figures and intervals.
struct RewardSummary {
  /// What is measured of a model.
  enum Figure: Hashable {
    /// Share of the test file's pairs, two responses to one question with different overall scores, in which the
    /// better one has the higher reward; a tie counts half.
    case pairs
    /// Spearman's ρ of reward and overall score over the test file.
    case spearman
    /// Mean distance of the overall expectation from the score that was given, in the scale's units.
    case error
    /// Mean Spearman's ρ of the facets.
    case facets
    /// Accuracy on a file of preferences, by its place in the settings.
    case preferences(Int)
    /// Accuracy on MMLU.
    case mmlu

    var lowerIsBetter: Bool { self == .error }
    var isShare: Bool {
      switch self {
      case .spearman, .error, .facets: false
      default: true
      }
    }
  }

  let settings: RewardSettings
  private let outcomes: [String: [Int: RewardOutcome]]

  init(_ settings: RewardSettings, _ outcomes: [(arm: RewardArm, seed: Int, outcome: RewardOutcome)]) {
    self.settings = settings
    var byArm = [String: [Int: RewardOutcome]]()
    for (arm, seed, outcome) in outcomes { byArm[arm.name, default: [:]][seed] = outcome }
    self.outcomes = byArm
  }

  /// Arms with outcomes, in order; the untrained model first.
  var arms: [RewardArm] { ([.untrained] + settings.arms).filter { outcomes[$0.name] != nil } }

  func seeds(_ arm: RewardArm) -> [Int] { (outcomes[arm.name] ?? [:]).keys.sorted() }

  func outcome(_ arm: RewardArm, _ seed: Int) -> RewardOutcome? { outcomes[arm.name]?[seed] }

  /// The figures that these outcomes have.
  var figures: [Figure] {
    let all: [Figure] =
      [.pairs, .spearman, .error, .facets] + settings.preferences.indices.map { .preferences($0) }
      + [.mmlu]
    return all.filter { figure in arms.contains { arm in values(figure, arm).contains { $0.isFinite } } }
  }

  func name(_ figure: Figure) -> String {
    switch figure {
    case .pairs: "test pairs"
    case .spearman: "Spearman ρ"
    case .error: "MAE, overall"
    case .facets: "ρ, facets"
    case .preferences(let index):
      URL(filePath: settings.preferences[index]).deletingPathExtension().lastPathComponent
    case .mmlu: "MMLU"
    }
  }

  /// A figure of each seed; NaN where a model has none.
  func values(_ figure: Figure, _ arm: RewardArm) -> [Double] {
    seeds(arm).compactMap { outcome(arm, $0) }.map { Self.value(figure, $0) }
  }

  func mean(_ figure: Figure, _ arm: RewardArm) -> Double? {
    let values = values(figure, arm)
    return values.isEmpty || values.contains { !$0.isFinite } ? nil : Measurements(values).mean
  }

  /// The 95 % interval of the mean: by the bootstrap over questions and, with several, over seeds.
  func interval(_ figure: Figure, _ arm: RewardArm, resamples: Int = 400) -> ConfidenceInterval? {
    let runs = seeds(arm).compactMap { outcome(arm, $0) }.map { Clusters(figure, $0) }
    guard let count = runs.first?.count, count > 1, mean(figure, arm) != nil else { return nil }
    let means = (0..<resamples).compactMap { resample -> Double? in
      // The same draws for every arm and figure.
      var generator = CounterGenerator(0x7265_7761_7264, UInt64(resample))
      let drawn = (0..<count).map { _ in generator.next(below: count) }
      let values = runs.map { _ in runs[runs.count == 1 ? 0 : generator.next(below: runs.count)].value(drawn) }
      return values.contains { !$0.isFinite } ? nil : Measurements(values).mean
    }
    guard means.count > resamples / 2 else { return nil }
    let sample = Measurements(means)
    return ConfidenceInterval(low: sample.quantile(0.025), high: sample.quantile(0.975))
  }

  private static func value(_ figure: Figure, _ outcome: RewardOutcome) -> Double {
    let clusters = Clusters(figure, outcome)
    return clusters.value(Array(0..<clusters.count))
  }
}

/// An outcome cut into the units that are resampled: questions with all their responses, examples of a file.
private struct Clusters {
  private let figure: RewardSummary.Figure
  private let questions: [[RewardOutcome.Rated]]
  private let credits: [Double]

  init(_ figure: RewardSummary.Figure, _ outcome: RewardOutcome) {
    self.figure = figure
    switch figure {
    case .preferences(let index):
      credits = outcome.preferences.indices.contains(index) ? outcome.preferences[index].credits : []
      questions = []
    case .mmlu: (credits, questions) = ((outcome.mmlu ?? []).map { $0 ? 1 : 0 }, [])
    default:
      let groups = Dictionary(grouping: outcome.responses, by: \.question)
      (credits, questions) = ([], groups.keys.sorted().compactMap { groups[$0] })
    }
  }

  var count: Int { max(questions.count, credits.count) }

  /// The figure over some of the units, named once or several times; NaN if there is nothing to measure.
  func value(_ drawn: [Int]) -> Double {
    guard count > 0 else { return .nan }
    switch figure {
    case .preferences, .mmlu: return Measurements(drawn.map { credits[$0] }).mean
    case .pairs:
      let all = drawn.flatMap { Self.pairCredits(questions[$0]) }
      return all.isEmpty ? .nan : Measurements(all).mean
    case .spearman:
      let all = drawn.flatMap { questions[$0] }
      return Correlation.spearman(all.map(\.reward.overall.expectation), all.map { Double($0.truth[0]) })
    case .error:
      let all = drawn.flatMap { questions[$0] }
      // The logit of a classifier is no score.
      guard all.allSatisfy({ $0.reward.overall.variance != nil || !$0.reward.facets.isEmpty }) else { return .nan }
      return Measurements(all.map { abs($0.reward.overall.expectation - Double($0.truth[0])) }).mean
    case .facets:
      let all = drawn.flatMap { questions[$0] }
      guard let facets = all.first?.reward.facets.count, facets > 0 else { return .nan }
      let found = (0..<facets).map { facet in
        Correlation.spearman(
          all.map { $0.reward.facets[facet].expectation }, all.map { Double($0.truth[facet + 1]) })
      }.filter(\.isFinite)
      return found.isEmpty ? .nan : Measurements(found).mean
    }
  }

  private static func pairCredits(_ responses: [RewardOutcome.Rated]) -> [Double] {
    responses.indices.flatMap { first in
      responses[(first + 1)...].compactMap { second -> Double? in
        let a = responses[first], order = a.truth[0] - second.truth[0]
        guard order != 0 else { return nil }
        let difference = (a.reward.overall.expectation - second.reward.overall.expectation) * Double(order.signum())
        return difference > 0 ? 1 : difference == 0 ? 0.5 : 0
      }
    }
  }
}
