// SPDX-License-Identifier: Apache-2.0
import Experiments
public import ArgumentParser
import Files
import Recipes
import Reports

extension ImageExperiment.Scale: ExpressibleByArgument {}

struct ImageOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "images",
    abstract: "Image generation over VQ codes with and without a distance between code vectors (section 3.5, Table 4).",
    discussion: """
      On Fashion-MNIST: trains a classifier and a tokenizer, turns the images into codes, trains generators on parts \
      of them (--sizes), draws images early and late, and compares them with test images by the classifier's \
      features. Variants: \(ImageVariant.all.map(\.name).joined(separator: ", ")). Runs are kept one by one: the same \
      command goes on where it was interrupted, and reports what is finished with --report.
      """)
  @Option(help: "Folder with the four IDX files of Fashion-MNIST (Debian: dataset-fashion-mnist).")
  var data = FashionMNIST.defaultFolder
  @Option(help: "tiny: minutes, to try it out; small: the experiment, about an hour of two cores.") var scale =
    ImageExperiment.Scale.small

  func experiment() -> ImageExperiment { ImageExperiment(data: data, scale: scale) }
  func defaultFolder() -> String { "runs/images" }
}

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vq-probe",
    abstract: "Replace the central codes of images by near, random and far ones (Fig. 4).",
    discussion: """
      Takes the tokenizer and the classifier of a folder that `dist2 reproduce images` has made.
      """)
  @Argument(help: "That folder.") var experiment = "runs/images"
  @Option(help: "Test images that are changed. Default: 500.", transform: whole(2...1_000_000)) var images = 500
  // The name of earlier versions.
  @Option(name: .customLong("pictures"), help: .hidden, transform: whole(2...1_000_000)) var pictures: Int?
  @Option(help: "Seed of what is random. Default: 0.", transform: whole(OptionRange.seed)) var seed: UInt64 = 0

  func run() throws {
    if pictures != nil { noteRenamed("--pictures", to: "--images") }
    let probe = try ProbeReport(
      experiment: experiment, images: pictures ?? images, seed: seed, command: CommandLine.asTyped)
    try probe.write()
    print(probe.report.text(.standardOutput))
    print("Report: \(probe.path)")
  }
}
