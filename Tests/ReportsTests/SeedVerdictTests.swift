// SPDX-License-Identifier: Apache-2.0
import Reports
import Testing

/// Seeds are the unit: a thousand test items of one training run say nothing of other runs.
@Suite struct SeedVerdictTests {
  /// A gain that every item of a seed shares, and noise that differs by item.
  private func scores(gains: [Double], items: Int, noise: Double = 0.01) -> (ours: [[Double]], theirs: [[Double]]) {
    let theirs = gains.indices.map { seed in (0..<items).map { Double(($0 * 7 + seed * 3) % 11) / 11 } }
    let ours = zip(theirs, gains).map { row, gain in
      row.enumerated().map { $1 + gain + noise * Double($0 % 5 - 2) }
    }
    return (ours, theirs)
  }

  @Test func oneSeedIsNoVerdict() {
    let (ours, theirs) = scores(gains: [0.3], items: 1000)
    let verdict = Verdict("success", bySeed: ours, against: theirs, lowerIsBetter: false)
    #expect(verdict.outcome == .tooFewPairs)
    #expect(verdict.pValue.isNaN)
    #expect("\(verdict)".hasPrefix("one seed: no verdict on success (0.75 against 0.45"))
    #expect(Verdict.corrected([verdict]).first?.outcome == .tooFewPairs)
  }

  @Test func seedsThatDisagreeShowNothingHoweverManyItems() {
    let (ours, theirs) = scores(gains: [0.3, -0.2, 0.1], items: 5000)
    #expect(
      Verdict("success", bySeed: ours, against: theirs, lowerIsBetter: false).outcome == .noDifferenceShown)
  }

  @Test func seedsThatAgreeShowIt() {
    let (ours, theirs) = scores(gains: [0.30, 0.31, 0.29, 0.30, 0.31], items: 500)
    let verdict = Verdict("success", bySeed: ours, against: theirs, lowerIsBetter: false)
    #expect(verdict.outcome == .better)
    #expect(verdict.pairs == 5)
    #expect(verdict.agreeingPairs == 5)
    #expect("\(verdict)".contains("5 of 5 seeds"))
    #expect(Verdict("error", bySeed: ours, against: theirs, lowerIsBetter: true).outcome == .worse)
    let same = Verdict("success", bySeed: ours, against: ours, lowerIsBetter: false)
    #expect(same.outcome == .identical)
    #expect(same.pValue == 1)
  }

  /// Equal seeds on few items that differ much: the interval must hold other items as well.
  @Test func itemsCountToo() {
    let row = [1.0, 0, 1, 0, 1, 0], theirs = [0.0, 0, 0, 1, 0, 1]
    let verdict = Verdict(
      "success", bySeed: [row, row, row], against: [theirs, theirs, theirs], lowerIsBetter: false)
    #expect(verdict.outcome == .noDifferenceShown)
    // Student's t of 2 degrees on the standard error of the six differences 1, 0, 1, −1, 1, −1.
    let differences = Measurements([1, 0, 1, -1, 1, -1])
    #expect(abs(verdict.interval.high - (differences.mean + 4.302652729911275 * differences.standardError)) < 1e-9)
  }

  /// Over 1,000 draws of seeds and items: the interval holds the truth about as often as it says.
  @Test func theIntervalHoldsTheTruthAboutAsOftenAsItSays() {
    var random = SystemRandomNumberGenerator()
    func normal() -> Double {
      (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }
    }
    var held = 0
    for _ in 0..<1000 {
      let items = (0..<20).map { _ in normal() * 0.5 }
      let ours = (0..<4).map { _ in
        let seed = 0.5 * normal()
        return items.map { 1 + seed + $0 + 0.5 * normal() }
      }
      let verdict = Verdict(
        "x", bySeed: ours, against: ours.map { $0.map { _ in 0 } }, lowerIsBetter: false)
      if verdict.interval.contains(1) { held += 1 }
    }
    #expect(held > 920, "\(held) of 1000")
  }
}
