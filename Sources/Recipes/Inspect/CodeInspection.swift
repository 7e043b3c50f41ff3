// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
public import Reports
import TokenData
import Torch
import Training

/// Inspection of a run over image codes: how many images and codes, how wide targets are, what is near a code.
public struct CodeInspection {
  /// Result of the images.
  public let data: Table
  /// The first codes of the first image and what their targets hold; nil without a metric.
  public let targets: Table?

  /// Looks at the training data.
  ///
  /// - Parameter count: how many codes are shown.
  /// - Throws: `InputError` if there is no data, or it cannot be read.
  public init(_ artifacts: CodeRunArtifacts, count: Int) throws {
    let settings = artifacts.settings.data
    var data = Table(
      columns: [Table.Column("folder")]
        + ["images", "codes of each", "learnt an epoch"].map { Table.Column($0, alignment: .right) })
    var first: [Int] = []
    for source in [settings.train, settings.valid, settings.test].compactMap({ $0 }) {
      let examples = try artifacts.examples(source, limit: nil) { _, _ in }, summary = examples.summary
      data.add([
        .text(source.path), .count(summary.examples), .count(summary.longestAnswer), .count(summary.supervised),
      ])
      if first.isEmpty { first = try examples.example(0).metrics.prefix(count).map(\.candidate) }
    }
    self.data = data
    targets = try artifacts.distanceLosses.first.map { distanceLoss in
      try Self.table(distanceLoss.resolved, Array(Set(first)).sorted())
    }
  }

  /// Both, for a terminal.
  public func text(_ terminal: Terminal) -> String {
    ([data] + [targets].compactMap { $0 }).map { $0.text(terminal: terminal) }.joined(separator: "\n")
  }

  private static func table(_ target: ResolvedTarget, _ codes: [Int]) throws -> Table {
    var table = Table(
      "targets exp(−d/τ): the code itself and its nearest",
      columns: [Table.Column("code", alignment: .right), Table.Column("share", alignment: .right)]
        + [Table.Column("perplexity", alignment: .right), Table.Column("nearest codes")])
    for code in codes {
      let shares = try withTorchErrors { target.probabilities(around: code) }
      let perplexity = try withTorchErrors { target.perplexity(around: [code]) }
      let near = shares.indices.filter { $0 != code }.sorted { shares[$0] > shares[$1] }.prefix(4)
      table.add([
        .count(code), .text("\(Quantity.fixed(shares[code], decimals: 3))"),
        .text("\(Quantity.fixed(perplexity, decimals: 1))"),
        .text(near.map { "\($0) (\(Quantity.fixed(shares[$0], decimals: 3)))" }.joined(separator: ", ")),
      ])
    }
    let taus = Set(target.temperatures)
    table.notes.append(
      taus.count == 1
        ? "τ \(Quantity.number(target.temperatures[0])) for all \(Quantity.count(target.space.count)) codes"
        : "τ of its own for each code")
    return table
  }
}
