// SPDX-License-Identifier: Apache-2.0
import Recipes
import Evaluation
import Files
import Foundation
public import Reports
import TokenData

/// How well a model finds what is meant: a table by split as Table 1 has it, accuracy by threshold, images.
public struct GroundingReport {
  /// Model that answered.
  public let model: String
  /// By split, in the order of the files.
  public let figures: [GroundingFigures]
  private let outcomes: [(split: String, outcomes: [GroundingOutcome])]

  /// - Parameter outcomes: by split; none is empty.
  public init(model: String, _ outcomes: [(split: String, outcomes: [GroundingOutcome])]) {
    (self.model, self.outcomes) = (model, outcomes)
    figures = outcomes.map { GroundingFigures($0.split, $0.outcomes) }
  }

  /// One row a split.
  public var table: Table {
    var table = Table(
      "\(model): boxes found",
      columns: [Table.Column("split")]
        + ["expressions", "IoU ≥ 0.5", "95 % interval", "mean IoU", "no box"].map {
          Table.Column($0, alignment: .right)
        })
    for figure in figures {
      let (low, high) = (100 * figure.interval.low, 100 * figure.interval.high)
      table.add([
        .text(figure.split), .count(figure.count), .percent(figure.accuracy),
        .text("\(Quantity.fixed(low, decimals: 1))–\(Quantity.fixed(high, decimals: 1))"),
        .number(figure.overlap), .count(figure.unparsed),
      ])
    }
    table.notes.append("An answer without a box is wrong. Intervals: Wilson, over expressions.")
    return table
  }

  /// Accuracy by how much a box must overlap the right one.
  public var curve: Chart {
    Chart(
      "Found, by how strict one is", subtitle: "the hard cases are on the right", x: Axis("least overlap (IoU)"),
      y: Axis("share of answers", range: 0...1),
      series: figures.map { figure in
        Series(figure.split, figure.curve.map { Series.Point($0.threshold, $0.share) }, style: .line)
      })
  }

  /// Writes `grounding.html` and, for each split, `grounding-SPLIT.json` into a folder.
  ///
  /// - Parameter command: what the user typed.
  /// - Throws: `InputError` if something cannot be written.
  public func write(to folder: String, command: String) throws {
    for (split, _) in outcomes { try requireFileName(split, path: folder, place: "split") }
    try makeFolders(folder)
    for (split, outcomes) in outcomes {
      let path = "\(folder)/grounding-\(split).json"
      try AtomicFile.write((outcomes.results.output(path: path) + "\n").utf8, to: path)
    }
    try page(command).write(to: folder + "/grounding.html")
  }

  private func page(_ command: String) -> HTMLReport {
    var page = HTMLReport("Grounding", subtitle: model, footer: "Made by dist2.")
    page.table(table)
    page.figures([curve])
    page.section("Found and missed")
    page.paragraph("Green: the right box. Orange: the answer's.")
    for (split, outcomes) in outcomes {
      for (title, chosen) in [
        ("found", outcomes.filter { $0.overlap >= 0.5 }), ("missed", outcomes.filter { $0.overlap < 0.5 }),
      ] {
        let shown = chosen.prefix(4).map { (row: $0.row, boxes: [(box: $0.box, colour: GroundingImages.orange)]) }
        if let png = GroundingImages.grid(shown) {
          let words = chosen.prefix(4).map { "“\($0.row.expression)”" }.joined(separator: ", ")
          page.image(png: png, description: "\(split), \(title): \(words)", caption: "\(split), \(title): \(words)")
        }
      }
    }
    page.section("Settings")
    page.code(command, caption: "The command")
    return page
  }
}
