// SPDX-License-Identifier: Apache-2.0
import Recipes
import TaskData
import Evaluation
import Files
import Foundation
import Objectives
import Reports

/// Findings of a grounding experiment: the table beside the paper's, how far corners are off, what it says about the
/// paper's claims, and images.
struct GroundingFindings {
  /// Judged answers of a run by split, in the order of its file.
  typealias Judged = [String: [GroundingOutcome]]

  private let settings: GroundingExperiment
  private let results: Results<Judged>
  private let splits: [String]
  /// The judged answers of one who always says the median box of the training rows.
  private let floors: Judged
  private var grid: Grid { results.grid }

  init(_ settings: GroundingExperiment, _ results: Results<GroundingAnswers>, _ files: GroundingFiles) throws {
    let template = settings.template, splits = try files.splits()
    let rows = Dictionary(uniqueKeysWithValues: try splits.map { ($0, try files.rows($0)) })
    let usual = Self.median(try files.rows("train"), template)
    (self.settings, self.splits) = (settings, splits)
    self.results = results.map { run in
      Judged(
        uniqueKeysWithValues: run.answers.map { split, answers in
          (split, zip(rows[split] ?? [], answers).map { GroundingOutcome($0, answer: $1, template) })
        })
    }
    floors = rows.mapValues { $0.map { GroundingOutcome($0, answer: usual, template) } }
  }

  var report: ExperimentReport {
    let bySize = results.chart(
      "Boxes found, all splits", x: Axis("expressions learnt from", scale: .logarithmic),
      y: Axis("found, %", range: 0...100)
    ) { run in 100 * Measurements(all(run).map(Self.isFound)).mean }
    return ExperimentReport(
      "Boxes with coordinates that know how near they are",
      subtitle: "seeds " + grid.seeds.map(String.init).joined(separator: ", "), findings: findings, figure: bySize,
      parts: [.table(table), .figures([bySize] + [byThreshold].compactMap { $0 }), .table(errors), .table(paper)]
        + images)
  }

  // MARK: Measures

  /// 1 where the box overlaps the right one by a half at least (section 3.2).
  private static func isFound(_ outcome: GroundingOutcome) -> Double { outcome.overlap >= 0.5 ? 1 : 0 }
  /// Share of a split's boxes that the median training box finds.
  private func floor(_ split: String) -> Double { Measurements((floors[split] ?? []).map(Self.isFound)).mean }
  private func all(_ run: Judged) -> [GroundingOutcome] { splits.flatMap { run[$0] ?? [] } }
  private func found(_ split: String) -> (Judged) -> [Double] { { ($0[split] ?? []).map(Self.isFound) } }

  /// The grid's box whose corners are the medians of those learnt from.
  private static func median(_ rows: [ReferringRow], _ template: GroundingTemplate) -> String {
    let shares = rows.map { row in
      [row.box.x1 / row.width, row.box.y1 / row.height, row.box.x2 / row.width, row.box.y2 / row.height]
    }
    let corners = (0..<4).map { corner in
      Int((Double(template.side) * Measurements(shares.map { $0[corner] }).median).rounded())
    }
    return "[" + corners.map(String.init).joined(separator: ", ") + "]"
  }

  // MARK: Claims (docs/paper-map.md)

  private var findings: [JudgedClaim] {
    [
      claim("dist finds more boxes than sft on every split.", "dist", "boxes found", Self.isFound),
      claim("The same of what the boxes overlap, which says more where few are found.", "dist", "overlap", \.overlap),
      claim("vocab is mixed: no better than sft on the whole.", "vocab", "boxes found", Self.isFound),
      // K8, which the paper states of manipulation. Splits are answered by the same models: their mean is one
      // measurement.
      results.shrinkingGain("dist", "sft") { dist, sft in
        Measurements(splits.map { Measurements(found($0)(dist)).mean - Measurements(found($0)(sft)).mean }).mean
      },
    ].compactMap { $0 }
  }

  /// K9: an objective against sft at the largest size, split by split.
  private func claim(
    _ text: String, _ variant: String, _ metric: String, _ measure: @escaping (GroundingOutcome) -> Double
  ) -> JudgedClaim? {
    guard let size = results.largestSize(["sft", variant]) else { return nil }
    let verdicts = splits.map { split in
      (split, results.itemVerdict(metric, variant, "sft", [size]) { ($0[split] ?? []).map(measure) })
    }
    let seeds = results.seeds(["sft", variant], [[size]]).count
    return Claim(
      "K9", text, verdicts, opening: "Learnt from \(Grid.text(size)) expressions.",
      remark: ItemScores.remark("expression", seeds: [seeds]) + learntRemark(size)
    ).judged
  }

  /// A warning where no objective finds more than the median box does: then there is nothing to compare.
  private func learntRemark(_ size: Double) -> String {
    let isLearnt = grid.variants.contains { variant in
      splits.contains { split in
        results.items(variant, [size], found(split)).interval.map { $0.low > floor(split) } ?? false
      }
    }
    return isLearnt ? "" : " No objective finds more than the median box does: nothing was learnt that could differ."
  }

  // MARK: Tables

  /// Boxes found by objective, size and split.
  private var table: Table {
    var table = Table(
      "Boxes found (IoU ≥ 0.5), per cent",
      columns: [Table.Column("objective"), Table.Column("learnt from", alignment: .right)]
        + splits.map { Table.Column($0, alignment: .right) },
      notes: [
        "95 % bootstrap intervals over expressions "
          + "(\(splits.map { "\($0) \(floors[$0]?.count ?? 0)" }.joined(separator: ", "))), means over "
          + "\(results.seedsText). An answer without a box is wrong. Median box: what always answering the median of the "
          + "boxes learnt from would find.",
        source, "α = \(settings.alpha), τ = \(settings.temperature), squared distance digit by digit.",
      ])
    for row in results.rows {
      table.add(
        [.text(row.variant), .count(Int(exactly: row.condition[0]) ?? 0)]
          + splits.map { results.items(row.variant, row.condition, found($0)).percentCell })
    }
    table.add([.text("median box"), .missing] + splits.map { .number(100 * floor($0), decimals: 1) })
    return table
  }

  private var source: String {
    let model =
      settings.model.map { URL(filePath: $0).lastPathComponent }
      ?? "a model of a million weights that was pretrained on a grid of 64 in other scenes"
    switch settings.source {
    case .scenes(_, _, let side):
      return "Rendered scenes of \(side) pixels, described by look or by place; \(model). Not RefCOCO: orders can be "
        + "compared with the paper's, numbers cannot."
    case .rows(let files, _):
      return files.map { URL(filePath: $0).lastPathComponent }.joined(separator: ", ") + "; \(model)."
    }
  }

  /// How good boxes are beyond found or not.
  private var errors: Table {
    var table = Table(
      "How near boxes are, all splits",
      columns: ["objective", "learnt from", "mean IoU", "corners off, cells of \(settings.template.side)", "no box"]
        .map { Table.Column($0) },
      notes: ["Corners: the mean of an answer's four differences, the median over answers with a box."])
    for row in results.rows {
      let outcomes = results.outcomes(row.variant, row.condition).flatMap(all)
      let errors = outcomes.compactMap { $0.cornerError(settings.template) }
      table.add([
        .text(row.variant), .count(Int(exactly: row.condition[0]) ?? 0),
        .number(Measurements(outcomes.map(\.overlap)).mean),
        errors.isEmpty ? .missing : .number(Measurements(errors).median, decimals: 1),
        .text("\(outcomes.count { $0.box == nil }) of \(outcomes.count)"),
      ])
    }
    return table
  }

  /// Table 1.
  private var paper: Table {
    var table = Table(
      "The paper (Table 1): Phi-3.5-vision, 127K expressions, single runs",
      columns: [Table.Column("objective")] + PaperGrounding.splits.map { Table.Column($0, alignment: .right) })
    for variant in grid.variants {
      guard let accuracy = Preset(rawValue: variant).flatMap({ PaperGrounding.accuracy[$0] }) else { continue }
      table.add([.text(variant)] + accuracy.map { .number($0, decimals: 1) })
    }
    return table
  }

  // MARK: Figures

  /// Accuracy by how much a box must overlap the right one, at the largest size: the hard cases are on the right.
  private var byThreshold: Chart? {
    guard let size = grid.variants.compactMap({ results.largestSize([$0]) }).max() else { return nil }
    let series = grid.variants.compactMap { variant -> Series? in
      let outcomes = results.outcomes(variant, [size]).flatMap(all)
      guard !outcomes.isEmpty else { return nil }
      return Series(
        variant, GroundingFigures(variant, outcomes).curve.map { Series.Point($0.threshold, 100 * $0.share) },
        style: .line)
    }
    return Chart(
      "Found, by how strict one is",
      subtitle: "learnt from \(Grid.text(size)), all splits; the hard cases are on the right",
      x: Axis("least overlap (IoU)"), y: Axis("share of answers, %", range: 0...100), series: series)
  }

  /// The first expressions of every split, chosen by nothing else, with the boxes of sft and dist (Fig. 6).
  private var images: [ExperimentReport.Part] {
    let shown = [("sft", GroundingImages.orange), ("dist", GroundingImages.blue)]
    guard let size = results.largestSize(["sft", "dist"]), let seed = results.seeds(["sft", "dist"], [[size]]).first
    else { return [] }
    let images = splits.compactMap { split -> ExperimentReport.Part? in
      let answers = shown.map { results.outcome($0.0, [size], seed: seed)?[split] ?? [] }
      let rows = answers[0].indices.prefix(8).map { index in
        (row: answers[0][index].row, boxes: zip(shown, answers).map { (box: $1[index].box, colour: $0.1) })
      }
      let words = rows.map { "“\($0.row.expression)”" }.joined(separator: ", ")
      return GroundingImages.grid(rows).map { .image($0, caption: "\(split): \(words)") }
    }
    let legend = "Learnt from \(Grid.text(size)), seed \(seed). Green: the right box. Orange: sft. Blue: dist."
    return [.section("Answers"), .paragraph(legend)] + images
  }
}

extension GroundingOutcome {
  /// How far the answer's corners are from the right ones, in cells of the grid, the mean of all four numbers; nil
  /// without a box.
  fileprivate func cornerError(_ template: GroundingTemplate) -> Double? {
    guard let box else { return nil }
    let (x, y) = (Double(template.side) / row.width, Double(template.side) / row.height)
    let errors = [
      x * (box.x1 - row.box.x1), y * (box.y1 - row.box.y1), x * (box.x2 - row.box.x2), y * (box.y2 - row.box.y2),
    ]
    return Measurements(errors.map(\.magnitude)).mean
  }
}
