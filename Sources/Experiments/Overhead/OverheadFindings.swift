// SPDX-License-Identifier: Apache-2.0
import Foundation
import Objectives
import Recipes
import Reports

/// Findings of the overhead experiment.
struct OverheadFindings {
  let settings: OverheadExperiment
  let results: Results<OverheadOutcome>

  /// The largest change of time and of memory that is called hardly any, as a share; stated before any run.
  private static let margin = 0.05

  var report: ExperimentReport {
    ExperimentReport(
      "What a step costs with a distance",
      subtitle: "\(URL(filePath: settings.model).lastPathComponent), \(settings.batch) examples a step, median of "
        + "\(settings.steps) steps, \(results.grid.seeds.count) rounds",
      findings: [time.judged], figure: bars, parts: [.table(table), .figures([bars])])
  }

  /// K1: the distance itself, without and with contrastive examples.
  private var time: Claim {
    let objectives = [Preset.distWithoutContrast, .dist].map(\.rawValue).filter(results.grid.variants.contains)
    let equal = objectives.flatMap { name in
      Figure.allCases.compactMap { figure -> (label: String, equivalence: Equivalence)? in
        let ratios = ratios(name, figure)
        guard !ratios.isEmpty else { return nil }
        let test = Equivalence(
          figure.rawValue, ours: ratios, theirs: ratios.map { _ in 1 }, margin: Self.margin, unit: "round")
        return ("\(name) over sft", test)
      }
    }
    return Claim(
      "K1", "dist needs no extra data and hardly any time.", equal: equal,
      remark:
        "Ratios. dist has a contrastive example in a second pass for every example, distWithoutContrast none. Training "
        + "data are the same for all.")
  }

  private enum Figure: String, CaseIterable {
    case seconds = "time of a step"
    case memory = "peak memory"

    func value(_ outcome: OverheadOutcome) -> Double {
      switch self {
      case .seconds: outcome.seconds
      case .memory: outcome.peakBytes ?? .nan
      }
    }
  }

  /// Of each round, over sft's in the same round.
  private func ratios(_ name: String, _ figure: Figure) -> [Double] {
    let rounds = results.seeds([name, Preset.sft.rawValue], [[]])
    return rounds.compactMap { round in
      guard let ours = results.outcome(name, seed: round),
        let theirs = results.outcome(Preset.sft.rawValue, seed: round)
      else { return nil }
      let ratio = figure.value(ours) / figure.value(theirs)
      return ratio.isFinite ? ratio : nil
    }
  }

  private var table: Table {
    var table = Table(
      "A step with and without a distance",
      columns: [Table.Column("objective")]
        + ["seconds", "over sft", "peak GB", "over sft"].map { Table.Column($0, alignment: .right) },
      notes: ["Medians of rounds; ratios within a round, mean ± standard deviation."])
    for row in results.rows {
      let all = results.outcomes(row.variant)
      func median(_ values: [Double]) -> Table.Cell {
        let values = values.filter(\.isFinite)
        return values.isEmpty ? .missing : .number(Measurements(values).median)
      }
      func ratio(_ figure: Figure) -> Table.Cell {
        let ratios = ratios(row.variant, figure)
        return ratios.isEmpty ? .missing : .mean(Measurements(ratios))
      }
      table.add([
        .text(row.variant), median(all.map(\.seconds)), ratio(.seconds),
        median(all.map { ($0.peakBytes ?? .nan) / 1e9 }), ratio(.memory),
      ])
    }
    return table
  }

  private var bars: BarChart {
    let names = results.rows.map(\.variant)
    let ratios = names.map { Measurements(self.ratios($0, .seconds)) }
    return BarChart(
      "Time of a step over sft's", subtitle: "mean over rounds; 95 % intervals", categories: names,
      y: Axis("ratio", includesZero: true),
      groups: [
        BarChart.Group(
          "time", ratios.map(\.mean),
          ranges: ratios.map { ratio in
            let interval = ratio.meanInterval()
            return interval.isFinite ? interval.low...interval.high : nil
          })
      ],
      references: [ReferenceLine("sft", y: 1)])
  }
}
