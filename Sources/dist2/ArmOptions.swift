import ArgumentParser
import Objectives

/// What an experiment of objectives by data size and seed takes instead of its scale's own.
struct ArmOptions: ParsableArguments {
  @Option(help: "Objectives, comma separated, such as sft,vocab,dist.") var objectives: String?
  @Option(help: "Numbers of examples to learn from, comma separated.") var sizes: String?
  @Option(help: "How many seeds.") var seeds: Int?
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Replace a key of the cells' run files: --set train.device=cuda.", valueName: "key=value"))
  var overrides: [String] = []

  func validate() throws {
    _ = try dist2.seeds(seeds ?? 1)
  }

  /// Puts what was given in the place of a scale's own.
  func apply(presets: inout [Preset], sizes: inout [Int], seeds: inout [Int]) throws {
    if let objectives { presets = try names(objectives, "--objectives") }
    if let chosen = self.sizes { sizes = try numbers(chosen, "--sizes") }
    if let count = self.seeds { seeds = try dist2.seeds(count) }
  }
}
