// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// The gradients of one optimizer step, summed over its micro-batches.
///
/// Float32 parameters sum in their own `grad`, where autograd adds. For bfloat16 and float16 the sum is kept in
/// float32, since adding many small gradients to a number of 8 bits loses most of them.
struct Gradients {
  private let tensors: [Tensor]
  private var sums: [Tensor?]
  /// Memory of weight gradients, lent to `grad` until that is nil again.
  private let buffers = GradientBuffers()

  init(_ tensors: [Tensor]) {
    self.tensors = tensors
    sums = tensors.map { _ in nil }
  }

  /// Adds the gradients of `pass`, a forward and a backward pass.
  mutating func add(_ pass: () throws -> Void) rethrows {
    try withGradientsInPlace(buffers, pass)
    noGrad {
      for (index, tensor) in tensors.enumerated() where tensor.dtype.size < 4 {
        guard let gradient = tensor.grad else { continue }
        if let sum = sums[index] { sum.add_(gradient) } else { sums[index] = gradient.to(.float32) }
        tensor.grad = nil
      }
    }
  }

  /// The sums, nil for parameters the loss did not depend on.
  var all: [Tensor?] { zip(tensors, sums).map { $1 ?? $0.grad } }

  /// Zeros for every parameter: what a process contributes that has nothing to learn from, and then shares the others'
  /// sums as they do.
  mutating func zero() {
    noGrad {
      for (index, tensor) in tensors.enumerated() {
        sums[index] = tensor.dtype.size < 4 ? tensor.zerosLike().to(.float32) : tensor.zerosLike()
      }
    }
  }

  /// Forgets them. The next backward pass then writes its result (into memory that is kept) instead of adding it to
  /// zeros, which saves two passes over the gradients.
  mutating func clear() {
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
