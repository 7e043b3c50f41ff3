// SPDX-License-Identifier: Apache-2.0
import Experiments
import ArgumentParser
import Recipes

/// Options of any experiment in place of its scale's own grid.
struct GridOptions: ParsableArguments {
  @Option(
    name: [.customLong("variants"), .customLong("objectives")],
    help: "Variants to compare, comma separated, such as sft,vocab,dist.") var variants: String?
  @Option(help: "Sizes (numbers of examples, shares of the data), such as 1-10 or 0.01,0.1,1.") var sizes: String?
  @Option(help: "How many seeds, such as 3, or which, such as 2-5 or 1,7.") var seeds: String?

  // Names of earlier versions.
  @Option(name: .customLong("arms"), help: .hidden) var arms: String?
  @Option(name: .customLong("counts"), help: .hidden) var counts: String?
  @Option(name: .customLong("shares"), help: .hidden) var shares: String?

  /// Puts what was given in the place of the experiment's own.
  func apply(to experiment: inout some Experiment) throws {
    if let text = variants ?? arms { experiment.grid.variants = try chosen(text, of: experiment) }
    if let text = sizes ?? counts ?? shares {
      guard let factor = experiment.grid.factors.first else {
        throw ValidationError("--sizes: this experiment has one size, that of its data")
      }
      experiment.grid.sizes =
        factor.isWhole
        ? try spans(text, "--sizes", in: Int(factor.range.lowerBound)...Int(factor.range.upperBound)).map(Double.init)
        : try numbers(text, "--sizes", in: factor.range)
    }
    if let seeds {
      let count = Int(seeds)
      if let count, !OptionRange.seeds.contains(count) { throw ValidationError("--seeds: expected 1 to 1000 of them") }
      experiment.grid.seeds = try count.map { Array(1...$0) } ?? spans(seeds, "--seeds", in: 0...1_000_000)
    }
  }

  private func chosen<E: Experiment>(_ text: String, of experiment: E) throws -> [String] {
    let known = experiment.variants
    let names = try text.split(separator: ",").flatMap { part -> [String] in
      let name = String(part)
      guard let found = E.variantSets[name] ?? (known.contains(name) ? [name] : nil) else {
        throw ValidationError(unknown(name, "--variants", among: E.variantSets.keys.sorted() + known))
      }
      return found
    }
    guard !names.isEmpty else { throw ValidationError("--variants: expected names, found none") }
    return names.once
  }
}

/// Keys of the run files that an experiment writes for its runs.
struct RunKeyOptions: ParsableArguments {
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Replace a key of the runs' run files: --set train.device=cuda.", valueName: "key=value"))
  var overrides: [String] = []
}
