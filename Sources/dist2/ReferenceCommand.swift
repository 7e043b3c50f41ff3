// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Recipes
import Reports
import TokenData
import Training

struct ReferenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reference",
    abstract: "Compute what a run's reference model says of its responses, before the run.",
    discussion: """
      Log-probabilities of every learnt token of data.train and data.valid, kept as reference/train and reference/valid \
      in the run's folder (or in reference.folder), with fingerprints of data, tokens and weights. dist2 train computes \
      them by itself where they are missing; several runs on the same data share them by reference.folder. What was \
      interrupted goes on where it stopped.
      """)
  @OptionGroup var options: RunFileOptions

  func run() throws {
    let artifacts = try ResponseArtifacts(options.settings()), settings = artifacts.settings
    guard artifacts.mode == .precomputed else {
      throw InputError(
        path: settings.path, place: "key reference.mode", expected: "precomputed",
        found: artifacts.mode?.rawValue ?? "\(settings.objective.choice.rawValue), which reads no reference model",
        remedy: artifacts.mode == nil ? "Nothing is to be computed." : "Set reference.mode: precomputed, if it can be.")
    }
    Interruption.listen()
    let folder = RunFolder(settings.output), terminal = Terminal.standardError
    for (name, source) in [("train", settings.data.train), ("valid", settings.data.valid)] {
      guard let source else { continue }
      let dataset = try artifacts.responses(source, limit: name == "train" ? settings.data.limit : nil)
      let cache = try artifacts.precomputed(dataset, name, folder, terminal)
      print("\(name): \(Quantity.count(dataset.count)) examples in \(cache.folder)")
    }
  }
}
