// SPDX-License-Identifier: Apache-2.0
import Objectives

/// What the processes settle before a step, in one exchange: that they are at the same step of the same run, whether to
/// stop, and the sums that each of them needs.
struct StepOpening {
  /// Whether this process was asked to stop; of all processes together: whether any was.
  var stops: Bool
  /// Forward and backward passes; of all processes together: those of the one that has the most.
  var passes: Int
  /// Tokens that are read.
  var tokens: Int
  /// N and Σw.
  var denominators: Denominators

  /// Of all processes together.
  ///
  /// - Throws: ``TrainingError/processesDiffer(_:)`` if one is elsewhere, or reads other data.
  func agreed(step: Int, of run: Run, by reducer: any Reducer) throws -> StepOpening {
    let plan = run.plan
    let place: [(name: String, value: Int)] = [
      ("step", step + 1), ("steps in all", run.steps), ("examples", plan.count), ("examples of a step", plan.batch),
      ("shuffled", plan.isShuffled ? 1 : 0), ("data seed, upper half", Int(plan.seed >> 32)),
      ("data seed, lower half", Int(plan.seed & 0xffff_ffff)), ("loss terms", denominators.weights.count),
    ]
    let rows = try reducer.gather(
      place.map { Double($0.value) } + [Double(passes), stops ? 1 : 0, Double(tokens)] + denominators.values)
    for (rank, row) in rows.enumerated() {
      for ((name, own), other) in zip(place, row) where other != Double(own) {
        throw TrainingError.processesDiffer(
          ProcessDifference(rank: reducer.rank, otherRank: rank, what: name, own: own, other: other))
      }
    }
    let most = rows.map { Int($0[place.count]) }.max() ?? passes
    let sums = Array(SingleProcess.sum(rows.map { Array($0[(place.count + 1)...]) }[...]))
    return StepOpening(
      stops: sums[0] > 0, passes: most, tokens: Int(sums[1]), denominators: Denominators(values: Array(sums[2...])))
  }
}
