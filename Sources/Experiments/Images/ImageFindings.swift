// SPDX-License-Identifier: Apache-2.0
import Recipes
import Evaluation
import Files
import Foundation
import Reports

/// Findings of an image experiment: tables beside the paper's, images, and what they say about its claim.
struct ImageFindings {
  let settings: ImageExperiment
  let results: Results<GeneratorOutcome>
  let tokenizer: TokenizerOutcome
  private var grid: Grid { results.grid }

  var report: ExperimentReport {
    let last = settings.generator.marks.count - 1, largest = grid.sizes.max() ?? 1
    let name = figures.first?.name ?? "", floor = tokenizer.reconstructed.figures.first?.value ?? .nan
    let distances = results.chart(
      "\(name) of drawn images by the amount of data", subtitle: "\(tokenizer.real.network); after the last step",
      x: Axis("share of the training images", scale: .logarithmic), y: Axis(name, includesZero: true),
      references: [ReferenceLine("the tokenizer's own reconstructions", y: floor)]
    ) { value(name, last)($0) }
    let losses = results.lossChart(
      "Cross entropy of codes", subtitle: "first seed, \(Quantity.percent(largest)) of the data, smoothed", [largest],
      halfLife: 10, \.losses)
    return ExperimentReport(
      "Image tokens that know how alike they are",
      subtitle: "Fashion-MNIST, \(settings.tokenizer.codes) codes, seeds "
        + grid.seeds.map(String.init).joined(separator: ", "),
      findings: [finding], figure: distances,
      parts: [.table(table), .figures([distances, losses]), .section("Images")] + images + [
        .section("The tokenizer"), .detail(tokenizerTable),
        .paragraph(
          "The classifier whose features are compared sorts \(Quantity.percent(tokenizer.classifierAccuracy)) of the "
            + "test images rightly."),
        .section("The paper's figures"), .detail(paperTable),
      ], settings: [.values(shown)])
  }

  // MARK: Measures

  /// The figures of every outcome.
  private var figures: [ImageMetrics.Figure] { tokenizer.reconstructed.figures }
  /// A figure of what was drawn at a mark.
  private func value(_ figure: String, _ mark: Int) -> (GeneratorOutcome) -> Double {
    { outcome in outcome.marks[mark].metrics.figures.first { $0.name == figure }?.value ?? .nan }
  }

  /// K13: dist lowers the Fréchet distance and raises the class score, early and late; corrected as one family.
  private var finding: JudgedClaim {
    let text = "dist lowers the Fréchet distance and raises the class score, early and late in training."
    let wanted = figures.filter {
      $0.name.contains("Fréchet") && !$0.name.contains("spatial") || $0.name == "class score"
    }
    let comparisons = wanted.flatMap { figure in
      grid.sizes.flatMap { share in
        settings.generator.marks.enumerated().compactMap { mark, step -> (label: String, verdict: Verdict)? in
          guard !results.seeds(["sft", "dist"], [[share]]).isEmpty else { return nil }
          return (
            "\(Quantity.percent(share)) of the data, step \(step)",
            results.verdict(
              figure.name, "dist", "sft", [[share]], lowerIsBetter: figure.lowerIsBetter, value(figure.name, mark))
          )
        }
      }
    }
    return Claim("K13", text, comparisons, opening: comparisons.isEmpty ? "not both objectives were run." : "").judged
  }

  // MARK: Tables

  /// The figures, one row an objective, share and number of steps.
  private var table: Table {
    var table = Table(
      "Drawn images against \(tokenizer.real.realCount) test images, \(grid.seeds.count) seeds",
      columns: [
        Table.Column("data"), Table.Column("step", alignment: .right), Table.Column("epoch", alignment: .right),
      ]
        + [Table.Column("objective")] + figures.map { Table.Column($0.name, alignment: .right) },
      notes: [
        "Features: \(tokenizer.real.network), not Inception: figures are comparable within this table alone.",
        "\(settings.samples) images drawn with guidance \(Quantity.number(settings.guidance)); "
          + "mean ± standard deviation over seeds.",
      ])
    for (name, metrics) in [("real images", tokenizer.real), ("reconstructed", tokenizer.reconstructed)] {
      table.add([.text(name), .missing, .missing, .missing] + metrics.figures.map { .number($0.value) })
    }
    for share in grid.sizes {
      for (mark, step) in settings.generator.marks.enumerated() {
        for variant in grid.variants {
          guard let epoch = results.outcomes(variant, [share]).first?.marks[mark].epoch else { continue }
          table.add(
            [.text(Quantity.percent(share).description), .count(step), .number(epoch, decimals: 1), .text(variant)]
              + figures.map { .mean(results.measure(variant, [share], value($0.name, mark))) })
        }
      }
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

  private var tokenizerTable: Table {
    var table = Table(
      "Epochs of the tokenizer",
      columns: ["epoch", "error, training", "error, test", "codes used", "perplexity", "restarted"]
        .map { Table.Column($0, alignment: .right) },
      notes: ["Mean squared error of pixels within −1 … 1."])
    for epoch in tokenizer.epochs {
      table.add([
        .count(epoch.epoch), .number(epoch.losses.reconstruction, decimals: 4),
        epoch.validation.map { .number($0.reconstruction, decimals: 4) } ?? .missing, .percent(epoch.usage.share),
        .number(epoch.usage.perplexity, decimals: 0), .count(epoch.restarted),
      ])
    }
    return table
  }

  private var shown: [(key: String, value: String)] {
    let temperature = grid.sizes.lazy.flatMap { results.outcomes("dist", [$0]) }.first?.temperature
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

  // MARK: Images

  /// Grids side by side: real, reconstructed, and each objective's with the most and the least data.
  private var images: [ExperimentReport.Part] {
    let folder = ImageFolder(root: results.folder)
    var files = [(folder.realGrid, "Test images"), (folder.reconstructedGrid, "The same, by way of codes")]
    for share in Set([grid.sizes.max() ?? 1, grid.sizes.min() ?? 1]).sorted(by: >) {
      for step in settings.generator.marks {
        for variant in grid.variants {
          let run = grid.run(variant, [share], seed: grid.seeds[0])
          files.append(
            (
              folder.grid(run.name, step: step),
              "\(variant), \(Quantity.percent(share)) of the data, step \(step): a column a class"
            ))
        }
      }
    }
    return files.compactMap { path, caption in
      (try? fileBytes(path, limit: 1 << 26)).map { .image($0, caption: caption) }
    }
  }
}
