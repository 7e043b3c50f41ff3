// SPDX-License-Identifier: Apache-2.0
import Foundation
import Recipes
import Reports

/// Findings of the gradient experiment.
struct GradientFindings {
  let settings: GradientExperiment
  let results: Results<GradientOutcome>

  var report: ExperimentReport {
    ExperimentReport(
      "How noisy are gradients of numbers?",
      subtitle:
        "\(settings.batches) batches of \(settings.batch) examples after \(settings.warmup) steps of cross entropy; "
        + results.seedsText,
      findings: [claim.judged], figure: chart, parts: [.table(table), .figures([chart])])
  }

  /// K19, for every number of digits.
  private var claim: Claim {
    let pairs: [(GradientVariant, GradientVariant)] = [(.dist, .sequence), (.policyGradient, .sequence)]
    let comparisons = results.grid.conditions.flatMap { condition in
      pairs.filter { isThere($0.0) && isThere($0.1) }.map { ours, theirs in
        let verdict = results.verdict(
          "signal share", ours.rawValue, theirs.rawValue, [condition], lowerIsBetter: false, \.signalShare)
        return ("\(Self.digits(condition[0])), \(ours) against \(theirs)", verdict)
      }
    }
    return Claim(
      "K19", "Metrics over several tokens give noisy gradients.", comparisons,
      opening:
        "Better: a larger share of the gradient is common to all batches than with one reward for a whole number.")
  }

  private static func digits(_ count: Double) -> String { "\(Grid.text(count)) digit\(count == 1 ? "" : "s")" }

  private func isThere(_ variant: GradientVariant) -> Bool { results.grid.variants.contains(variant.rawValue) }

  private var table: Table {
    var table = Table(
      "Share of a batch's gradient that all batches have in common",
      columns: [Table.Column("gradient of")]
        + results.grid.sizes.map {
          Table.Column(Self.digits($0), alignment: .right)
        },
      notes: [
        "|E g|² / E|g|² over all parameters, mean over seeds ± 1 standard deviation. 1: no noise. 0.01: of a gradient's "
          + "squared length 99 % are noise of the batch and of draws. No variant has cross entropy in it."
      ])
    for name in results.grid.variants {
      let words = GradientVariant(rawValue: name)?.description ?? ""
      table.add(
        [.text("\(name): \(words)")]
          + results.grid.conditions.map { condition in
            let shares = results.measure(name, condition, \.signalShare)
            return shares.count == 0 ? .missing : .mean(shares)
          })
    }
    return table
  }

  private var chart: Chart {
    results.chart(
      "Share of the gradient that is signal", y: Axis("|E g|² / E|g|²", includesZero: true), \.signalShare)
  }
}
