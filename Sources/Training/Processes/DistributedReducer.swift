// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Processes that each compute a part of every step, and all hold the whole model: data parallelism.
///
///     let group = try ProcessGroup(place, introduction: "my program 1")
///     let source = ExampleBatches(examples, plan: plan, share: StepShare(rank: group.rank, of: group.size))
///     try Trainer(model, objective, AdamW(learningRate: 2e-5), reducer: DistributedReducer(group)).fit(source)
///
/// All processes come to the same bits. Between numbers of processes only the order of additions differs.
public final class DistributedReducer: Reducer {
  /// They.
  public let group: ProcessGroup
  private let bucketBytes: Int

  /// - Parameter bucketBytes: how much of the gradients is summed at once: less begins earlier, more has fewer exchanges.
  public init(_ group: ProcessGroup, bucketBytes: Int = 25 << 20) {
    precondition(bucketBytes > 0, "buckets of \(bucketBytes) bytes")
    (self.group, self.bucketBytes) = (group, bucketBytes)
  }

  /// This process, from 0.
  public var rank: Int { group.rank }

  /// The values of all processes, by rank.
  public func gather(_ values: [Double]) throws -> [[Double]] { try group.gather(values) }

  /// Copies process 0's values into the others' tensors.
  public func broadcast(_ tensors: [Tensor]) throws {
    for tensor in tensors where tensor.count > 0 { try noGrad { try group.broadcast(tensor) } }
  }

  /// Gradients that are summed over processes while the last backward pass of a step runs.
  public func gradients(of parameters: [Tensor]) -> any StepGradients {
    BucketedGradients(parameters, group, bucketBytes: bucketBytes)
  }
}
