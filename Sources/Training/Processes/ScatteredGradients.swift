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
  /// The step's sums of this process's share, by bucket.
  private let shares: [Tensor]
  private let buffers = GradientBuffers(keeping: false)
  private var hooks: [GradientHook] = []

  /// Passes of this step so far.
  private var passes = 0
  /// Whether any pass of the step gave a gradient, by parameter.
  private var isThere: [Bool]
  /// Whether this pass has completed it, by parameter.
  private var isComplete: [Bool]
  /// How many of its gradients the pass must still complete, by bucket.
  private var awaited: [Int]
  /// Buckets that are filling, by number.
  private var filling: [Int: Tensor] = [:]
  /// How many of them this pass has sent.
  private var begun = 0
  /// Buckets under way.
  private var sums: [ShareSum] = []
  /// What went wrong on backward's way, where nothing can be thrown.
  private var failure: (any Error)?

  init(_ parameters: [Tensor], _ group: ProcessGroup, bucketBytes: Int) {
    (self.parameters, self.group) = (parameters, group)
    layout = BucketLayout(parameters, bytes: bucketBytes, processes: group.size)
    weights = FlatWeights(parameters, layout, group)
    parts = layout.parts(rank: group.rank)
    shares = layout.buckets.map { [size = group.size] in Tensor.zeros([$0.count / size], dtype: $0.gradientType) }
    isThere = parameters.map { _ in false }
    isComplete = isThere
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
    let isAnywhere = try group.sumOfMarks(isThere)
    for sum in sums { try sum.wait() }
    sums = []
    return parts.map { part in
      let place = layout.places[part.parameter]
      let start = place.start + part.range.lowerBound - layout.share(of: place.bucket, rank: group.rank).lowerBound
      return isAnywhere[part.parameter] ? shares[place.bucket].narrow(0, start, part.range.count) : nil
    }
  }

  func clear() {
    (sums, filling, failure, passes) = ([], [:], nil, 0)
    for index in parameters.indices {
      parameters[index].grad = nil
      isThere[index] = false
    }
  }

  func shareUpdates() throws { try weights.gather() }

  /// Backward has completed a parameter's gradient.
  private func complete(_ index: Int) {
    let bucket = layout.places[index].bucket
    do {
      guard bucket >= begun else { throw TorchError.grownGradient }
      noGrad { collect(index) }
      guard !isComplete[index] else { return }
      isComplete[index] = true
      awaited[bucket] -= 1
      while begun < awaited.count, awaited[begun] == 0 { try begin() }
    } catch {
      failure = failure ?? error
    }
  }

  /// Moves a gradient into its bucket.
  private func collect(_ index: Int) {
    guard let gradient = parameters[index].grad else { return }
    let view = view(of: index)
    if isComplete[index] { view.add_(gradient) } else { view.copy_(gradient) }
    parameters[index].grad = nil
    isThere[index] = true
  }

  /// A parameter's gradient in its bucket, which has memory from the first one on.
  private func view(of index: Int) -> Tensor {
    let place = layout.places[index], bucket = layout.buckets[place.bucket]
    let flat = filling[place.bucket] ?? Tensor.zeros([bucket.count], dtype: bucket.gradientType)
    filling[place.bucket] = flat
    return flat.narrow(0, place.start, place.count).view(place.shape)
  }

  /// Sends the next bucket.
  private func begin() throws {
    // What an earlier one has brought is added up before there is more.
    if sums.count >= ShareSum.atOnce { try sums.removeFirst().wait() }
    let bucket = layout.buckets[begun], share = shares[begun], isFirst = passes == 0
    let flat = filling.removeValue(forKey: begun) ?? Tensor.zeros([bucket.count], dtype: bucket.gradientType)
    sums.append(try ShareSum(flat, group) { if isFirst { share.copy_($0) } else { share.add_($0) } })
    begun += 1
  }
}
