import Evaluation
import Files
import Foundation
import Objectives
public import Reports

/// The report of a grounding experiment: the table beside the paper's, how far corners are off, what it says about the
/// paper's claims, and pictures.
public struct GroundingExperimentReport {
  let summary: GroundingSummary
  /// The command that makes it again.
  let command: String
  /// Resampled once: text, markdown and page all show them.
  private let findings: [ClaimFinding]

  init(summary: GroundingSummary, command: String) {
    (self.summary, self.command, findings) = (summary, command, summary.findings)
  }

  private var settings: GroundingSettings { summary.settings }

  /// Every objective and size with something finished.
  private var rows: [(preset: Preset, size: Int, seeds: [Int])] {
    settings.sizes.flatMap { size in settings.presets.map { ($0, size, summary.seeds([$0], size)) } }
      .filter { !$0.seeds.isEmpty }
  }

  /// Boxes found by objective, size and split.
  public var table: Table {
    var table = Table(
      "Boxes found (IoU ≥ 0.5), per cent",
      columns: [Table.Column("objective"), Table.Column("learnt from", alignment: .right)]
        + summary.splits.map { Table.Column($0, alignment: .right) },
      notes: notes)
    for (preset, size, seeds) in rows {
      table.add(
        [.text(preset.rawValue), .count(size)]
          + summary.splits.map { split in
            let scores = summary.scores(preset, size, split, seeds: seeds, GroundingSummary.isFound)
            return scores.interval.map { .interval(100 * scores.mean, $0.percent, decimals: 1) } ?? .missing
          })
    }
    table.add(
      [.text("median box"), .missing] + summary.splits.map { .number(100 * summary.floor($0), decimals: 1) })
    return table
  }

  private var notes: [String] {
    let counts = summary.splits.map { "\($0) \(summary.count($0))" }.joined(separator: ", ")
    return [
      "95 % bootstrap intervals over expressions (\(counts)), means over \(ItemScores.seeds(Set(rows.map(\.seeds.count)))). An "
        + "answer without a box is wrong. Median box: what always answering the median of the boxes learnt from would find.",
      source,
      "α = \(settings.alpha), τ = \(settings.temperature), squared distance digit by digit.",
    ]
  }

  private var source: String {
    let model =
      settings.model.map { URL(filePath: $0).lastPathComponent }
      ?? "a model of a million weights that was schooled on a grid of 64 in other scenes"
    switch settings.source {
    case .scenes(_, _, let side):
      return "Rendered scenes of \(side) pixels, described by look or by place; \(model). Not RefCOCO: orders can be "
        + "compared with the paper's, numbers cannot."
    case .rows(let files, _):
      return files.map { URL(filePath: $0).lastPathComponent }.joined(separator: ", ") + "; \(model)."
    }
  }

  /// Table 1.
  var paper: Table {
    var table = Table(
      "The paper (Table 1): Phi-3.5-vision, 127K expressions, single runs",
      columns: [Table.Column("objective")] + PaperGrounding.splits.map { Table.Column($0, alignment: .right) })
    for preset in settings.presets {
      guard let accuracy = PaperGrounding.accuracy[preset] else { continue }
      table.add([.text(preset.rawValue)] + accuracy.map { .number($0, decimals: 1) })
    }
    return table
  }

  /// How good boxes are beyond found or not.
  var errors: Table {
    var table = Table(
      "How near boxes are, all splits",
      columns: ["objective", "learnt from", "mean IoU", "corners off, cells of \(settings.form.side)", "no box"]
        .map { Table.Column($0) },
      notes: ["Corners: the mean of an answer's four differences, the median over answers with a box."])
    for (preset, size, _) in rows {
      let outcomes = summary.outcomes(preset, size)
      let errors = outcomes.compactMap { $0.cornerError(settings.form) }
      table.add([
        .text(preset.rawValue), .count(size), .number(Measurements(outcomes.map(\.overlap)).mean),
        errors.isEmpty ? .missing : .number(Measurements(errors).median, decimals: 1),
        .text("\(outcomes.count { $0.box == nil }) of \(outcomes.count)"),
      ])
    }
    return table
  }

  /// Boxes found against expressions learnt from, all splits.
  var bySize: Chart {
    let series = settings.presets.map { preset in
      Series(
        preset.rawValue,
        means: settings.sizes.compactMap { size -> (Double, Measurements)? in
          let shares = summary.seeds([preset], size).map { seed in
            Measurements(
              summary.splits.flatMap { summary.outcomes(preset, size, seed: seed, $0) }.map(GroundingSummary.isFound)
            ).mean
          }
          return shares.isEmpty ? nil : (Double(size), Measurements(shares.map { 100 * $0 }))
        }, spread: .whiskers)
    }
    return Chart(
      "Boxes found, all splits", subtitle: "mean over seeds ± 1 standard deviation",
      x: Axis("expressions learnt from", scale: .logarithmic), y: Axis("found, %", range: 0...100), series: series)
  }

  /// Accuracy by how much a box must overlap the right one, at the largest size: the hard cases are on the right.
  var byThreshold: Chart? {
    guard let size = summary.largest else { return nil }
    let series = settings.presets.compactMap { preset -> Series? in
      let outcomes = summary.outcomes(preset, size)
      guard !outcomes.isEmpty else { return nil }
      return Series(
        preset.rawValue,
        GroundingFigures(preset.rawValue, outcomes).curve.map { Series.Point($0.threshold, 100 * $0.share) },
        style: .line)
    }
    return Chart(
      "Found, by how strict one is", subtitle: "learnt from \(size), all splits; the hard cases are on the right",
      x: Axis("least overlap (IoU)"), y: Axis("share of answers, %", range: 0...100), series: series)
  }

  private var tables: [Table] { [table, errors, paper] }

  /// For the terminal.
  public func text(_ terminal: Terminal) -> String { findings.text(after: tables, terminal) }

  /// For `docs/experiments/`.
  public var markdown: String { findings.markdown(after: tables, command: command) }

  /// `report.html`
  public var page: HTMLReport {
    var page = HTMLReport(
      "Boxes with coordinates that know how near they are",
      subtitle: "seeds " + settings.seeds.map(String.init).joined(separator: ", "))
    findings.show(on: &page)
    page.table(table)
    page.figures([bySize] + [byThreshold].compactMap { $0 })
    page.table(errors)
    page.table(paper)
    addPictures(to: &page)
    page.section("Settings")
    page.code(command, caption: "The command that makes this again")
    return page
  }

  /// The first expressions of every split, chosen by nothing else, with the boxes of sft and dist (Fig. 6).
  private func addPictures(to page: inout HTMLReport) {
    let shown: [(preset: Preset, colour: GroundingPictures.Colour)] = [
      (.sft, GroundingPictures.orange), (.dist, GroundingPictures.blue),
    ]
    guard let size = summary.largest([.sft, .dist]), let seed = summary.seeds([.sft, .dist], size).first else { return }
    page.section("Answers")
    page.paragraph("Learnt from \(size), seed \(seed). Green: the right box. Orange: sft. Blue: dist.")
    for split in summary.splits {
      let answers = shown.map { summary.outcomes($0.preset, size, seed: seed, split) }
      let rows = answers[0].indices.prefix(8).map { index in
        (row: answers[0][index].row, boxes: zip(shown, answers).map { (box: $1[index].box, colour: $0.colour) })
      }
      let words = rows.map { "“\($0.row.expression)”" }.joined(separator: ", ")
      if let png = GroundingPictures.grid(rows) {
        page.image(png: png, description: "\(split): \(words)", caption: "\(split): \(words)")
      }
    }
  }
}
