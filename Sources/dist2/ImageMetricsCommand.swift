// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Files
import Foundation
import Recipes
import Reports
import TokenData

struct ImageMetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image-metrics",
    abstract: "Compare generated images with real ones: Fréchet distance, class score, precision and recall.",
    discussion: """
      REAL and FAKE are folders of PNG or JPEG files, .npz files with arr_0 (uint8 [N, H, W, C]), .npy files, or IDX \
      files such as Fashion-MNIST's. What the figures are called depends on the network: only the published Inception \
      weights give an FID. docs/image-metrics.md says how to get them.
      """)
  @Argument(help: "Real images.") var real: String
  @Argument(help: "Generated images.") var fake: String
  @Option(help: "Network: fashion-mnist (28 x 28, trained on first use), or the folder of one.")
  var features = "fashion-mnist"
  @Option(help: "Use at most so many images of either.", transform: whole(OptionRange.counts)) var limit: Int?
  @Option(
    help: "Resamples for intervals; 0 for none. Default: 100 for narrow features, else none.",
    transform: whole(0...1_000_000))
  var resamples: Int?
  @Option(help: "Parts that the class score is averaged over. Default: 10.", transform: whole(1...1_000_000))
  var splits = 10
  @Option(help: "Neighbours for precision and recall. Default: 3.", transform: whole(1...1_000_000)) var neighbours = 3
  @Option(help: "Seed of resamples and splits. Default: 0.", transform: whole(OptionRange.seed)) var seed: UInt64 = 0
  @Flag(help: "Print as JSON.") var json = false

  func run() throws {
    var options = ImageMetricOptions()
    (options.splits, options.neighbours, options.resamples, options.seed) = (splits, neighbours, resamples, seed)
    // Both are opened before a network is trained for them.
    let sets = (try ImageReader(real, limit: limit), try ImageReader(fake, limit: limit))
    let run = try ImageMetricsRun(
      real: sets.0, generated: sets.1, network: imageFeatures(features, for: [real, fake]), options: options)
    if json {
      print(String(decoding: try encodedJSON(run.metrics, pretty: true, path: "<stdout>"), as: UTF8.self))
    } else {
      print(run.table.text(terminal: .standardOutput))
    }
  }
}
