// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// Which examples each optimizer step reads: a pure function of the step, so a run is resumed at any step without
/// replaying what came before, and the order cannot depend on how often it was interrupted.
public struct BatchPlan: Sendable, Hashable, Codable {
  /// Examples in the data set.
  public var count: Int
  /// Examples of one optimizer step.
  public var batch: Int
  /// Seed of the order.
  public var seed: UInt64
  /// Whether every epoch has an order of its own; otherwise the data set's own order is kept.
  public var isShuffled: Bool

  /// Memberwise.
  public init(count: Int, batch: Int, seed: UInt64 = 0, shuffled: Bool = true) {
    precondition(count > 0 && batch > 0, "\(count) examples in batches of \(batch)")
    self.count = count
    self.batch = batch
    self.seed = seed
    self.isShuffled = shuffled
  }

  /// Optimizer steps of one epoch. The last may be smaller: no example is dropped, and none is read twice.
  public var stepsPerEpoch: Int { (count + batch - 1) / batch }

  /// Where a step stands: its epoch, and its examples' range in that epoch's order.
  public func place(ofStep step: Int) -> (epoch: Int, range: Range<Int>) {
    let (epoch, within) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    return (epoch, within * batch..<min(count, (within + 1) * batch))
  }

  /// The examples' indices in the order in which an epoch reads them (Fisher and Yates, seeded by seed and epoch).
  public func order(ofEpoch epoch: Int) -> [Int] {
    var order = Array(0..<count)
    guard isShuffled else { return order }
    var generator = CounterGenerator(seed, UInt64(epoch))
    for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, generator.next(below: last + 1)) }
    return order
  }
}
