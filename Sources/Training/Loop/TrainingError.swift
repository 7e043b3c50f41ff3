// SPDX-License-Identifier: Apache-2.0
/// Why a run cannot go on.
public enum TrainingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A loss or gradient is NaN or infinite. The update was not made: the model is as it was before the step.
  case nonFinite(NonFinite)
  /// None of the step's examples has a token to learn, or what else the objective learns.
  case nothingSupervised(step: Int, examples: [String])
  /// The processes that share a step are not at the same one, or do not read the same data.
  case processesDiffer(ProcessDifference)

  /// One line: what, where, and what to do.
  public var description: String {
    switch self {
    case .nonFinite(let found): found.description
    case .nothingSupervised(let step, let examples):
      "step \(step): no token to learn in \(list(examples)), nor a rating. Are their answers empty, or cut off by a length limit?"
    case .processesDiffer(let found): found.description
    }
  }
}

/// What one process has otherwise than another that shares its steps.
public struct ProcessDifference: Sendable, Hashable, CustomStringConvertible {
  /// The process that noticed, and the other.
  public var rank: Int, otherRank: Int
  /// A number that must be the same in both, in words.
  public var what: String
  /// Its value here.
  public var own: Int
  /// Its value there.
  public var other: Double

  /// `process 2 has step 13, process 0 has 12. …`
  public var description: String {
    "process \(otherRank) has \(what) \(other.formatted), process \(rank) has \(own). All processes of a run must read the "
      + "same run file and data, and go on from the same checkpoint."
  }
}

extension Double {
  /// Without the point, where it is a whole number.
  fileprivate var formatted: String { Int(exactly: self).map { "\($0)" } ?? "\(self)" }
}

/// Where a number that is NaN or infinite appeared.
public struct NonFinite: Sendable, Hashable, CustomStringConvertible {
  /// The optimizer step, counted from 1.
  public var step: Int
  /// Its epoch, counted from 1.
  public var epoch: Int
  /// The loss terms that are not finite; empty if the loss is finite and its gradient is not.
  public var lossTerms: [String]
  /// The examples whose loss is not finite; all of the step's if none alone is to blame.
  public var examples: [String]
  /// The parameters whose gradients are not finite, if the loss is.
  public var parameters: [String]

  /// `step 12 (epoch 1): loss term ce is not finite at train.jsonl line 7. The model was left as it was. …`
  public var description: String {
    let what =
      lossTerms.isEmpty
      ? "the gradient is not finite, of \(list(parameters)),"
      : "loss term \(list(lossTerms)) is not finite"
    return "step \(step) (epoch \(epoch)): \(what) at \(list(examples)). The model was left as it was before the step. "
      + "Look at these examples, check the weights the run began with, or lower the learning rate."
  }
}

/// The first few of many names.
private func list(_ names: [String]) -> String {
  let shown = names.prefix(5).joined(separator: ", ")
  return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
}
