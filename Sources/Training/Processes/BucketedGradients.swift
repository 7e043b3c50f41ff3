// SPDX-License-Identifier: Apache-2.0
import Torch

/// Gradients that add up in the buckets in which they are summed over processes: nothing is copied.
///
/// In a step's last pass a bucket's sum begins as soon as backward has completed its gradients, and runs while backward
/// goes on. Buckets begin in the same order in all processes, whichever gradients are complete first, as collectives
/// must; what no pass has completed begins at the end, with zeros where there is nothing.
///
/// Each process gets the sums of all gradients, or with ``Sharding/optimizer`` those of its share.
final class BucketedGradients: StepGradients {
  let isSharded = true
  var sharesUpdates: Bool { weights != nil }
  let parts: [ParameterPart]
  private let parameters: [Tensor]
  private let group: ProcessGroup
  private let layout: BucketLayout
  /// Memory of the gradients, by bucket.
  private let flats: [Tensor]
  /// The parameters' gradients there.
  private let views: [Tensor]
  private let buffers: GradientBuffers
  private var hooks: [GradientHook] = []
  /// Nil where each process updates all weights.
  private let weights: FlatWeights?

  /// Whether any pass of the step gave a gradient, by parameter.
  private var isThere: [Bool]
  /// Whether this pass has completed it, by parameter.
  private var isComplete: [Bool]
  /// How many of its gradients the pass must still complete, by bucket; more than there are before the last pass.
  private var awaited: [Int]
  private var sums: [any PendingSum] = []
  /// What went wrong on backward's way, where nothing can be thrown.
  private var failure: (any Error)?

  init(_ parameters: [Tensor], _ group: ProcessGroup, bucketBytes: Int, sharesUpdates: Bool) {
    (self.parameters, self.group) = (parameters, group)
    let layout = BucketLayout(parameters, bytes: bucketBytes, processes: group.size)
    let flats = layout.buckets.map { Tensor.zeros([$0.count], dtype: $0.gradientType) }
    let views = parameters.indices.map { layout.view(of: $0, in: flats) }
    (self.layout, self.flats, self.views) = (layout, flats, views)
    weights = sharesUpdates ? FlatWeights(parameters, layout, group) : nil
    parts = sharesUpdates ? layout.parts(rank: group.rank) : ParameterPart.whole(parameters)
    isThere = parameters.map { _ in false }
    isComplete = isThere
    awaited = layout.buckets.map { _ in .max }
    // What has fewer bits leaves its memory at once.
    buffers = GradientBuffers(keeping: parameters.allSatisfy { $0.dtype.size >= 4 })
    for (parameter, view) in zip(parameters, views) where parameter.dtype == view.dtype {
      buffers.bind(parameter, to: view)
    }
    hooks = parameters.indices.map { index in
      GradientHook(parameters[index]) { [unowned self] in complete(index) }
    }
  }

  func add(isLast: Bool, _ pass: () throws -> Bool) throws {
    isComplete = parameters.map { _ in false }
    awaited = layout.buckets.map { isLast ? $0.parameters.count : .max }
    _ = try withGradientsInPlace(buffers, pass)
    if let failure { throw failure }
  }

  func finish(passes: Int) throws -> [Tensor?] {
    while sums.count < flats.count { try begin() }
    let isAnywhere = try group.sumOfMarks(isThere)
    for sum in sums { try sum.wait() }
    return parts.map { part in
      guard isAnywhere[part.parameter] else { return nil }
      return weights == nil ? views[part.parameter] : layout.view(of: part, in: flats)
    }
  }

  /// That of this process's share, whether or not it has more.
  func norm(of gradients: [Tensor?]) -> Tensor {
    guard weights == nil else { return gradientNorm(gradients) }
    return gradientNorm(
      layout.parts(rank: group.rank).map { gradients[$0.parameter] == nil ? nil : layout.view(of: $0, in: flats) })
  }

  func clear() {
    (sums, failure) = ([], nil)
    for index in parameters.indices {
      parameters[index].grad = nil
      isThere[index] = false
    }
  }

  func shareUpdates() throws { try weights?.gather() }

  /// Backward has completed a parameter's gradient.
  private func complete(_ index: Int) {
    let bucket = layout.places[index].bucket
    do {
      guard bucket >= sums.count else { throw TorchError.grownGradient }
      noGrad { collect(index) }
      guard !isComplete[index] else { return }
      isComplete[index] = true
      awaited[bucket] -= 1
      while sums.count < awaited.count, awaited[sums.count] == 0 { try begin() }
    } catch {
      failure = failure ?? error
    }
  }

  /// Brings into its bucket what autograd has put elsewhere: gradients of vectors, and those of fewer bits.
  private func collect(_ index: Int) {
    let parameter = parameters[index], sum = views[index]
    guard let gradient = parameter.grad else { return }
    if !gradient.hasMemory(of: sum) {
      if isThere[index] { sum.add_(gradient) } else { sum.copy_(gradient) }
      parameter.grad = parameter.dtype == sum.dtype ? sum : nil
    }
    isThere[index] = true
  }

  /// Begins the next bucket's sum.
  private func begin() throws {
    let bucket = sums.count, flat = flats[bucket]
    noGrad { for index in layout.buckets[bucket].parameters where !isThere[index] { views[index].zero_() } }
    guard weights != nil else { return sums.append(try group.beginSum(flat)) }
    // What an earlier one has received is added up before there is more.
    if bucket >= ShareSum.atOnce { try sums[bucket - ShareSum.atOnce].wait() }
    let share = layout.share(of: bucket, rank: group.rank)
    sums.append(try ShareSum(flat, group) { flat.narrow(0, share.lowerBound, share.count).copy_($0) })
  }
}

extension TorchError {
  /// That a hook fired for a gradient which is on its way already.
  static var grownGradient: TorchError {
    TorchError("a gradient grew while it was summed over processes: is its layer computed again several times?")
  }
}

extension ProcessGroup {
  /// Which gradients there are in any process.
  func sumOfMarks(_ marks: [Bool]) throws -> [Bool] {
    let counts = Tensor(marks.map { $0 ? 1.0 : 0 })
    try sum(counts)
    return try counts.values(of: Double.self).map { $0 > 0 }
  }
}
