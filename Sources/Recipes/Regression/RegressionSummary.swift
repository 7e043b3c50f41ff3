import Objectives
import Reports

/// The outcomes of an experiment, by objective, N and seed.
struct RegressionSummary {
  let settings: RegressionSettings
  let outcomes: [RegressionCell: RegressionOutcome]

  /// MAE of every finished seed at N.
  func mae(_ preset: Preset, _ count: Int) -> Measurements { measure(preset, count, \.mae) }
  /// RMSE of every finished seed at N.
  func rmse(_ preset: Preset, _ count: Int) -> Measurements { measure(preset, count, \.rmse) }

  private func measure(_ preset: Preset, _ count: Int, _ value: (RegressionOutcome) -> Double) -> Measurements {
    Measurements(
      settings.seeds.compactMap { outcomes[RegressionCell(preset: preset, count: count, seed: $0)].map(value) })
  }

  /// Two objectives' outcomes of the same N and seed.
  func pairs(_ ours: Preset, _ theirs: Preset, counts: [Int]) -> [(ours: RegressionOutcome, theirs: RegressionOutcome)]
  {
    counts.flatMap { count in
      settings.seeds.compactMap { seed in
        guard let a = outcomes[RegressionCell(preset: ours, count: count, seed: seed)],
          let b = outcomes[RegressionCell(preset: theirs, count: count, seed: seed)]
        else { return nil }
        return (a, b)
      }
    }
  }

  /// Answers that were no numbers, of how many, for one objective.
  func unparseable(_ preset: Preset) -> (count: Int, of: Int) {
    let mine = outcomes.values.filter { $0.cell.preset == preset }
    return (mine.reduce(0) { $0 + $1.unparseable }, mine.reduce(0) { $0 + $1.answers.count })
  }

  /// The table in the paper's layout: Table 11's (a row per N) or Table 5's (a row per objective).
  var table: Table { settings.table == .regression ? table11 : table5 }

  private var table11: Table {
    var columns = [Table.Column("N")]
    for preset in settings.presets {
      for title in ["MAE", "RMSE", "paper MAE", "paper RMSE"] {
        columns.append(Table.Column(title, group: preset.rawValue))
      }
    }
    var table = Table(
      "Error at x = 0.5 against the number N of training problems: mean ± sample std over seeds", columns: columns,
      notes: notes)
    for count in settings.counts {
      var row: [Table.Cell] = [.count(count)]
      for preset in settings.presets {
        let paper = PaperToy.table11[preset.rawValue]?[count - 1]
        row += [.mean(mae(preset, count)), .mean(rmse(preset, count))]
        row += [.paper(paper?.mae), .paper(paper?.rmse)]
      }
      table.add(row)
    }
    for offset in 1...2 { table.emphasizeBest(.lowest, across: settings.presets.indices.map { $0 * 4 + offset }) }
    return table
  }

  private var table5: Table {
    let names: [Preset: String] = [
      .dist: "dist", .distWithoutPlace: "− place value weighting", .distWithoutContrast: "− contrastive loss",
      .smooth: "− distance-aware target", .sft: "sft",
    ]
    var table = Table(
      "Parts of dist left out at N = 10: mean ± sample std over seeds",
      columns: ["objective", "MAE", "RMSE", "paper MAE", "paper RMSE"].map { Table.Column($0) }, notes: notes)
    for preset in settings.presets {
      let paper = PaperToy.table5[preset.rawValue]
      table.add([
        .text(names[preset] ?? preset.rawValue), .mean(mae(preset, 10)), .mean(rmse(preset, 10)),
        .paper(paper?.mae), .paper(paper?.rmse),
      ])
    }
    table.emphasizeBest(.lowest, in: 1)
    table.emphasizeBest(.lowest, in: 2)
    return table
  }

  /// 95 % bootstrap intervals of the mean MAE over seeds. (With few seeds they are narrower than they should be; the
  /// claims are judged by Student's t.)
  var intervals: Table {
    var table = Table(
      "Mean MAE over seeds with its 95 % bootstrap interval",
      columns: [Table.Column("N")] + settings.presets.map { Table.Column($0.rawValue) })
    for count in settings.counts {
      table.add(
        [.count(count)]
          + settings.presets.map { preset in
            let sample = mae(preset, count)
            return sample.count < 2 ? .mean(sample) : .interval(sample.mean, Bootstrap().interval(of: sample.values))
          })
    }
    return table
  }

  private var notes: [String] {
    let floor = RegressionProblem.constantError
    let wrong = settings.presets.map { preset in
      let share = unparseable(preset)
      return "\(preset.rawValue) \(share.count) of \(share.of)"
    }
    return [
      "Always answering the median \(RegressionProblem.constantMedian): MAE \(floor.mae), RMSE \(floor.rmse). "
        + "The exact solution: 0.",
      "\(settings.seeds.count) seed\(settings.seeds.count == 1 ? "" : "s"), \(settings.testProblems) test problems "
        + "each, α = \(settings.alpha), τ = \(settings.temperature). The paper: Llama-3.2-1B, "
        + "\(settings.table == .regression ? 5 : 10) seeds, 1000 problems, τ not stated.",
      "Answers that are no numbers (counted as \(RegressionProblem.constantMedian)): "
        + wrong.joined(separator: ", ") + ".",
    ]
  }
}

extension Table.Cell {
  fileprivate static func paper(_ entry: (mean: Double, std: Double)?) -> Table.Cell {
    entry.map { .mean($0.mean, spread: $0.std) } ?? .missing
  }
}
