// SPDX-License-Identifier: Apache-2.0
import Torch

/// Gradients that leave for the process that updates with them while backward goes on, so that each process keeps the sums
/// of its share and no more (``Sharding/gradients``).
///
/// A gradient goes into its bucket when backward has completed it, and its own memory is free again; a bucket goes when
/// it is full, and is gone when the others have it. This happens in every pass of a step, so all processes make as many
/// passes as the one that has the most, the last ones with nothing in them.
final class ScatteredGradients: StepGradients {
  let isSharded = true, sharesUpdates = true
  let parts: [ParameterPart]
  private let parameters: [Tensor]
  private let group: ProcessGroup
  private let layout: BucketLayout
  private let weights: FlatWeights
  private let sums: ShareSums
  private let departing: DepartingGradients
  private let buffers = GradientBuffers(keeping: false)
  private var hooks: [GradientHook] = []

  /// Passes of this step so far.
  private var passes = 0
  /// Whether this pass has completed it, by parameter.
  private var isComplete: [Bool]
  /// How many of its gradients the pass must still complete, by bucket.
  private var awaited: [Int]
  /// How many of them this pass has sent.
  private var begun = 0
  /// What went wrong on backward's way, where nothing can be thrown.
  private var failure: (any Error)?

  init(_ parameters: [Tensor], _ group: ProcessGroup, bucketBytes: Int) {
    (self.parameters, self.group) = (parameters, group)
    layout = BucketLayout(parameters, bytes: bucketBytes, processes: group.size)
    weights = FlatWeights(parameters, layout, group)
    parts = layout.parts(rank: group.rank)
    sums = ShareSums(group)
    departing = DepartingGradients(parameters, layout, sums)
    isComplete = parameters.map { _ in false }
    awaited = layout.buckets.map(\.parameters.count)
    hooks = parameters.indices.map { index in
      GradientHook(parameters[index]) { [unowned self] in complete(index) }
    }
  }

  func add(isLast: Bool, _ pass: () throws -> Bool) throws {
    isComplete = parameters.map { _ in false }
    awaited = layout.buckets.map(\.parameters.count)
    begun = 0
    _ = try withGradientsInPlace(buffers, pass)
    if let failure { throw failure }
    while begun < layout.buckets.count { try begin() }
    passes += 1
  }

  func finish(passes most: Int) throws -> [Tensor?] {
    while passes < most { try add(isLast: passes == most - 1) { false } }
    let isAnywhere = try group.sumOfMarks(departing.isThere)
    try sums.finish()
    return parts.map { isAnywhere[$0.parameter] ? departing.sum(of: $0, rank: group.rank) : nil }
  }

  func clear() {
    (failure, passes) = (nil, 0)
    sums.clear()
    departing.clear()
  }

  func shareUpdates() throws { try weights.gather() }

  /// Backward has completed a parameter's gradient.
  private func complete(_ index: Int) {
    let bucket = layout.places[index].bucket
    do {
      guard bucket >= begun else { throw TorchError.grownGradient }
      noGrad { departing.collect(index) }
      guard !isComplete[index] else { return }
      isComplete[index] = true
      awaited[bucket] -= 1
      while begun < awaited.count, awaited[begun] == 0 { try begin() }
    } catch {
      failure = failure ?? error
    }
  }

  /// Sends the next bucket.
  private func begin() throws {
    try departing.send(begun)
    begun += 1
  }
}
