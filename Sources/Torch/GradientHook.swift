// SPDX-License-Identifier: Apache-2.0
import CTorch

/// Tells, while a backward pass runs, that the gradient of a leaf is complete.
///
/// Once for each backward that reaches the leaf, after everything was added to its `grad`, also what linear layers,
/// embeddings and losses write there themselves (``withGradientsInPlace(_:_:)``).
public final class GradientHook {
  private var handle: ct_hook?

  /// - Parameters:
  ///   - leaf: a tensor that asks for gradients.
  ///   - body: called on backward's thread. What it throws becomes the error of the backward pass.
  public init(_ leaf: Tensor, _ body: @escaping () throws -> Void) {
    guard let tensor = leaf.handle else { return }
    let context = Unmanaged.passRetained(Body(body)).toOpaque()
    let failed = ct_hook_add(
      tensor,
      { context in
        do {
          try Unmanaged<Body>.fromOpaque(context).takeUnretainedValue().call()
          return 0
        } catch {
          ct_set_error("\(error)")
          return 1
        }
      }, { Unmanaged<Body>.fromOpaque($0).release() }, context, &handle)
    if failed != 0 { TorchError.raise() }
  }

  deinit { ct_hook_remove(handle) }

  private final class Body {
    let call: () throws -> Void
    init(_ call: @escaping () throws -> Void) { self.call = call }
  }
}
