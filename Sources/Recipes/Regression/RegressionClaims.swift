import Foundation
import Objectives
import Reports

extension RegressionSummary {
  /// The claims this experiment can speak to (PAPER.md 1.5).
  var findings: [ClaimFinding] {
    settings.table == .ablation ? [partsHelp] : [distanceIsBetter, vocabVaries, gainsShrink].compactMap { $0 }
  }

  /// The claims about the toy that these outcomes cannot speak to, in one sentence; nil if there are none.
  var undecided: String? {
    let about = [
      "K6": "at least one N ≥ 2", "K7": "four or more N", "K8": "three or more N ≥ 2", "K14": "the ablation",
    ]
    let spoken = Set(findings.map(\.id))
    let open = ["K6", "K7", "K8", "K14"].filter {
      !spoken.contains($0) && (settings.table == .regression || $0 == "K14")
    }
    return open.isEmpty
      ? nil : "Not tested here: " + open.map { "\($0) (needs \(about[$0]!))" }.joined(separator: ", ") + "."
  }

  /// K6: dist beats sft and vocab in MAE for N ≥ 2.
  private var distanceIsBetter: ClaimFinding? {
    let counts = settings.counts.filter { $0 >= 2 }
    let rivals = [Preset.sft, .vocab].filter(settings.presets.contains)
    guard settings.presets.contains(.dist), !rivals.isEmpty, !counts.isEmpty else { return nil }
    let verdicts = rivals.map { rival -> (Preset, Verdict) in
      // A seed's mean over N is one measurement: its cells share problems and are not independent.
      let bySeed = settings.seeds.compactMap { seed -> (Double, Double)? in
        let mine = pairs(.dist, rival, counts: counts).filter { $0.ours.cell.seed == seed }
        guard mine.count == counts.count else { return nil }
        return (Measurements(mine.map(\.ours.mae)).mean, Measurements(mine.map(\.theirs.mae)).mean)
      }
      return (rival, Verdict("MAE", ours: bySeed.map(\.0), theirs: bySeed.map(\.1)))
    }
    let corrected = Verdict.corrected(verdicts.map(\.1))
    let words = zip(rivals, corrected).map { "against \($0.rawValue): \($1)" }
    let outcomes = Set(corrected.map(\.outcome))
    return ClaimFinding(
      id: "K6", claim: "dist has a lower MAE than sft and vocab for N ≥ 2.",
      finding: words.joined(separator: "; ") + ".", outcome: outcomes.count == 1 ? outcomes.first! : .noDifferenceShown)
  }

  /// K7: vocab varies more across data scales.
  private var vocabVaries: ClaimFinding? {
    guard settings.counts.count >= 4, [.sft, .vocab, .dist].allSatisfy(settings.presets.contains) else { return nil }
    // How far the curve of means over N departs from its own straight trend.
    func roughness(_ preset: Preset) -> Double {
      let x = settings.counts.map { log(Double($0)) }, y = settings.counts.map { mae(preset, $0).mean }
      let line = straightLine(x, y)
      return Measurements(zip(x, y).map { $1 - (line.intercept + line.slope * $0) }).standardDeviation
    }
    let values = [Preset.sft, .vocab, .dist].map { ($0, roughness($0)) }
    guard values.allSatisfy({ $0.1.isFinite }) else { return nil }
    let text = values.map { "\($0.0.rawValue) \(Quantity.fixed($0.1, decimals: 4))" }.joined(separator: ", ")
    let most = values.max { $0.1 < $1.1 }!.0 == .vocab
    return ClaimFinding(
      id: "K7", claim: "vocab varies more across N than sft and dist.",
      finding: "standard deviation of the mean MAE around its trend over log N: \(text). The order is "
        + "\(most ? "the claim's" : "not the claim's"); no interval is given for a spread of \(settings.counts.count) points, so "
        + "this is no verdict.",
      outcome: settings.seeds.count < 2 ? .tooFewPairs : .noDifferenceShown)
  }

  /// K8: the gain over sft is largest with little data and shrinks.
  private var gainsShrink: ClaimFinding? {
    let counts = settings.counts.filter { $0 >= 2 }
    guard counts.count >= 3, [.sft, .dist].allSatisfy(settings.presets.contains) else { return nil }
    let slopes = settings.seeds.compactMap { seed -> Double? in
      let mine = pairs(.sft, .dist, counts: counts).filter { $0.ours.cell.seed == seed }
      guard mine.count == counts.count else { return nil }
      return straightLine(mine.map { log(Double($0.ours.cell.count)) }, mine.map { $0.ours.mae - $0.theirs.mae }).slope
    }
    let verdict = Verdict("slope of the gain over log N", ours: slopes, theirs: slopes.map { _ in 0 })
    return ClaimFinding(
      id: "K8", claim: "The gain of dist over sft shrinks as N grows.", finding: "\(verdict).", outcome: verdict.outcome
    )
  }

  /// K14: every part of dist helps.
  private var partsHelp: ClaimFinding {
    let rivals = settings.presets.filter { $0 != .dist }
    let verdicts = Verdict.corrected(
      rivals.map { rival in
        let both = pairs(.dist, rival, counts: [10])
        return Verdict("MAE", ours: both.map(\.ours.mae), theirs: both.map(\.theirs.mae))
      })
    let words = zip(rivals, verdicts).map { "against \($0.rawValue): \($1)" }
    let outcomes = Set(verdicts.map(\.outcome))
    return ClaimFinding(
      id: "K14", claim: "Each part of dist lowers the error; label smoothing falls behind.",
      finding: words.joined(separator: "; ") + ".", outcome: outcomes.count == 1 ? outcomes.first! : .noDifferenceShown)
  }
}

/// Least squares through points.
func straightLine(_ x: [Double], _ y: [Double]) -> (slope: Double, intercept: Double) {
  let mx = Measurements(x).mean, my = Measurements(y).mean
  let slope =
    zip(x, y).reduce(0) { $0 + ($1.0 - mx) * ($1.1 - my) } / x.reduce(0) { $0 + ($1 - mx) * ($1 - mx) }
  return (slope, my - slope * mx)
}
