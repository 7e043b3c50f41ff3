import Evaluation
import Foundation
import Reports

/// Outcomes of an image experiment as figures, intervals and a verdict.
struct ImageSummary {
  let settings: ImageSettings
  let tokenizer: TokenizerOutcome
  let outcomes: [ImageCell: GeneratorOutcome]

  /// A line of the table: what one objective came to with one share of the data, after so many steps.
  struct Line: Hashable {
    var arm: ImageArm
    var share: Double
    var mark: Int
  }

  var lines: [Line] {
    settings.shares.flatMap { share in
      settings.generator.marks.indices.flatMap { mark in
        settings.arms.map { Line(arm: $0, share: share, mark: mark) }
      }
    }.filter { !seeds($0).isEmpty }
  }

  func seeds(_ line: Line) -> [Int] {
    settings.seeds.filter { outcomes[ImageCell(arm: line.arm, share: line.share, seed: $0)] != nil }
  }

  func marks(_ line: Line) -> [GeneratorOutcome.Mark] {
    seeds(line).compactMap { outcomes[ImageCell(arm: line.arm, share: line.share, seed: $0)]?.marks[line.mark] }
  }

  /// Names of the figures, those of every outcome.
  var figures: [ImageMetrics.Figure] { tokenizer.reconstructed.figures }

  func values(_ figure: String, _ line: Line) -> [Double] {
    marks(line).compactMap { mark in mark.metrics.figures.first { $0.name == figure }?.value }
  }

  /// dist against sft by pairs of seeds, for each share and mark; corrected as a family.
  func verdicts(_ figure: ImageMetrics.Figure) -> [(line: Line, verdict: Verdict)] {
    guard let dist = settings.arms.first(where: { $0.name == "dist" }),
      let sft = settings.arms.first(where: { $0.name == "sft" })
    else { return [] }
    let compared = lines.filter { $0.arm == dist }.compactMap { line -> (Line, Verdict)? in
      var other = line
      other.arm = sft
      let common = Set(seeds(line)).intersection(seeds(other))
      func chosen(_ line: Line) -> [Double] {
        zip(seeds(line), values(figure.name, line)).filter { common.contains($0.0) }.map(\.1)
      }
      guard !common.isEmpty else { return nil }
      return (
        line,
        Verdict(figure.name, ours: chosen(line), theirs: chosen(other), lowerIsBetter: figure.lowerIsBetter)
      )
    }
    return Array(zip(compared.map(\.0), Verdict.corrected(compared.map(\.1))).map { (line: $0.0, verdict: $0.1) })
  }

  /// K13: dist lowers the Fréchet distance and raises the class score, early and late.
  var finding: ClaimFinding {
    let wanted = figures.filter {
      $0.name.contains("Fréchet") && !$0.name.contains("spatial") || $0.name == "class score"
    }
    let all = wanted.flatMap { verdicts($0) }
    let words = all.map { "\(title($0.line)): \($0.verdict)" }.joined(separator: "; ")
    let outcomes = Set(all.map(\.verdict.outcome))
    return ClaimFinding(
      id: "K13", claim: "dist lowers the Fréchet distance and raises the class score, early and late in training.",
      finding: all.isEmpty ? "not both objectives were run." : words + ".",
      outcome: outcomes.count == 1 ? outcomes.first ?? .noDifferenceShown : .noDifferenceShown)
  }

  func title(_ line: Line) -> String {
    "\(Quantity.percent(line.share)) of the data, step \(settings.generator.marks[line.mark])"
  }

  /// Fréchet distance by share, one line an objective, late in training.
  var distanceChart: Chart {
    let last = settings.generator.marks.count - 1, name = figures.first?.name ?? ""
    let series = settings.arms.map { arm in
      Series(
        arm.name,
        means: settings.shares.compactMap { share -> (x: Double, y: Measurements)? in
          let found = values(name, Line(arm: arm, share: share, mark: last))
          return found.isEmpty ? nil : (100 * share, Measurements(found))
        }, spread: .whiskers)
    }
    let floor = tokenizer.reconstructed.figures.first?.value ?? .nan
    return Chart(
      "\(name) of drawn pictures by the amount of data",
      subtitle: "\(tokenizer.real.network); after the last step; mean over seeds ± 1 standard deviation",
      x: Axis("training images, %", scale: .logarithmic), y: Axis(name, includesZero: true), series: series,
      references: [ReferenceLine("the tokenizer's own reconstructions", y: floor)])
  }

  /// Cross entropy of the steps, by objective, with all the data and the first seed.
  var lossChart: Chart {
    let share = settings.shares.max() ?? 1
    let series = settings.arms.compactMap { arm -> Series? in
      guard let seed = settings.seeds.first, let outcome = outcomes[ImageCell(arm: arm, share: share, seed: seed)]
      else {
        return nil
      }
      return Series(arm.name, outcome.losses.enumerated().map { Series.Point(Double($0.offset + 1), $0.element) })
        .smoothed(halfLife: 10)
    }
    return Chart(
      "Cross entropy of codes", subtitle: "first seed, \(Quantity.percent(share)) of the data, smoothed",
      x: Axis("step"), y: Axis("nats a code"), series: series)
  }
}
