// SPDX-License-Identifier: Apache-2.0
import Objectives
import Torch

/// δ of BCO: halfway between the mean rewards of wanted and of unwanted responses, which are moving averages over the
/// steps before. It is 0 at first, and a part of checkpoints.
///
/// TRL's running mean is of all rewards at once, and takes in a micro-batch before it is used on it; here it belongs to
/// steps, so that micro-batches and processes change nothing.
final class RunningAnchor {
  /// Share of the past in each average.
  static let decay = 0.9
  private static let classes = ["rewards/chosen", "rewards/rejected"]

  /// Mean rewards of both classes, and whether there was any: float64 `[4]`.
  let tensor = Tensor.zeros([4], dtype: .float64)

  /// One for an objective that reads it; nil for others.
  init?(_ objective: any TrainingObjective) {
    guard let sequence = objective as? SequenceObjective, sequence.link.readsAnchor, !sequence.needsMismatchedRewards
    else { return nil }
  }

  /// δ now.
  ///
  /// - Throws: `TorchError` if it cannot be read.
  func value() throws -> Double {
    let values = try tensor.values(of: Double.self)
    // A class that has not been seen says nothing.
    return (values[0] + values[1]) / max(values[2] + values[3], 1)
  }

  /// Takes in the means of a step.
  func update(_ measurements: [MeasurementMetrics]?) throws {
    var values = try tensor.values(of: Double.self)
    for (index, name) in Self.classes.enumerated() {
      guard let mean = measurements?.first(where: { $0.name == name })?.value, mean.isFinite else { continue }
      values[index] = values[2 + index] == 0 ? mean : Self.decay * values[index] + (1 - Self.decay) * mean
      values[2 + index] = 1
    }
    tensor.copy_(Tensor(values))
  }
}
