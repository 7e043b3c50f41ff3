// SPDX-License-Identifier: Apache-2.0

/// The examples of each step of a ``BatchPlan``, by index. The order of an epoch is drawn once, not for every step.
public struct PlannedOrder {
  /// Which examples each step reads.
  public let plan: BatchPlan
  private var epoch: (number: Int, order: [Int])?

  /// Of a plan.
  public init(_ plan: BatchPlan) { self.plan = plan }

  /// A step's epoch, from 0, and the indices of its examples in the data set.
  public mutating func examples(ofStep step: Int) -> (epoch: Int, indices: ArraySlice<Int>) {
    let (number, range) = plan.place(ofStep: step)
    if epoch?.number != number { epoch = (number, plan.order(ofEpoch: number)) }
    return (number, epoch?.order[range] ?? [])
  }
}
