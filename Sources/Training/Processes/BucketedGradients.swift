// SPDX-License-Identifier: Apache-2.0
import Torch

/// Gradients that add up in the buckets in which they are summed over processes: nothing is copied.
///
/// In a step's last pass a bucket's sum begins as soon as backward has completed its gradients, and runs while backward
/// goes on. Buckets begin in the same order in all processes, whichever gradients are complete first, as collectives
/// must; what no pass has completed begins at the end, with zeros where there is nothing.
final class BucketedGradients: StepGradients {
  let isSharded = false
  private let parameters: [Tensor]
  private let group: ProcessGroup
  private let memory: GradientBuckets
  private let buffers = GradientBuffers()
  private var hooks: [GradientHook] = []

  /// Whether any pass of the step gave a gradient, by parameter.
  private var isThere: [Bool]
  /// Whether this pass has completed it, by parameter.
  private var isComplete: [Bool]
  /// How many of its gradients the pass must still complete, by bucket; more than there are before the last pass.
  private var awaited: [Int]
  private var sums: [PendingCollective] = []
  /// What went wrong on backward's way, where nothing can be thrown.
  private var failure: (any Error)?

  init(_ parameters: [Tensor], _ group: ProcessGroup, bucketBytes: Int) {
    (self.parameters, self.group) = (parameters, group)
    memory = GradientBuckets(parameters, bytes: bucketBytes)
    isThere = parameters.map { _ in false }
    isComplete = isThere
    awaited = memory.buckets.map { _ in .max }
    for (parameter, slot) in zip(parameters, memory.slots) where parameter.dtype == slot.gradient.dtype {
      buffers.bind(parameter, to: slot.gradient)
    }
    hooks = parameters.indices.map { index in
      GradientHook(parameters[index]) { [unowned self] in complete(index) }
    }
  }

  func add(isLast: Bool, _ pass: () throws -> Bool) throws {
    isComplete = parameters.map { _ in false }
    awaited = memory.buckets.map { isLast ? $0.parameters.count : .max }
    _ = try withGradientsInPlace(buffers, pass)
    if let failure { throw failure }
  }

  func finish() throws -> [Tensor?] {
    while sums.count < memory.buckets.count { try begin() }
    for sum in sums { try sum.wait() }
    let marks = try memory.buckets.map { try $0.marks.values(of: Double.self) }
    return memory.slots.map { marks[$0.bucket][$0.mark] > 0 ? $0.gradient : nil }
  }

  func clear() {
    (sums, failure) = ([], nil)
    for index in parameters.indices {
      parameters[index].grad = nil
      isThere[index] = false
    }
  }

  /// Backward has completed a parameter's gradient.
  private func complete(_ index: Int) {
    let bucket = memory.slots[index].bucket
    do {
      guard bucket >= sums.count else {
        throw TorchError(
          "a gradient grew while it was summed over processes: is its layer computed again several times?")
      }
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
    let parameter = parameters[index], sum = memory.slots[index].gradient
    guard let gradient = parameter.grad else { return }
    if !gradient.hasMemory(of: sum) {
      if isThere[index] { sum.add_(gradient) } else { sum.copy_(gradient) }
      parameter.grad = parameter.dtype == sum.dtype ? sum : nil
    }
    isThere[index] = true
  }

  /// Begins the next bucket's sum.
  private func begin() throws {
    let bucket = memory.buckets[sums.count]
    noGrad {
      for index in bucket.parameters where !isThere[index] { memory.slots[index].gradient.zero_() }
      bucket.marks.copy_(Tensor(bucket.parameters.map { isThere[$0] ? 1.0 : 0 }))
    }
    sums.append(try group.beginSum(bucket.flat))
  }
}
