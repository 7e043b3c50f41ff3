// SPDX-License-Identifier: Apache-2.0
import Recipes
import Foundation
public import Reports

/// Finished runs of an experiment's grid, with what reports ask of it.
public struct Results<Outcome> {
  /// Command to run.
  public let grid: Grid
  /// The experiment's folder, for images and other files that runs left.
  public let folder: String
  private let outcomes: [ResultKey: Outcome]

  /// Takes outcomes in hand; missing runs leave gaps.
  public init(_ grid: Grid, _ outcomes: [GridRun: Outcome], folder: String = "") {
    let byKey = outcomes.map { (ResultKey(variant: $0.variant, condition: $0.condition, seed: $0.seed), $1) }
    self.init(grid, Dictionary(uniqueKeysWithValues: byKey), folder)
  }

  private init(_ grid: Grid, _ outcomes: [ResultKey: Outcome], _ folder: String) {
    (self.grid, self.outcomes, self.folder) = (grid, outcomes, folder)
  }

  /// The same runs with what follows from their outcomes.
  public func map<New>(_ transform: (Outcome) throws -> New) rethrows -> Results<New> {
    Results<New>(grid, try outcomes.mapValues(transform), folder)
  }

  /// Whether nothing of the grid is finished.
  public var isEmpty: Bool { outcomes.isEmpty }
  /// How many runs of the grid are finished.
  public var count: Int { outcomes.count }

  /// The outcome of one run, if it is finished.
  public func outcome(_ variant: String, _ condition: [Double] = [], seed: Int) -> Outcome? {
    outcomes[ResultKey(variant: variant, condition: condition, seed: seed)]
  }

  /// Seeds with finished runs of all these variants under all these conditions: only those may be compared.
  public func seeds(_ variants: [String], _ conditions: [[Double]]) -> [Int] {
    grid.seeds.filter { seed in
      variants.allSatisfy { variant in conditions.allSatisfy { outcome(variant, $0, seed: seed) != nil } }
    }
  }

  /// Outcomes of a variant under a condition, those of all finished seeds unless some are named.
  public func outcomes(_ variant: String, _ condition: [Double] = [], seeds: [Int]? = nil) -> [Outcome] {
    (seeds ?? grid.seeds).compactMap { outcome(variant, condition, seed: $0) }
  }

  /// A figure of every finished seed.
  public func measure(
    _ variant: String, _ condition: [Double] = [], seeds: [Int]? = nil, _ figure: (Outcome) -> Double
  ) -> Measurements { Measurements(outcomes(variant, condition, seeds: seeds).map(figure)) }

  /// The mean of a figure over several conditions, for every seed that has them all: the runs of a seed share data, so
  /// that they are one measurement together.
  public func measure(
    _ variant: String, over conditions: [[Double]], _ figure: (Outcome) -> Double
  ) -> Measurements {
    Measurements(
      seeds([variant], conditions).map { seed in
        Measurements(conditions.compactMap { outcome(variant, $0, seed: seed).map(figure) }).mean
      })
  }

  /// Variants and conditions with something finished: the rows of a table.
  public var rows: [(variant: String, condition: [Double], seeds: [Int])] {
    grid.conditions.flatMap { condition in grid.variants.map { ($0, condition, seeds([$0], [condition])) } }
      .filter { !$0.seeds.isEmpty }
  }

  /// The largest size of which these variants have a seed in common.
  public func largestSize(_ variants: [String]) -> Double? {
    grid.sizes.filter { !seeds(variants, conditions(ofSize: $0)).isEmpty }.max()
  }

  /// The conditions with a value of the first factor.
  private func conditions(ofSize size: Double) -> [[Double]] {
    grid.conditions.filter { $0.first == size }
  }

  /// `2 seeds`, or `1 to 2 seeds` where rows differ.
  public var seedsText: String { ItemScores.seeds(Set(rows.map(\.seeds.count))) }

  // MARK: Comparisons

  /// Whether a figure of one variant is better than of another, by pairs of seeds. A seed's mean over conditions is one
  /// measurement: its runs share data and are not independent.
  public func verdict(
    _ metric: String, _ ours: String, _ theirs: String, _ conditions: [[Double]], lowerIsBetter: Bool = true,
    _ figure: (Outcome) -> Double
  ) -> Verdict {
    let both = seeds([ours, theirs], conditions)
    func means(_ variant: String) -> [Double] {
      both.map { seed in
        Measurements(conditions.compactMap { outcome(variant, $0, seed: seed).map(figure) }).mean
      }
    }
    return Verdict(metric, ours: means(ours), theirs: means(theirs), lowerIsBetter: lowerIsBetter)
  }

  /// The same of scores of test items, the higher the better: the interval is over seeds and items.
  public func itemVerdict(
    _ metric: String, _ ours: String, _ theirs: String, _ condition: [Double], _ items: (Outcome) -> [Double]
  ) -> Verdict {
    let both = seeds([ours, theirs], [condition])
    return self.items(ours, condition, seeds: both, items)
      .verdict(metric, against: self.items(theirs, condition, seeds: both, items))
  }

  /// Scores of test items, the same items for every seed.
  func items(
    _ variant: String, _ condition: [Double], seeds: [Int]? = nil, _ items: (Outcome) -> [Double]
  ) -> ItemScores { ItemScores(outcomes(variant, condition, seeds: seeds).map(items)) }

  /// K8: the gain of one variant over another shrinks as the first factor grows.
  ///
  /// - Parameter gain: what the first has more than the second, in one seed and size.
  public func shrinkingGain(
    _ ours: String, _ theirs: String, sizes: [Double]? = nil, _ gain: (Outcome, Outcome) -> Double
  ) -> JudgedClaim? {
    let sizes = sizes ?? grid.sizes, both = seeds([ours, theirs], sizes.flatMap(conditions(ofSize:)))
    guard sizes.count >= 3, !both.isEmpty, let factor = grid.factors.first else { return nil }
    let slopes = both.map { seed in
      let gains = sizes.map { size in
        Measurements(
          conditions(ofSize: size).compactMap { condition in
            guard let a = outcome(ours, condition, seed: seed), let b = outcome(theirs, condition, seed: seed) else {
              return nil
            }
            return gain(a, b)
          }
        ).mean
      }
      return straightLine(sizes.map { log10($0) }, gains).slope
    }
    let verdict = Verdict(
      "slope of the gain over log10 of \(factor.title)", ours: slopes, theirs: slopes.map { _ in 0 })
    return Claim("K8", "The gain of \(ours) over \(theirs) shrinks as data grow.", [("", verdict)]).judged
  }

  // MARK: Figures

  /// A figure against a factor, a line each variant: means over seeds ± 1 standard deviation.
  ///
  /// - Parameters:
  ///   - name: of the factor; nil: the first.
  ///   - fixed: values of other factors, by name; means are taken over those that are not named.
  public func chart(
    _ title: String, subtitle: String = "", along name: String? = nil, at fixed: [String: Double] = [:],
    x: Axis? = nil, y: Axis, dashed: [Series] = [], references: [ReferenceLine] = [],
    spread: Series.Spread = .whiskers, _ figure: (Outcome) -> Double
  ) -> Chart {
    let factor = grid.factors.first { name == nil || $0.name == name }
    let series = grid.variants.enumerated().map { index, variant in
      let means = (factor?.values ?? []).map { value -> (x: Double, y: Measurements) in
        let conditions = grid.conditions(fixed.merging([factor?.name ?? "": value]) { $1 })
        return (value, measure(variant, over: conditions, figure))
      }
      return Series(variant, means: means.filter { $0.y.count > 0 }, spread: spread, color: index)
    }
    return Chart(
      title, subtitle: (subtitle.isEmpty ? "" : subtitle + "; ") + "mean over seeds ± 1 standard deviation",
      x: x ?? Axis(factor?.title ?? ""), y: y, series: dashed + series, references: references)
  }

  /// Losses of the steps under one condition with the first seed, smoothed, a line each variant.
  public func lossChart(
    _ title: String, subtitle: String, _ condition: [Double], halfLife: Double = 8, _ losses: (Outcome) -> [Double]
  ) -> Chart {
    let series = grid.variants.compactMap { variant -> Series? in
      guard let outcome = grid.seeds.first.flatMap({ outcome(variant, condition, seed: $0) }) else { return nil }
      return Series(variant, losses(outcome).enumerated().map { Series.Point(Double($0.offset + 1), $0.element) })
        .smoothed(halfLife: halfLife)
    }
    return Chart(title, subtitle: subtitle, x: Axis("step"), y: Axis("loss"), series: series)
  }
}

/// A run without the name of its file, which would be made anew for every look.
private struct ResultKey: Hashable {
  var variant: String
  var condition: [Double]
  var seed: Int
}

/// Least squares through points.
func straightLine(_ x: [Double], _ y: [Double]) -> (slope: Double, intercept: Double) {
  let mx = Measurements(x).mean, my = Measurements(y).mean
  let slope =
    zip(x, y).reduce(0) { $0 + ($1.0 - mx) * ($1.1 - my) } / x.reduce(0) { $0 + ($1 - mx) * ($1 - mx) }
  return (slope, my - slope * mx)
}
