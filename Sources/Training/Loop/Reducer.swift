// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Sums over the processes that share a step. Whatever depends on the whole step goes through it: the denominators,
/// the gradients, the reported losses.
public protocol Reducer {
  /// Sums plain values over all processes: element by element, the same result in each.
  func sum(_ values: [Double]) throws -> [Double]
  /// Sums gradients over all processes, in place. A parameter that the loss does not depend on has none, in any process;
  /// a process that has nothing to learn from in this step gives zeros for all.
  func sum_(_ gradients: [Tensor?]) throws
}

/// One process: every sum is complete already.
public struct SingleProcess: Reducer {
  /// The only one.
  public init() {}
  /// The values: there is one process.
  public func sum(_ values: [Double]) -> [Double] { values }
  /// Nothing to add: there is one process.
  public func sum_(_ gradients: [Tensor?]) {}
}
