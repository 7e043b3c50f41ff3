import Evaluation
import Objectives
import Reports

/// Outcomes of a grounding experiment as figures and intervals.
struct GroundingSummary {
  let settings: GroundingSettings
  /// Splits that were asked, in order.
  let splits: [String]
  /// What came of each finished cell, by split, in the order of its file.
  private let outcomes: [GroundingCell: [String: [GroundingOutcome]]]
  /// The same of an answer that is always the median box of the training rows.
  private let floors: [String: [GroundingOutcome]]

  init(_ material: GroundingMaterial, _ cells: [GroundingCellOutcome]) throws {
    let form = material.settings.form, splits = try material.splits()
    let rows = Dictionary(uniqueKeysWithValues: try splits.map { ($0, try material.rows($0)) })
    outcomes = Dictionary(
      cells.map { cell in
        let judged = cell.answers.map { split, answers in
          (split, zip(rows[split] ?? [], answers).map { GroundingOutcome($0, answer: $1, form) })
        }
        return (cell.cell, Dictionary(uniqueKeysWithValues: judged))
      }, uniquingKeysWith: { $1 })
    let usual = Self.median(try material.rows("train"), form)
    floors = rows.mapValues { $0.map { GroundingOutcome($0, answer: usual, form) } }
    (settings, self.splits) = (material.settings, splits)
  }

  /// Seeds of which the cells of all these objectives are finished.
  func seeds(_ presets: [Preset], _ size: Int) -> [Int] {
    settings.seeds.filter { seed in
      presets.allSatisfy { outcomes[GroundingCell(preset: $0, size: size, seed: seed)] != nil }
    }
  }

  /// The largest size of which these objectives have a seed in common.
  func largest(_ presets: [Preset]) -> Int? { settings.sizes.filter { !seeds(presets, $0).isEmpty }.max() }

  /// The largest size of which anything is finished.
  var largest: Int? { settings.presets.compactMap { largest([$0]) }.max() }

  /// Outcomes of one cell at a split; empty if it is not finished.
  func outcomes(_ preset: Preset, _ size: Int, seed: Int, _ split: String) -> [GroundingOutcome] {
    outcomes[GroundingCell(preset: preset, size: size, seed: seed)]?[split] ?? []
  }

  /// All outcomes of an objective, every split and seed.
  func outcomes(_ preset: Preset, _ size: Int) -> [GroundingOutcome] {
    settings.seeds.flatMap { seed in splits.flatMap { outcomes(preset, size, seed: seed, $0) } }
  }

  /// What a measure says of the expressions of a split, each the mean of these seeds.
  func scores(
    _ preset: Preset, _ size: Int, _ split: String, seeds: [Int], _ measure: (GroundingOutcome) -> Double
  ) -> ItemScores {
    ItemScores(seeds.map { seed in outcomes(preset, size, seed: seed, split).map(measure) })
  }

  /// Expressions of a split.
  func count(_ split: String) -> Int { floors[split]?.count ?? 0 }

  /// Share of a split's boxes that the median training box finds.
  func floor(_ split: String) -> Double { Measurements((floors[split] ?? []).map(Self.isFound)).mean }

  /// 1 where the box overlaps the right one by a half at least (section 3.2).
  static func isFound(_ outcome: GroundingOutcome) -> Double { outcome.overlap >= 0.5 ? 1 : 0 }

  /// The grid's box whose corners are the medians of those learnt from.
  private static func median(_ rows: [ReferringRow], _ form: GroundingForm) -> String {
    let shares = rows.map { row in
      [row.box.x1 / row.width, row.box.y1 / row.height, row.box.x2 / row.width, row.box.y2 / row.height]
    }
    let corners = (0..<4).map { corner in
      Int((Double(form.side) * Measurements(shares.map { $0[corner] }).median).rounded())
    }
    return "[" + corners.map(String.init).joined(separator: ", ") + "]"
  }
}

extension GroundingOutcome {
  /// How far the answer's corners are from the right ones, in cells of the grid, the mean of all four numbers; nil without
  /// a box.
  func cornerError(_ form: GroundingForm) -> Double? {
    guard let box else { return nil }
    let (x, y) = (Double(form.side) / row.width, Double(form.side) / row.height)
    let errors = [
      x * (box.x1 - row.box.x1), y * (box.y1 - row.box.y1), x * (box.x2 - row.box.x2), y * (box.y2 - row.box.y2),
    ]
    return Measurements(errors.map(\.magnitude)).mean
  }
}
