// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

@Suite struct TargetTests {
  private let digits = try! TokenSpace(
    name: "digits", unit: .digit, ids: Array(20..<30), values: (0...9).map(Double.init))

  private func target(
    _ distance: any Distance, _ temperature: Temperature, _ space: TokenSpace? = nil
  ) throws -> ResolvedTarget {
    try TargetDistribution(distance, temperature: temperature).resolved(over: space ?? digits)
  }

  private func all(_ target: ResolvedTarget) -> [[Double]] {
    (0..<target.space.count).map(target.probabilities(around:))
  }

  private func distances(_ distance: any Distance, _ space: TokenSpace) -> [[Double]] {
    let values = distance.rows(from: Array(0..<space.count), over: space, dtype: .float64, device: .cpu)
      .array(of: Double.self)
    return (0..<space.count).map { Array(values[$0 * space.count..<($0 + 1) * space.count]) }
  }

  private func entropy(_ p: [Double]) -> Double { -p.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) } }

  /// Equation 4 (docs/paper-map.md Q3): mass on target 5 and on each contrastive example.
  @Test(arguments: [(1.0, 0.564, 0.2075), (2.0, 0.399, 0.242), (4.0, 0.282, 0.220)])
  func printedNumbers(tau: Double, own: Double, contrastiveExample: Double) throws {
    let p = try target(.squared, .value(tau)).probabilities(around: 5)
    #expect(abs(p[5] - own) < 5e-4)
    #expect(abs(p[4] - contrastiveExample) < 5e-4 && abs(p[6] - contrastiveExample) < 5e-4)
    #expect(p[4] > p[2])  // section 2.2: token 4 is more likely than token 2
  }

  @Test(arguments: [0, 1e-300, 1e-8, 0.1, 1, 2, 9.7, 1e8, 1e300, Double.infinity])
  func everyTemperatureGivesDistributions(tau: Double) throws {
    for distance: any Distance in [SquaredDistance(), AbsoluteDistance(), DiscreteDistance()] {
      let target = try target(distance, .value(tau))
      #expect(checkTargets(all(target), distances: distances(distance, digits)) == [])
    }
    let far = try TokenSpace(name: "far", ids: [1, 2, 3], values: [0, 1e-150, 1e150])
    #expect(checkTargets(all(try target(.squared, .value(tau), far)), distances: distances(.squared, far)) == [])
  }

  @Test func limits() throws {
    #expect(all(try target(.squared, 0)) == (0...9).map { x in (0...9).map { $0 == x ? 1.0 : 0 } })
    #expect(all(try target(.squared, 1e-3)) == all(try target(.squared, 0)))
    for p in all(try target(.squared, .value(.infinity))) {
      #expect(largestDifference(p, [Double](repeating: 0.1, count: 10)) < 1e-15)
    }
  }

  /// K3: the higher τ, the flatter, at every x.
  @Test func entropyGrowsWithTemperature() throws {
    for distance: any Distance in [SquaredDistance(), AbsoluteDistance(), DiscreteDistance()] {
      var last = [Double](repeating: -1, count: 10)
      for tau in stride(from: 0.05, to: 20, by: 0.35) {
        let now = all(try target(distance, .value(tau))).map(entropy)
        #expect(zip(last, now).allSatisfy { $0 < $1 })
        last = now
      }
    }
  }

  /// K4: with squared distance the target is the discrete Gaussian N_Z(μ, σ² = τ/2) (Canonne et al. 2020), here far
  /// from both ends of the space.
  @Test func squaredDistanceGivesADiscreteGaussian() throws {
    let integers = try TokenSpace(name: "z", unit: .number, ids: Array(0...400), values: (-200...200).map(Double.init))
    let tau = 9.0, p = try target(.squared, .value(tau), integers).probabilities(around: 203)
    let gaussian = (-200...200).map { exp(-pow(Double($0) - 3, 2) / (2 * tau / 2)) }
    let total = gaussian.reduce(0, +)
    #expect(largestDifference(p, gaussian.map { $0 / total }) < 1e-15)
    let mean = zip(p, integers.values!).reduce(0) { $0 + $1.0 * $1.1 }
    let variance = zip(p, integers.values!).reduce(0) { $0 + $1.0 * ($1.1 - mean) * ($1.1 - mean) }
    #expect(abs(mean - 3) < 1e-12)
    #expect(abs(variance - tau / 2) < 1e-12)
  }

  /// Identity (iii), both ways, and its printed instance ε = 0.1, M = 10 ↔ τ = 0.2217.
  @Test(arguments: [0.01, 0.1, 0.5, 0.9], [2, 10, 1000])
  func discreteMetricIsLabelSmoothing(epsilon: Double, m: Int) throws {
    let space = try TokenSpace.all(m)
    let p = try TargetDistribution.labelSmoothing(epsilon).resolved(over: space)
    let smoothed = (0..<m).map { (epsilon / Double(m)) + ($0 == 1 ? 1 - epsilon : 0) }
    #expect(largestDifference(p.probabilities(around: 1), smoothed) < 1e-13)
    let tau = p.temperatures[0], decay = exp(-1 / tau)
    #expect(abs(Double(m) * decay / (1 + Double(m - 1) * decay) - epsilon) < 1e-13)
    if epsilon == 0.1, m == 10 { #expect(abs(tau - 0.2217) < 5e-5) }
  }

  /// Identity (iv): p_d maximises E[−d] + τH, its value is τ·log Z, and any other distribution has less.
  @Test func targetIsTheOptimumOfEntropyRegularisedReward() throws {
    let tau = 2.0, resolved = try target(.squared, .value(tau)), d = distances(.squared, digits)
    func value(_ p: [Double], _ x: Int) -> Double { tau * entropy(p) - zip(p, d[x]).reduce(0) { $0 + $1.0 * $1.1 } }
    var generator = CounterGenerator(5)
    for x in 0...9 {
      let p = resolved.probabilities(around: x)
      let best = tau * log(d[x].reduce(0) { $0 + exp(-$1 / tau) })
      #expect(abs(value(p, x) - best) < 1e-13)
      for _ in 0..<100 {
        let noise = p.map { $0 * exp(Double(generator.next(below: 1000)) / 1000 - 0.5) }
        let other = noise.map { $0 / noise.reduce(0, +) }
        #expect(value(other, x) < best)
      }
    }
  }

  @Test(arguments: [1.01, 2, 3, 5, 9, 9.99])
  func perplexityIsReached(k: Double) throws {
    for distance: any Distance in [SquaredDistance(), AbsoluteDistance(), DiscreteDistance()] {
      let mean = try target(distance, .perplexity(k))
      #expect(mean.temperatures.count == 1)
      #expect(abs(all(mean).map { exp(entropy($0)) }.reduce(0, +) / 10 - k) < 1e-10)
      #expect(abs(mean.perplexity() - k) < 1e-10)
      let rows = try target(distance, .rowPerplexity(k))
      #expect(rows.temperatures.count == 10)
      for p in all(rows) { #expect(abs(exp(entropy(p)) - k) < 1e-10) }
    }
  }

  @Test func perplexityOutOfReachIsRefused() throws {
    let doubled = try TokenSpace(name: "doubled", ids: [1, 2, 3], values: [0, 0, 1])
    for k in [0.5, 1, 10, 11, .nan] {
      #expect(throws: ObjectiveError.self) { try target(.squared, .perplexity(k)) }
      #expect(throws: ObjectiveError.self) { try target(.squared, .rowPerplexity(k)) }
    }
    let error = #expect(throws: ObjectiveError.self) { try target(.squared, .rowPerplexity(1.5), doubled) }
    #expect(error?.problem.contains("target 0") == true)
    #expect(error?.remedy.contains("above 2") == true)
    #expect(try target(.squared, .perplexity(2.5), doubled).temperatures[0] > 0)
    let equal = try TokenSpace(name: "equal", ids: [1, 2, 3], values: [1, 1, 1])
    #expect(throws: ObjectiveError.self) { try target(.squared, .perplexity(2), equal) }
  }

  @Test func malformedTemperaturesAreRefused() {
    for tau in [-1, Double.nan, -Double.infinity] {
      #expect(throws: ObjectiveError.self) { try target(.squared, .value(tau)) }
    }
    for epsilon in [-0.1, 1, 2, .nan] {
      #expect(throws: ObjectiveError.self) { try TargetDistribution.labelSmoothing(epsilon).resolved(over: digits) }
    }
    #expect(throws: ObjectiveError.self) { try target(.squared, 2, TokenSpace.all(10)) }
  }

  /// Q8: `0`, `00` and `1` with the mass on canonical strings, or shared.
  @Test func baseMeasureDecidesAboutDuplicates() throws {
    for (base, share) in [([1.0, 0, 1], 0.0), ([0.5, 0.5, 1], 0.5)] {
      let space = try TokenSpace(name: "s", unit: .digitRun, ids: [1, 2, 3], values: [0, 0, 1], base: base)
      for tau in [0, 1e-300, 0.5, 1e300, .infinity] {
        let target = try target(.squared, .value(tau), space)
        let p = target.probabilities(around: 1)
        #expect(abs(p.reduce(0, +) - 1) < 1e-15)
        #expect(abs(p[1] - share * (p[0] + p[1])) < 1e-15)
        #expect(abs(p[2] - (tau == 0 ? 0 : exp(-1 / tau) / (1 + exp(-1 / tau)))) < 1e-15)
      }
    }
  }

  /// Beyond the largest table, rows are computed when asked for: the same numbers.
  @Test func largeSpacesAreComputedRowByRow() throws {
    let m = ResolvedTarget.largestTable + 1
    let large = try TokenSpace(
      name: "large", unit: .number, ids: (0..<Int32(m)).map { $0 }, values: (0..<m).map(Double.init))
    let p = try target(.absolute, 3, large).probabilities(around: 1000)
    let expected = (0..<m).map { exp(-abs(Double($0) - 1000) / 3) }
    let total = expected.reduce(0, +)
    #expect(largestDifference(p, expected.map { $0 / total }) < 1e-15)
    let solved = try target(.absolute, .perplexity(20), large)
    #expect(abs(solved.perplexity(around: Array(stride(from: 0, to: m, by: 17))) - 20) < 1e-10)
    #expect(throws: ObjectiveError.self) { try target(.absolute, .rowPerplexity(20), large) }
  }
}
