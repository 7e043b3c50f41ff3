import Evaluation
import Files
import Foundation
public import Reports

/// The report of an image experiment: tables beside the paper's, pictures, and what they say about its claim.
public struct ImageReport {
  let summary: ImageSummary
  let folder: ImageFolder
  /// The command that makes it again.
  let command: String

  /// The figures, one row an objective, share and number of steps.
  public var table: Table {
    let figures = summary.figures
    var table = Table(
      "Drawn pictures against \(summary.tokenizer.real.realCount) test pictures, \(summary.settings.seeds.count) seeds",
      columns: [
        Table.Column("data"), Table.Column("step", alignment: .right), Table.Column("epoch", alignment: .right),
      ]
        + [Table.Column("objective")] + figures.map { Table.Column($0.name, alignment: .right) },
      notes: [
        "Features: \(summary.tokenizer.real.network), not Inception: figures are comparable within this table alone.",
        "\(summary.settings.samples) pictures drawn with guidance \(Quantity.number(summary.settings.guidance)); "
          + "mean ± standard deviation over seeds.",
      ])
    for (name, metrics) in [
      ("real pictures", summary.tokenizer.real), ("reconstructed", summary.tokenizer.reconstructed),
    ] {
      table.add([.text(name), .missing, .missing, .missing] + metrics.figures.map { .number($0.value) })
    }
    for line in summary.lines {
      let marks = summary.marks(line)
      table.add(
        [
          .text(Quantity.percent(line.share).description), .count(marks.first?.step ?? 0),
          .number(marks.first?.epoch ?? 0, decimals: 1), .text(line.arm.name),
        ] + figures.map { .mean(Measurements(summary.values($0.name, line))) })
    }
    return table
  }

  /// Table 4.
  private var paperTable: Table {
    var table = Table(
      "Table 4 of the paper: ImageNet 256 x 256, FID and Inception Score",
      columns: [Table.Column("size"), Table.Column("objective")]
        + ["epochs", "FID", "IS"].map { Table.Column($0, alignment: .right) })
    for row in PaperImages.table {
      table.add([
        .text(row.size), .text(row.objective), .count(row.epochs), .number(row.fid, decimals: 2),
        .number(row.score, decimals: 1),
      ])
    }
    return table
  }

  /// For the terminal.
  public func text(_ terminal: Terminal) -> String {
    let finding = summary.finding
    return [
      table.text(terminal: terminal), "\(terminal.styled(finding.id, .bold)) \(finding.claim)\n   \(finding.finding)",
    ].joined(separator: "\n\n") + "\n"
  }

  /// For `docs/experiments/`.
  public var markdown: String {
    let finding = summary.finding
    return "```\n\(command)\n```\n\n\(table.markdown)\n- **\(finding.id)** \(finding.claim) \(finding.finding)\n"
  }

  /// `report.html`
  public var page: HTMLReport {
    let settings = summary.settings, finding = summary.finding
    var page = HTMLReport(
      "Image tokens that know how alike they are",
      subtitle: "Fashion-MNIST, \(settings.tokenizer.codes) codes, seeds "
        + settings.seeds.map(String.init).joined(separator: ", "))
    page.verdict("\(finding.id): \(finding.claim)", finding.finding, finding.outcome)
    page.table(table)
    page.figures([summary.distanceChart, summary.lossChart])
    page.section("Pictures")
    addPictures(&page)
    page.section("The tokenizer")
    page.table(tokenizerTable)
    page.paragraph(
      "The classifier whose features are compared sorts \(Quantity.percent(summary.tokenizer.classifierAccuracy)) of the "
        + "test pictures rightly.")
    page.section("The paper's figures")
    page.table(paperTable)
    page.section("Settings")
    page.code(command, caption: "The command that makes this again")
    page.keyValues(settingsShown)
    return page
  }

  private var tokenizerTable: Table {
    var table = Table(
      "Epochs of the tokenizer",
      columns: ["epoch", "error, training", "error, test", "codes used", "perplexity", "restarted"]
        .map { Table.Column($0, alignment: .right) },
      notes: ["Mean squared error of pixels within −1 … 1."])
    for epoch in summary.tokenizer.epochs {
      table.add([
        .count(epoch.epoch), .number(epoch.losses.reconstruction, decimals: 4),
        epoch.validation.map { .number($0.reconstruction, decimals: 4) } ?? .missing, .percent(epoch.usage.share),
        .number(epoch.usage.perplexity, decimals: 0), .count(epoch.restarted),
      ])
    }
    return table
  }

  private var settingsShown: [(key: String, value: String)] {
    let settings = summary.settings
    let temperature = summary.outcomes.first { $0.key.arm.name == "dist" }?.value.temperature
    return [
      ("α", "\(settings.alpha)"),
      ("perplexity of the targets", "\(settings.perplexity)" + (temperature.map { ", τ = \($0)" } ?? "")),
      (
        "generator",
        "\(settings.generator.layers) layers of \(settings.generator.width), batches of \(settings.generator.batch)"
      ),
      ("learning rate", "\(settings.generator.learningRate), constant after 50 steps"),
      ("data", settings.data),
    ]
  }

  /// Grids side by side: real, reconstructed, and each objective's with the most and the least data.
  private func addPictures(_ page: inout HTMLReport) {
    func add(_ path: String, _ caption: String) {
      guard let png = try? fileBytes(path, limit: 1 << 26) else { return }
      page.image(png: png, description: caption, caption: caption)
    }
    add(folder.realGrid, "Test pictures")
    add(folder.reconstructedGrid, "The same, by way of codes")
    guard let seed = summary.settings.seeds.first else { return }
    for share in Set([summary.settings.shares.max() ?? 1, summary.settings.shares.min() ?? 1]).sorted(by: >) {
      for step in summary.settings.generator.marks {
        for arm in summary.settings.arms {
          let cell = ImageCell(arm: arm, share: share, seed: seed)
          add(
            folder.grid(cell.name, step: step),
            "\(arm.name), \(Quantity.percent(share)) of the data, step \(step): a column a class")
        }
      }
    }
  }
}

/// Figures printed in the paper.
enum PaperImages {
  /// Table 4.
  static let table: [(size: String, objective: String, epochs: Int, fid: Double, score: Double)] = [
    ("111M", "sft", 50, 10.03, 116.37), ("111M", "dist", 50, 9.41, 127.44),
    ("111M", "sft", 300, 6.44, 157.17), ("111M", "dist", 300, 6.27, 164.32),
    ("343M", "sft", 50, 4.24, 206.74), ("343M", "dist", 50, 4.18, 209.41),
    ("343M", "sft", 300, 3.08, 256.07), ("343M", "dist", 300, 3.04, 258.19),
  ]
}
