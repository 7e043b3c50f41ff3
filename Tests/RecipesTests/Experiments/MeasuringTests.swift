// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import Recipes
import Reports
import TestSupport
import Testing

/// Experiments that measure gradients and steps.
@Suite struct MeasuringTests {
  /// g = 1 + noise of variance v: the share is 1/(1 + v), whatever the number of batches.
  @Test func signalShareIsUnbiased() {
    let gradients = [3.0, -1.0, 2.0, 0.0]  // mean 1
    let sum = gradients.reduce(0, +), squares = gradients.reduce(0) { $0 + $1 * $1 }
    let outcome = GradientOutcome(squaredSum: sum * sum, sumOfSquares: squares, count: 4)
    // Pairs of different batches: (16 − 14) / 12; squares: 14 / 4.
    #expect(abs(outcome.signalShare - (2.0 / 12) / 3.5) < 1e-12)
    let equal = GradientOutcome(squaredSum: 36, sumOfSquares: 12, count: 3)
    #expect(abs(equal.signalShare - 1) < 1e-12)
    #expect(abs(equal.noiseToSignal) < 1e-12)
  }

  @Test func gradientsOfTargetsAreLessNoisyThanOfRewards() throws {
    let place = try TemporaryFolder()
    var experiment = GradientExperiment()
    experiment.grid.sizes = [2]
    experiment.grid.seeds = [1, 2]
    experiment.grid.variants = ["dist", "sequence"]
    (experiment.warmup, experiment.batches, experiment.batch) = (30, 12, 8)
    let folder = try ExperimentFolder(place.path + "/gradients", experiment)
    for run in experiment.grid.runs { try folder.run(one: run.name, threads: 1) }
    let results = try folder.results()
    for seed in [1, 2] {
      let dist = try #require(results.outcome("dist", [2], seed: seed))
      let sequence = try #require(results.outcome("sequence", [2], seed: seed))
      #expect(dist.signalShare > sequence.signalShare)
      #expect(dist.signalShare <= 1)
    }
    let report = try folder.report(command: "dist2 reproduce gradients")
    #expect(report.findings.map(\.id) == ["K19"])
    // What was measured again is the same.
    let before = results.outcome("sequence", [2], seed: 1)
    let again = try ExperimentFolder(place.path + "/again", experiment)
    try again.run(one: "sequence-digits2-seed1", threads: 1)
    #expect(try again.results().outcome("sequence", [2], seed: 1) == before)
  }

  @Test func stepsAreTimedAndCompared() throws {
    let place = try TemporaryFolder(), model = place.path + "/model"
    try NewLanguageModel(width: 16, layers: 1, heads: 2, contextLength: 128).write(to: model)
    var experiment = OverheadExperiment(model: model)
    experiment.grid.seeds = [1, 2]
    (experiment.steps, experiment.batch) = (2, 4)
    let folder = try ExperimentFolder(place.path + "/overhead", experiment)
    try folder.experiment.prepare(in: folder.path, .silent)
    for run in experiment.grid.runs { try folder.run(one: run.name, threads: 1) }
    for run in experiment.grid.runs {
      let outcome = try #require(try folder.outcome(run.name))
      #expect(outcome.seconds > 0)
      #expect(outcome.peakBytes ?? 1 > 0)
    }
    let report = try folder.report(command: "dist2 reproduce overhead")
    #expect(report.findings.map(\.id) == ["K1"])
    #expect(report.findings[0].equivalences.count == 4)
    #expect(report.tables[0].rows.count == 6)
  }
}
