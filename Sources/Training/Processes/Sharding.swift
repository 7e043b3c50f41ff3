// SPDX-License-Identifier: Apache-2.0
import Torch

/// What of a run's state each of several processes holds only its share of (ZeRO: Rajbhandari et al. 2020, arXiv
/// 1910.02054). All compute the same steps; what differs is memory, and when sums are exchanged.
public enum Sharding: String, Sendable, Hashable, Codable, CaseIterable {
  /// Nothing: each process holds everything (ZeRO 0, `DistributedDataParallel`).
  case none
  /// Moments and masters: each process updates its share of the weights, and gets the others' (ZeRO 1).
  case optimizer
  /// Gradients as well: they go to the process that needs them while the backward pass runs (ZeRO 2, FSDP's
  /// `SHARD_GRAD_OP`).
  case gradients
  /// Weights as well: those of a layer are whole while it computes (ZeRO 3, FSDP's `FULL_SHARD`). Embeddings, head and
  /// adapters are whole in each process, and activations are computed again in the backward pass.
  case parameters
}

/// A stretch of a trained parameter's elements in row-major order: what one process updates of it.
public struct ParameterPart: Sendable, Hashable {
  /// Place among the trained parameters.
  public var parameter: Int
  /// Elements.
  public var range: Range<Int>

  /// Memberwise.
  public init(parameter: Int, range: Range<Int>) { (self.parameter, self.range) = (parameter, range) }

  /// Each of these whole.
  static func whole(_ parameters: [Tensor]) -> [ParameterPart] {
    parameters.enumerated().map { ParameterPart(parameter: $0.offset, range: 0..<$0.element.count) }
  }
}
