// SPDX-License-Identifier: Apache-2.0
import Files
import Reports
import Testing

/// Reference: `statsmodels.stats.weightstats.ttost_paired` 0.14, `scipy.stats.t.interval`.
@Suite struct EquivalenceTests {
  private let ours = [0.71, 0.74, 0.69, 0.73, 0.72], theirs = [0.70, 0.73, 0.70, 0.72, 0.725]

  @Test(arguments: [(0.02, 0.008770233744444677), (0.008, 0.1576480954475535), (0.004, 0.41489956952689405)])
  func pValuesAreTheReferences(_ margin: Double, _ pValue: Double) {
    let test = Equivalence("accuracy", ours: ours, theirs: theirs, margin: margin)
    #expect(abs(test.pValue - pValue) < 1e-9)
    #expect(abs(test.interval.low + 0.006292504704709823) < 1e-9)
    #expect(abs(test.interval.high - 0.012292504704709823) < 1e-9)
    #expect(test.outcome == (pValue < 0.05 ? .equivalent : .undecided))
  }

  @Test func farBeyondTheMarginIsDifferent() {
    let test = Equivalence("accuracy", ours: ours.map { $0 + 0.1 }, theirs: theirs, margin: 0.02)
    #expect(test.outcome == .different)
    #expect(abs(test.pValue - 0.9999775935676914) < 1e-9)
  }

  @Test func littleDataDecideNothing() {
    #expect(Equivalence("x", ours: [1], theirs: [1], margin: 1).outcome == .tooFewPairs)
    #expect(Equivalence("x", ours: [.nan, 1], theirs: [1, 1], margin: 1).outcome == .tooFewPairs)
    // Pairs that are all equal are as equal as can be.
    #expect(Equivalence("x", ours: [1, 2], theirs: [1, 2], margin: 0.1).outcome == .equivalent)
  }

  @Test func wordsSayMarginAndInterval() {
    let test = Equivalence("accuracy", ours: ours, theirs: theirs, margin: 0.02)
    #expect(
      test.description
        == "equal accuracy within ± 0.0200: difference 0.0030, 90 % interval [-0.0063, 0.0123] (n = 5 seeds)")
    #expect(test.json["outcome"] == "equivalent")
    #expect(test.json["level"] == 0.9)
  }

  /// A claim of no difference stands only if all of its tests do.
  @Test(
    arguments: [
      ([.equivalent, .equivalent], .equivalent), ([.equivalent, .undecided], .undecided),
      ([.equivalent, .different], .different), ([.undecided, .tooFewPairs], .undecided), ([], .undecided),
    ] as [([Equivalence.Outcome], Conclusion)])
  func claimsNeedAllTests(_ outcomes: [Equivalence.Outcome], _ conclusion: Conclusion) {
    #expect(Conclusion(outcomes) == conclusion)
  }
}
