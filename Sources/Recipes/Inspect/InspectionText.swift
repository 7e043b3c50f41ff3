// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
public import Reports
import TokenData

extension Inspection {
  /// For a terminal: the examples' tokens, their targets, what was counted, what is wrong.
  public func text(_ terminal: Terminal) -> String {
    var parts = examples.map { text($0, terminal) }
    parts.append(legend(terminal))
    parts.append(counts.text(terminal: terminal))
    if !metricTable.rows.isEmpty { parts.append(metricTable.text(terminal: terminal)) }
    parts += notes.map { terminal.prose($0) }
    parts += warnings.map { terminal.styled("! ", .yellow, .bold) + terminal.prose($0, indent: 2) }
    if warnings.isEmpty { parts.append(terminal.styled("No warnings.", .green)) }
    return parts.asBlocks
  }

  private func text(_ example: Example, _ terminal: Terminal) -> String {
    var lines = [terminal.styled(example.name, .bold)]
    lines.append(example.tokens.map { shown($0, terminal) }.joined())
    if !example.targets.isEmpty { lines.append(targets(example).text(style: .plain, terminal: terminal)) }
    return lines.joined(separator: "\n")
  }

  /// Learnt tokens stand between bars, metric ones between brackets with their metric's number, colour or not.
  private func shown(_ token: Token, _ terminal: Terminal) -> String {
    let text = token.text.replacing("\n", with: "⏎\n")
    if let metric = token.metric {
      return terminal.styled("[\(text)]", Self.colors[metric % Self.colors.count], .bold)
    }
    if token.isUncovered { return terminal.styled("{\(text)}", .red) }
    return token.isLearnt ? terminal.styled("|\(text)", .green) : terminal.styled(text, .dim)
  }

  private func legend(_ terminal: Terminal) -> String {
    let metrics = artifacts.settings.metrics.enumerated().map { index, metric in
      terminal.styled("[\(metric.name)]", Self.colors[index % Self.colors.count], .bold)
    }
    return terminal.styled("read", .dim) + "  " + terminal.styled("|learnt by cross entropy", .green) + "  "
      + metrics.joined(separator: "  ") + " learnt with a distance as well"
      + (summary.metrics.contains { $0.uncovered > 0 }
        ? "  " + terminal.styled("{digits that are no candidates}", .red) : "")
  }

  private static let colors: [TextStyle] = [.cyan, .magenta, .yellow, .blue]

  /// One row a metric token: its target, the most probable candidates first. Columns that say nothing are left out, so
  /// that 80 columns do.
  func targets(_ example: Example) -> Table {
    let names = artifacts.settings.metrics.map(\.name)
    let hasContrast = example.targets.contains { $0.contrastiveExample != nil }
    let titles =
      ["token"] + (names.count > 1 ? ["metric"] : []) + ["place", "weight", "perplexity"]
      + (hasContrast ? ["contrast"] : []) + ["target"]
    var table = Table(
      columns: titles.map { Table.Column($0, alignment: ["weight", "perplexity"].contains($0) ? .right : nil) })
    for target in example.targets {
      var cells = [Table.Cell.text(target.text)]
      if names.count > 1 { cells.append(.text(names[target.metric])) }
      cells += [.text(place(target)), .number(target.weight, decimals: 2), .number(target.perplexity, decimals: 2)]
      if hasContrast { cells.append(target.contrastiveExample.map { .text($0) } ?? .missing) }
      cells.append(.text(shares(target, hasContrast || names.count > 1 ? 3 : 4)))
      table.add(cells)
    }
    return table
  }

  private func shares(_ target: Target, _ count: Int) -> String {
    target.distribution.prefix(count).filter { $0.probability >= 0.005 }.map { entry in
      "\(entry.text) \(Quantity.percent(entry.probability))"
    }.joined(separator: "  ")
  }

  private func place(_ target: Target) -> String {
    artifacts.distanceLosses[target.metric].space.unit == .digit
      || artifacts.distanceLosses[target.metric].space.unit == .digitRun
      ? "10^\(target.place.exponent)" : "whole"
  }

  /// Content of the file.
  var counts: Table {
    let hasImages = doctor.splits.contains { $0.summary.images > 0 }
    let titles = ["examples", "tokens", "learnt", "longest"] + (hasImages ? ["images"] : []) + ["left out", "cut"]
    var table = Table(columns: [Table.Column("file")] + titles.map { Table.Column($0, alignment: .right) })
    for summary in doctor.splits.map(\.summary) {
      table.add(
        [
          .text(summary.path.split(separator: "/").last.map(String.init) ?? summary.path), .count(summary.examples),
          .count(summary.tokens), .count(summary.supervised), .count(summary.longest),
        ] + (hasImages ? [.count(summary.images)] : []) + [.count(summary.skippedCount), .count(summary.cut)])
    }
    return table
  }

  /// Cost of a contrastive pass; nil where there is none.
  var contrastiveCost: String? {
    let names = artifacts.distanceLosses.filter { $0.contrast.isTwoPass }.map(\.name)
    guard !names.isEmpty else { return nil }
    return
      "Contrastive examples (\(names.joined(separator: ", "))): every example with a number is read twice, so a step takes about "
      + "twice as long as one without (1.4 to 2.2 times, measured). contrast: { passes: 1 } costs next to nothing and "
      + "rates 49 where 39 is meant."
  }

  /// Counts of the metrics.
  var metricTable: Table {
    var table = Table(
      columns: [
        "metric", "candidates", "distance", "τ", "perplexity", "examples", "numbers", "tokens", "a number", "range",
      ]
      .enumerated().map { Table.Column($1, alignment: [0, 2].contains($0) ? nil : .right) })
    for (index, distanceLoss) in artifacts.distanceLosses.enumerated() {
      let counts = summary.metrics[index]
      // Targets over whole numbers are of another width around each number: the sentences below say it.
      let isHistogram = artifacts.teacher?.histograms[index] != nil
      let isWhole = artifacts.teacher?.rules[index] != nil || isHistogram
      let range = counts.range.map { "\(Quantity.number($0.lowerBound)) … \(Quantity.number($0.upperBound))" }
      table.add([
        .text(distanceLoss.name), .count(distanceLoss.space.count),
        .text(isHistogram ? "histogram" : artifacts.settings.metrics[index].distance.name),
        isWhole ? .missing : .number(distanceLoss.resolved.temperatures[0], decimals: 3),
        distanceLoss.space.count <= 2048 && !isWhole
          ? .number(distanceLoss.resolved.perplexity(), decimals: 2) : .missing,
        .count(counts.examples), .count(counts.numbers), .count(counts.tokens),
        counts.numbers > 0 ? .number(Double(counts.tokens) / Double(counts.numbers), decimals: 1) : .missing,
        range.map { .text($0) } ?? .missing,
      ])
    }
    table.dropEmptyColumns()
    table.notes.append("a number: tokens of a number on average")
    table.notes += contrastiveCost.map { [$0] } ?? []
    return table
  }
}
