// SPDX-License-Identifier: Apache-2.0
public import Torch
public import TorchNN

/// Processes that each compute a part of every step: data parallelism. Of the optimizer's state, gradients and weights each
/// holds everything, or its share (``Sharding``).
///
///     let group = try ProcessGroup(place, introduction: "my program 1")
///     let source = ExampleBatches(examples, plan: plan, share: StepShare(rank: group.rank, of: group.size))
///     try Trainer(model, objective, AdamW(learningRate: 2e-5), reducer: DistributedReducer(group)).fit(source)
///
/// All processes come to the same bits. Between numbers of processes only the order of additions differs.
public final class DistributedReducer: Reducer {
  /// They.
  public let group: ProcessGroup
  /// What each holds its share of.
  public let sharding: Sharding
  private let bucketBytes: Int
  /// Weights that are split: before anything else that the processes do together, all must be done with them.
  private var splitWeights: LayerWeights?

  /// - Parameters:
  ///   - sharding: the same in all processes.
  ///   - bucketBytes: how much of the gradients is summed at once: less begins earlier, more has fewer exchanges.
  public init(_ group: ProcessGroup, sharding: Sharding = .none, bucketBytes: Int = 25 << 20) {
    precondition(bucketBytes > 0, "buckets of \(bucketBytes) bytes")
    (self.group, self.sharding, self.bucketBytes) = (group, sharding, bucketBytes)
  }

  /// This process, from 0.
  public var rank: Int { group.rank }

  /// The values of all processes, by rank.
  public func gather(_ values: [Double]) throws -> [[Double]] {
    try splitWeights?.settle()
    return try group.gather(values)
  }

  /// Copies process 0's values into the others' tensors.
  public func broadcast(_ tensors: [Tensor]) throws {
    try splitWeights?.settle()
    for tensor in tensors where tensor.count > 0 { try noGrad { try group.broadcast(tensor) } }
  }

  /// Gradients that are summed over processes while a step's backward passes run. With a ``Sharding`` parameters move into
  /// memory that lies as their gradients do.
  public func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
    switch sharding {
    case .none, .optimizer:
      return BucketedGradients(parameters, group, bucketBytes: bucketBytes, sharesUpdates: sharding == .optimizer)
    case .gradients: return ScatteredGradients(parameters, group, bucketBytes: bucketBytes)
    case .parameters:
      let gradients = LayeredGradients(parameters, in: module, group, bucketBytes: bucketBytes)
      splitWeights = gradients.weights
      return gradients
    }
  }
}
