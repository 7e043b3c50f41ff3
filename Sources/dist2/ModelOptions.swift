// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Recipes

/// The model to use, as RUN.
struct ModelOptions: ParsableArguments {
  @Argument(
    help:
      "The folder of a run (its best checkpoint), a run file (the model it starts from), a model, or a folder of PEFT's adapters."
  )
  var run: String
  @Option(help: "The checkpoint to take instead of the best.", transform: whole(0...1_000_000_000)) var step: Int?
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Replace a key of the run file: --set evaluate.limit=100.", valueName: "key=value"))
  var overrides: [String] = []

  func choice(setting more: [String] = []) throws -> ModelChoice {
    try ModelChoice(run, step: step, overrides: overrides + more)
  }
}
