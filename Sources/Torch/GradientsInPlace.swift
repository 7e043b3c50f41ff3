// SPDX-License-Identifier: Apache-2.0
import CTorch

/// Memory of weight gradients, kept from step to step.
///
/// A trainer owns one beside its parameters. Once `weight.grad` was set to nil the memory comes back here, and the
/// next backward overwrites it: no allocation, no page faults, no zeroing. Whoever keeps an old gradient keeps it
/// unchanged; new memory is taken then.
public final class GradientBuffers {
  fileprivate let handle: ct_buffers

  /// Without any memory at first.
  ///
  /// - Parameter keeping: whether memory comes back here; otherwise it ends with the gradient in it, and the next one gets
  ///   other memory.
  public init(keeping: Bool = true) { handle = ct_buffers_new(keeping) }
  deinit { ct_buffers_free(handle) }

  /// Bytes held.
  public var bytes: Int { Int(ct_buffers_bytes(handle)) }

  /// Makes `memory` that of a weight's gradient: contiguous, of its shape and type, maybe a part of a larger tensor.
  ///
  /// It is written to even while other parts of that tensor are in use. Whoever keeps a gradient keeps it unchanged here,
  /// too, and the weight's next one gets memory elsewhere.
  public func bind(_ weight: Tensor, to memory: Tensor) {
    guard let weight = weight.handle, let memory = memory.handle else { return }
    if ct_buffers_bind(handle, weight, memory) != 0 { TorchError.raise() }
  }
}

/// Runs `body` with weight gradients accumulated in place.
///
/// Linear layers, embeddings and linear losses applied in `body` add their weight's gradient into `weight.grad` inside
/// the matrix product of their backward (run it inside or after `body`), instead of handing autograd a new tensor to
/// be added. The sums are autograd's: over several uses of a weight in any order, several backwards, tied tables.
/// Only leaves that ask for gradients take part, and only `backward()`: `gradients(of:withRespectTo:)` and frozen
/// weights behave as ever. Thread-local: never suspend (`await`) inside it.
public func withGradientsInPlace<R>(_ buffers: GradientBuffers, _ body: () throws -> R) rethrows -> R {
  let before = ct_buffers_enter(buffers.handle)
  defer {
    _ = ct_buffers_enter(before)
    withExtendedLifetime(buffers) {}
  }
  return try body()
}

extension Tensor {
  /// Whether this tensor is stored where another one is.
  package func hasMemory(of other: Tensor) -> Bool {
    guard let handle, let theirs = other.handle, let memory = ct_data(handle) else { return false }
    return memory == ct_data(theirs) && dtype == other.dtype && strides == other.strides
  }

  /// x Wᵀ + b with x `[…, I]`, W `[O, I]`, b `[O]`.
  public func linear(_ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
    Fused.linear(self, weight, bias)
  }

  /// Several linear layers of one input, `[…, I]` → `[…, Oᵢ]` each. Their gradients of x are summed inside the
  /// matrix products; otherwise the same as ``linear(_:_:)`` one by one.
  public func linears(_ layers: [(weight: Tensor, bias: Tensor?)]) -> [Tensor] {
    Fused.linears.many(layers.count, self, layers.map(\.weight), layers.map(\.bias))
  }

  /// Rows of this table `[V, H]` at `ids`, any integer shape: `[…]` → `[…, H]`.
  public func embedding(_ ids: Tensor) -> Tensor { Fused.embedding(self, ids) }
}
