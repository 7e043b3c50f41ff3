// SPDX-License-Identifier: Apache-2.0
public import Torch

/// A loss and what it is made of.
public struct LossValue {
  /// One part of the sum, for logs.
  public struct Term {
    /// `ce`, the distance loss's name, or the rating loss's.
    public var name: String
    /// α; 1 for the first.
    public var weight: Double
    /// Its value before α, a detached scalar left on its device: reading it waits for the device.
    public var value: Tensor

    /// Memberwise.
    public init(name: String, weight: Double, value: Tensor) {
      (self.name, self.weight, self.value) = (name, weight, value)
    }
  }

  /// A mean that is reported beside the loss and is no part of it.
  public struct Measurement {
    /// `rewards/chosen`
    public var name: String
    /// Sum over what is counted, a detached scalar left on its device.
    public var sum: Tensor
    /// How many.
    public var count: Double
  }

  /// Σ weight · value, a differentiable scalar.
  public var total: Tensor
  /// Its parts, in the order of ``TrainingObjective/lossTerms``. Values of the micro-batches of a step add up to that
  /// of the step.
  public var lossTerms: [Term]
  /// Means beside it; sums and counts of the micro-batches of a step add up to those of the step.
  public var measurements: [Measurement] = []

  /// Memberwise.
  public init(total: Tensor, lossTerms: [Term], measurements: [Measurement] = []) {
    (self.total, self.lossTerms, self.measurements) = (total, lossTerms, measurements)
  }
}
