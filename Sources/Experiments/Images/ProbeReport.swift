// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
import Foundation
package import Reports
import TokenData
import TokenModels
import Torch
import TorchNN

/// The report of the probe of Fig. 4: distances by rank, images, and what they say about claim K12.
public struct ProbeReport {
  /// `probe.html` in the experiment's folder.
  public let path: String
  private let probe: CodeProbe
  private let kinds: [(kind: CodeProbe.Kind, changes: [CodeProbe.Change])]
  private let ranks: [(rank: Int, changes: [CodeProbe.Change])]
  private let network: String
  private let command: String

  /// Replaces codes of the first test images.
  ///
  /// - Parameter experiment: folder of an image experiment whose tokenizer is finished.
  /// - Throws: `InputError` if it is not there.
  public init(experiment: String, images: Int, seed: UInt64, command: String) throws {
    let kept = try ExperimentFolder<ImageExperiment>(experiment), folder = ImageFolder(root: experiment)
    guard try kept.artifact(ImageExperiment.tokenizerRun) != nil else {
      throw InputError(
        path: experiment, expected: "a finished tokenizer", found: "none",
        remedy: "Run `dist2 reproduce images` first, with this folder as --output.")
    }
    let network = try loadImageFeatures(folder: folder.features)
    let test = try kept.experiment.testImages().prefix(images)
    let probe = try CodeProbe(VQModel(folder: folder.tokenizer), network, images: test.planes, seed: seed)
    self.probe = probe
    (self.network, self.command) = (network.name, command)
    path = experiment + "/probe.html"
    let doubling = sequence(first: 1) { $0 * 2 }.prefix { $0 < probe.ranks } + [probe.ranks]
    let bar = ProgressBar("replacing codes", total: doubling.count + 3, unit: "way")
    kinds = try CodeProbe.Kind.allCases.map { kind in
      defer { bar.advance() }
      return (kind, try probe.changes(probe.replaced(kind)))
    }
    ranks = try doubling.map { rank in
      defer { bar.advance() }
      return (rank, try probe.changes(probe.replaced(rank: rank)))
    }
    bar.finish()
  }

  /// Means with 95 % intervals over images.
  package var table: Table {
    var table = Table(
      "Four central codes replaced, \(kinds[0].changes.count) test images",
      columns: [Table.Column("by")]
        + ["pixels, RMS", "features"].map { Table.Column($0, alignment: .right) },
      notes: ["95 % intervals over images. Features: \(network); distance in units of their mean length."])
    for (kind, changes) in kinds {
      let pixels = Measurements(changes.map(\.pixels)), features = Measurements(changes.map(\.features))
      table.add([
        .text(Self.title(kind)), .interval(pixels.mean, pixels.meanInterval()),
        .interval(features.mean, features.meanInterval()),
      ])
    }
    return table
  }

  /// K12.
  private var finding: JudgedClaim {
    let (near, random, far) = (kinds[0].changes, kinds[1].changes, kinds[2].changes)
    let verdicts = [(\CodeProbe.Change.pixels, "pixel distance"), (\.features, "feature distance")].flatMap {
      key, name in
      [("near against random", near, random), ("random against far", random, far)].map { title, ours, theirs in
        (
          "",
          Verdict(
            "\(name), \(title)", ours: ours.map { $0[keyPath: key] }, theirs: theirs.map { $0[keyPath: key] },
            unit: "image")
        )
      }
    }
    let correlation = Correlation.spearman(
      ranks.map { Double($0.rank) }, ranks.map { Measurements($0.changes.map(\.features)).mean })
    return Claim(
      "K12", "Near codes keep what an image shows; random ones distort it; far ones bring in something else.",
      verdicts,
      remark: "Mean feature distance by rank: Spearman's ρ \(Quantity.fixed(correlation, decimals: 2))."
    ).judged
  }

  /// Distances by rank.
  var chart: Chart {
    func series(_ name: String, _ key: KeyPath<CodeProbe.Change, Double>) -> Series {
      Series(
        name,
        ranks.map { rank, changes in
          let sample = Measurements(changes.map { $0[keyPath: key] }), interval = sample.meanInterval()
          return Series.Point(Double(rank), sample.mean, range: interval.low...max(interval.low, interval.high))
        }, spread: .whiskers)
    }
    return Chart(
      "How far an image moves, by the rank of its new codes", subtitle: "means, 95 % intervals over images",
      x: Axis("rank of the new code, 1 the nearest", scale: .logarithmic), y: Axis("distance", includesZero: true),
      series: [series("pixels, RMS", \.pixels), series("features", \.features)])
  }

  /// Content.
  public var report: ExperimentReport {
    var parts: [ExperimentReport.Part] = [.table(table), .figures([chart])]
    if let png = try? grid().png() {
      let caption =
        "From left to right: the image by way of its codes; its central codes replaced by near, random, far ones"
      parts += [.section("Images"), .image(png, caption: caption)]
    }
    var report = ExperimentReport(
      "Images with near and far codes", subtitle: network, findings: [finding], figure: chart, parts: parts)
    report.command = command
    return report
  }

  /// Writes `probe.html`, `probe.md` and `probe.png`.
  ///
  /// - Throws: `InputError` if a file cannot be written.
  public func write() throws {
    let folder = URL(filePath: path).deletingLastPathComponent().path, report = report
    try grid().writePNG(to: folder + "/probe.png")
    try report.page.write(to: path)
    try AtomicFile.write(report.markdown.utf8, to: folder + "/probe.md")
  }

  /// Ten images, a row each.
  private func grid() throws -> PixelImage {
    let columns = [probe.codes] + CodeProbe.Kind.allCases.map(probe.replaced)
    let drawn = try columns.map { codes in
      try decodedImages(of: codes.narrow(0, 0, min(10, codes.size(0))), probe.model)
    }
    let (rows, side) = (drawn[0].size(0), FashionMNIST.side)
    let images = drawn.map { batch in
      ImageBatch(count: rows, height: side, width: side, channels: 1, bytes: batch.array(of: UInt8.self)).images
    }
    return .grid((0..<rows).flatMap { row in images.map { $0[row] } }, columns: columns.count, gap: 2, scale: 3)
  }

  private static func title(_ kind: CodeProbe.Kind) -> String {
    switch kind {
    case .near: "one of the ten nearest"
    case .random: "any"
    case .far: "one of the ten farthest"
    }
  }
}
