// SPDX-License-Identifier: Apache-2.0
public import Torch
import TorchNN

/// The gradients of one optimizer step, summed over its passes and over processes.
public protocol StepGradients: AnyObject {
  /// What this process updates, in the order of the parameters: all of each, or its share.
  var parts: [ParameterPart] { get }
  /// Whether each process updates its share alone, and has an optimizer of that.
  var sharesUpdates: Bool { get }
  /// Whether ``norm(of:)`` is that of this process's share, so that the step's norm is made of all processes' norms.
  var isSharded: Bool { get }

  /// Adds the gradients of a forward and a backward pass.
  ///
  /// - Parameters:
  ///   - isLast: no pass of this step follows: what is complete may be summed over processes while it runs.
  ///   - pass: returns whether there was anything to learn from.
  func add(isLast: Bool, _ pass: () throws -> Bool) throws

  /// Completes the sums over processes.
  ///
  /// - Parameter passes: those of the process that has the most.
  /// - Returns: a gradient for each of ``parts``, float32 for those of fewer bits; nil where the loss does not depend on
  ///   the parameter in any process.
  func finish(passes: Int) throws -> [Tensor?]

  /// The Euclidean norm of gradients together: of all, or of this process's share.
  ///
  /// - Parameter gradients: what ``finish(passes:)`` returned.
  func norm(of gradients: [Tensor?]) -> Tensor

  /// Forgets them, for the next step.
  func clear()

  /// Gives the other processes what this one has updated, and takes from them what they have.
  func shareUpdates() throws
}

extension StepGradients {
  /// False.
  public var sharesUpdates: Bool { false }
  /// That of all.
  public func norm(of gradients: [Tensor?]) -> Tensor { gradientNorm(gradients) }
  /// Nothing: every process updates everything.
  public func shareUpdates() {}
}

/// Gradients that add up where autograd leaves them, and are summed over processes when the step's passes are done.
///
/// Float32 parameters sum in their own `grad`, where autograd adds. For bfloat16 and float16 the sum is kept in
/// float32, since adding many small gradients to a number of 8 bits loses most of them.
public final class AccumulatedGradients: StepGradients {
  /// Each parameter whole.
  public let parts: [ParameterPart]
  /// False: each process has all of them.
  public let isSharded = false
  private let tensors: [Tensor]
  private let sumOverProcesses: ([Tensor?]) throws -> Void
  private var sums: [Tensor?]
  private var isEmpty = true
  /// Memory of weight gradients, lent to `grad` until that is nil again.
  private let buffers = GradientBuffers()

  /// - Parameters:
  ///   - parameters: the tensors that are trained.
  ///   - sumOverProcesses: sums gradients over all processes, in place. A parameter that the loss does not depend on has
  ///     none, in any process; a process that has nothing to learn from in a step gives zeros for all.
  public init(_ parameters: [Tensor], sumOverProcesses: @escaping ([Tensor?]) throws -> Void = { _ in }) {
    (tensors, self.sumOverProcesses) = (parameters, sumOverProcesses)
    parts = ParameterPart.whole(parameters)
    sums = tensors.map { _ in nil }
  }

  /// Adds the gradients of `pass`.
  public func add(isLast: Bool, _ pass: () throws -> Bool) rethrows {
    if try withGradientsInPlace(buffers, pass) { isEmpty = false }
    noGrad {
      for (index, tensor) in tensors.enumerated() where tensor.dtype.size < 4 {
        guard let gradient = tensor.grad else { continue }
        if let sum = sums[index] { sum.add_(gradient) } else { sums[index] = gradient.to(.float32) }
        tensor.grad = nil
      }
    }
  }

  /// Sums them over processes.
  public func finish(passes: Int) throws -> [Tensor?] {
    if isEmpty { zero() }
    let all = zip(tensors, sums).map { $1 ?? $0.grad }
    try sumOverProcesses(all)
    return all
  }

  /// What a process contributes that has nothing to learn from, and then shares the others' sums as they do.
  private func zero() {
    noGrad {
      for (index, tensor) in tensors.enumerated() {
        sums[index] = tensor.dtype.size < 4 ? tensor.zerosLike().to(.float32) : tensor.zerosLike()
      }
    }
  }

  /// Forgets them. The next backward pass then writes its result (into memory that is kept) instead of adding it to
  /// zeros, which saves two passes over the gradients.
  public func clear() {
    isEmpty = true
    for (index, tensor) in tensors.enumerated() {
      tensor.grad = nil
      sums[index] = nil
    }
  }
}

/// The Euclidean norm of all gradients together, as torch's `clip_grad_norm_` computes it.
func gradientNorm(_ gradients: [Tensor?]) -> Tensor {
  let own = gradients.compactMap { $0 }
  return own.isEmpty
    ? Tensor(scalar: 0.0) : Tensor.stack(Tensor.normEach(own).map { $0.to(.float64) }).norm()
}

/// Factor of the gradients with which their norm is at most `limit`, as torch's `clip_grad_norm_` has it.
func clipFactor(norm: Double, limit: Double?) -> Double {
  guard let limit else { return 1 }
  return min(1, limit / (norm + 1e-6))
}
