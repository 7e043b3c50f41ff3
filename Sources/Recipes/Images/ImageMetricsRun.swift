// SPDX-License-Identifier: Apache-2.0
public import Evaluation
import Files
import Foundation
public import Reports
public import TokenData
import TokenModels
import Torch
public import TorchNN
import Training

/// Opens the network that image metrics are taken with.
///
/// - Parameter name: a folder that `loadImageFeatures(folder:)` reads; or `fashion-mnist` for a classifier
///   of 28 x 28 images, which is trained when it is first asked for and kept in the cache.
/// - Parameter paths: images it is meant for: nothing is trained if the first of them have another size.
/// - Throws: `InputError` if there is no such network, or no Fashion-MNIST to train on.
public func imageFeatures(_ name: String, for paths: [String] = []) throws -> any ImageFeatures {
  guard name == "fashion-mnist" else {
    guard fileExists(name + "/config.json") else {
      throw InputError(
        path: name, expected: "fashion-mnist, or a folder with config.json and model.safetensors",
        found: "no such folder",
        remedy: "docs/image-metrics.md says how to make one of published weights.")
    }
    return try loadImageFeatures(folder: name)
  }
  let folder = cacheFolder + "/fashion-mnist-classifier"
  if !fileExists(folder + "/config.json") {
    let side = SmallImageClassifier.side
    for path in paths {
      let first = try ImageReader(path, limit: 1).firstSize()
      guard first != (side, side) else { continue }
      throw InputError(
        path: path, expected: "images of \(side) x \(side) for fashion-mnist",
        found: "\(first.width) x \(first.height)", remedy: "Choose another network with --features.")
    }
    let data = try FashionMNIST()
    let training = ClassifierTraining()
    let outcome = try ProgressBar.run("training a classifier of Fashion-MNIST", total: training.steps(data)) { bar in
      try training.train(data) { event in
        guard case .step(let step) = event else { return }
        bar.update(completed: step.step, fields: ["loss": .number(step.loss)])
      }
    }
    let origin = "Fashion-MNIST, \(Quantity.fixed(outcome.accuracy * 100, decimals: 1)) % of tests right"
    try outcome.classifier.save(to: folder, origin: origin, replacing: true)
  }
  return try loadImageFeatures(folder: folder)
}

/// Compares two sets of images by a network's features.
public struct ImageMetricsRun: Sendable {
  /// The figures.
  public let metrics: ImageMetrics
  /// Where the real images came from.
  public let real: String
  /// Where the generated ones came from.
  public let generated: String

  /// Reads both sets and takes every figure.
  ///
  /// - Throws: `InputError` for what cannot be read, images that the network does not take, or fewer than it takes for
  ///   the figures; a torch error.
  public init(
    real: ImageReader, generated: ImageReader, network: any ImageFeatures,
    options: ImageMetricOptions = ImageMetricOptions()
  ) throws {
    (self.real, self.generated) = (real.path, generated.path)
    let least = max(2, options.neighbours + 1)
    for set in [real, generated] where set.count < least {
      throw InputError(path: set.path, expected: "at least \(least) images", found: "\(set.count)")
    }
    // Hundreds are read at once: their size is looked at before.
    for set in [real, generated] {
      let size = try set.firstSize()
      try network.check(height: size.height, width: size.width, path: set.path)
    }
    let sets = try [("real", real), ("generated", generated)].map { title, reader in
      try ProgressBar.run("looking at \(title) images", total: reader.count, unit: "image") { bar in
        try features(of: reader, network) { bar.update(completed: $0) }
      }
    }
    let resamples = options.resampleCount(featureCount: network.featureCount)
    metrics = try ProgressBar.run("comparing", total: resamples > 0 ? resamples : nil, unit: "resample") { bar in
      try withTorchErrors {
        ImageMetrics(real: sets[0], generated: sets[1], network: network, options: options) {
          bar.update(completed: $0)
        }
      }
    }
  }

  /// The figures with 95 % intervals.
  public var table: Table {
    var table = Table(
      "\(generated) against \(real), seen by: \(metrics.network)",
      columns: [Table.Column("metric"), Table.Column("value", alignment: .right), Table.Column("better")])
    for figure in metrics.figures {
      let value = figure.standardError.map { error in
        Table.Cell.interval(
          figure.value, ConfidenceInterval(low: figure.value - 1.96 * error, high: figure.value + 1.96 * error))
      }
      table.add([
        .text(figure.name), value ?? .number(figure.value), .text(figure.lowerIsBetter ? "lower" : "higher"),
      ])
    }
    table.notes.append(
      "\(metrics.realCount) real and \(metrics.generatedCount) generated images; \(metrics.featureCount) features. "
        + "Compare only figures of one network and like numbers of images.")
    if metrics.figures.contains(where: { $0.standardError != nil }) {
      table.notes.append("In brackets: value ± 1.96 standard errors over resampled images.")
    }
    return table
  }
}

/// Features of all images of a reader.
///
/// - Parameter progress: told how many images are done.
/// - Throws: `InputError` for an image that cannot be read or that the network does not take; a torch error.
public func features(
  of reader: ImageReader, _ network: any ImageFeatures, progress: (Int) -> Void = { _ in }
) throws -> ImageFeatureBatch {
  // Large images take megabytes of activations each.
  let batch = network.fixedSize == nil ? 32 : 500
  var parts: [ImageFeatureBatch] = [], done = 0
  while let images = try reader.next(batch, channels: network.channels) {
    try network.check(height: images.height, width: images.width, path: reader.path)
    let part = try withTorchErrors {
      network.features(
        of: Tensor(images.bytes, shape: [images.count, images.height, images.width, images.channels]))
    }
    parts.append(part)
    done += images.count
    progress(done)
  }
  return ImageFeatureBatch.joined(parts)
}
