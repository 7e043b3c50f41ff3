// SPDX-License-Identifier: Apache-2.0
import Reports
import Testing

@Suite struct VerdictTests {
  static let theirs = [0.120, 0.110, 0.131, 0.125, 0.118]

  @Test func saysWhatIsLowerAndByHowMuch() {
    let ours = zip(Self.theirs, [-0.012, -0.004, -0.020, -0.011, -0.013]).map(+)
    let verdict = Verdict("MAE", ours: ours, theirs: Self.theirs)
    // scipy: ttest_1samp and t.interval(0.95, 4, -0.012, sem) of the differences.
    #expect("\(verdict)" == "lower MAE by 0.0120 [0.0049, 0.0191], 5 of 5 seeds")
    #expect(verdict.outcome == .better)
    #expect(verdict.pairs == 5)
    #expect(verdict.agreeingPairs == 5)
    #expect(abs(verdict.effectSize - -2.104939246336869) < 1e-10)
    #expect(abs(verdict.pValue - 0.009261696759514423) < 1e-12)
  }

  @Test func saysWhenLowerIsWorse() {
    let verdict = Verdict("accuracy", ours: [0.5, 0.51, 0.52], theirs: [0.7, 0.705, 0.73], lowerIsBetter: false)
    #expect(verdict.outcome == .worse)
    #expect("\(verdict)" == "lower (worse) accuracy by 0.202 [0.183, 0.221], 3 of 3 seeds")
    let better = Verdict("accuracy", ours: [0.7, 0.705, 0.73], theirs: [0.5, 0.51, 0.52], lowerIsBetter: false)
    #expect("\(better)" == "higher accuracy by 0.202 [0.183, 0.221], 3 of 3 seeds")
    #expect(better.outcome == .better)
  }

  @Test func claimsNothingWhereTheIntervalHoldsZero() {
    let verdict = Verdict("MAE", ours: [0.11, 0.12, 0.14, 0.10, 0.13], theirs: Self.theirs)
    #expect(verdict.outcome == .noDifferenceShown)
    #expect("\(verdict)" == "no difference in MAE shown: 95 % interval [-0.021, 0.019] includes 0 (n = 5 seeds)")
  }

  @Test func knowsIdenticalAndTooFew() {
    #expect("\(Verdict("MAE", ours: Self.theirs, theirs: Self.theirs))" == "identical MAE in all 5 seeds")
    #expect("\(Verdict("MAE", ours: [1], theirs: [2]))" == "one seed: no verdict on MAE (1.0 against 2.0)")
    #expect(Verdict("MAE", ours: [], theirs: []).outcome == .tooFewPairs)
  }

  @Test func countsWhatItLeavesOut() {
    let verdict = Verdict("MAE", ours: [0.1, .nan, 0.2], theirs: [0.2, 0.3, .infinity])
    #expect("\(verdict)" == "one seed: no verdict on MAE (0.10 against 0.20); 2 of 3 seeds left out, not finite")
  }

  @Test func agreesWithEveryPairEquallyBetter() {
    let verdict = Verdict("MAE", ours: [0.5, 1.5], theirs: [1, 2], unit: "run")
    #expect("\(verdict)" == "lower MAE by 0.50 [0.50, 0.50], 2 of 2 runs")
  }

  @Test func correctsAFamilyOfComparisons() {
    // scipy: p = 0.0367 alone, a claim; as one of four, none.
    let weak = Verdict("RMSE", ours: [0.9, 0.95, 0.85, 0.99, 0.83], theirs: [1, 1, 1, 1.02, 0.86])
    #expect(weak.outcome == .better)
    #expect(abs(weak.pValue - 0.03668198940044103) < 1e-12)
    let strong = Verdict("MAE", ours: [0.1, 0.11, 0.1, 0.09, 0.1], theirs: [0.2, 0.21, 0.2, 0.195, 0.2])
    let corrected = Verdict.corrected([weak, strong, weak, weak])
    #expect(corrected.map(\.outcome) == [.noDifferenceShown, .better, .noDifferenceShown, .noDifferenceShown])
    #expect(
      "\(corrected[0])" == "no difference in RMSE shown: p = 0.11 after correction for 4 comparisons (n = 5 seeds)")
  }

  @Test func bootstrapsManyPairs() {
    let ours = (0..<200).map { Double($0 % 7) }
    let theirs = (0..<200).map { Double($0 % 7) + ($0 % 3 == 0 ? 1 : 0.5) }
    let inference = Verdict.Inference.bootstrap(Bootstrap(resamples: 2000, seed: 3))
    let verdict = Verdict("error", ours: ours, theirs: theirs, unit: "problem", inference: inference)
    #expect(verdict.outcome == .better)
    #expect(verdict.agreeingPairs == 200)
    #expect(verdict == Verdict("error", ours: ours, theirs: theirs, unit: "problem", inference: inference))
    #expect(verdict.interval.contains(-0.6675))
  }

  /// statsmodels: TTestPower().solve_power(nobs=5, alpha=0.05, power=0.8) is an effect of 1.6819; the sum of quantiles
  /// overstates it a little for few pairs and agrees for many.
  @Test func saysWhatCouldHaveBeenShown() throws {
    let verdict = Verdict("MAE", ours: [0.11, 0.12, 0.14, 0.10, 0.13], theirs: Self.theirs)
    let least = try #require(verdict.detectableDifference)
    let deviation = abs(verdict.difference / verdict.effectSize)
    #expect(least / deviation > 1.55)
    #expect(least / deviation < 1.75)
    let many = try #require(verdict.pairsNeeded(for: deviation / 2))
    // solve_power(effect_size=0.5, alpha=0.05, power=0.8): 33.4.
    #expect((33...35).contains(many))
    #expect(verdict.pairsNeeded(for: 1e-9) == nil)
    #expect(verdict.pairsNeeded(for: 0) == nil)
    #expect(Verdict("MAE", ours: [1, 2], theirs: [2, 1]).detectableDifference == nil)
  }
}
