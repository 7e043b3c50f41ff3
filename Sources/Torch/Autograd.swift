// SPDX-License-Identifier: Apache-2.0
import CTorch

private enum AutogradOps { static let version = Op("aten::_version") }

extension Tensor {
  /// Whether gradients flow to this tensor.
  public var requiresGrad: Bool { handle.map { ct_requires_grad($0) } ?? false }

  /// Whether this tensor was not computed by a differentiable operation.
  public var isLeaf: Bool { handle.map { ct_is_leaf($0) } ?? true }

  /// Asks for gradients (or stops asking) and returns the tensor itself. Only for leaves.
  @discardableResult public func requiresGrad(_ on: Bool) -> Tensor {
    if let handle, ct_set_requires_grad(handle, on) != 0 { TorchError.raise() }
    return self
  }

  /// A number that grows whenever an operator of libtorch changes the elements in place. Not of tensors made in inference
  /// mode.
  package var version: Int { AutogradOps.version.int(self) }

  /// The accumulated gradient of a leaf.
  public var grad: Tensor? {
    get { handle.flatMap { ct_grad($0) }.map(Tensor.init(owned:)) }
    set { if let handle, ct_set_grad(handle, newValue?.handle) != 0 { TorchError.raise() } }
  }

  /// Adds d self / d leaf into the `grad` of every leaf, times `seed` (needed unless self is a scalar).
  public func backward(_ seed: Tensor? = nil, retainGraph: Bool = false) {
    Torch.backward(of: [self], seeds: [seed], retainGraph: retainGraph)
  }
}

extension Torch {
  /// Adds the gradients of all `outputs` together into the `grad` of every leaf, in one pass through their graph.
  ///
  /// - Parameter seeds: one per output, nil for 1 (only of a scalar).
  public static func backward(of outputs: [Tensor], seeds: [Tensor?], retainGraph: Bool = false) {
    precondition(seeds.count == outputs.count, "one seed per output")
    let handles = outputs.compactMap(\.handle)
    guard handles.count == outputs.count else { return }
    let failed = withExtendedLifetime((outputs, seeds)) {
      ct_backward(handles, seeds.map { $0?.handle }, handles.count, retainGraph)
    }
    if failed != 0 { TorchError.raise() }
  }
}

/// Gradients of `outputs` with respect to `inputs`, nil for an input the outputs do not depend on.
///
/// `createGraph` records the gradients' own graph, for derivatives of them; it keeps the first graph too.
public func gradients(
  of outputs: [Tensor], withRespectTo inputs: [Tensor], seeds: [Tensor?]? = nil, retainGraph: Bool = false,
  createGraph: Bool = false
) -> [Tensor?] {
  precondition(seeds == nil || seeds!.count == outputs.count, "one seed per output")
  let from = outputs.compactMap(\.handle), to = inputs.compactMap(\.handle)
  let seedHandles = seeds?.map { $0?.handle } ?? outputs.map { _ in nil }
  guard from.count == outputs.count, to.count == inputs.count else { return inputs.map { _ in nil } }
  var out = [ct_tensor?](repeating: nil, count: inputs.count)
  let failed = withExtendedLifetime((outputs, inputs, seeds)) {
    ct_grad_of(from, seedHandles, from.count, to, to.count, retainGraph || createGraph, createGraph, &out)
  }
  if failed != 0 { TorchError.raise() }
  return out.map { $0.map(Tensor.init(owned:)) }
}

/// Runs `body` without recording a graph. Thread-local: never suspend (`await`) inside it.
@inlinable public func noGrad<R>(_ body: () throws -> R) rethrows -> R { try withGrad(false, body) }

/// Runs `body` recording a graph, also inside `noGrad`.
@inlinable public func enableGrad<R>(_ body: () throws -> R) rethrows -> R { try withGrad(true, body) }

@usableFromInline func withGrad<R>(_ on: Bool, _ body: () throws -> R) rethrows -> R {
  let was = ct_grad_enabled()
  ct_set_grad_enabled(on)
  defer { ct_set_grad_enabled(was) }
  return try body()
}

/// Runs `body` in inference mode: faster than `noGrad`, but its tensors can never take part in a graph.
public func inferenceMode<R>(_ body: () throws -> R) rethrows -> R {
  let guardian = ct_inference_enter()
  defer { ct_inference_leave(guardian) }
  return try body()
}

/// A differentiable function given by two closures.
///
/// `forward` maps inputs to outputs and runs without recording. `backward` gets inputs, outputs and the gradients of
/// the outputs (nil for one that nothing depends on) and returns the gradients of the inputs (nil for none). An
/// error in either becomes the error of the call, or of the `backward()` that reached it.
public final class DifferentiableFunction {
  /// Inputs → outputs.
  public typealias Forward = (_ inputs: [Tensor]) throws -> [Tensor]
  /// Inputs, outputs, gradients of outputs → gradients of inputs.
  public typealias Backward = (_ inputs: [Tensor], _ outputs: [Tensor], _ gradients: [Tensor?]) throws -> [Tensor?]

  /// Whether the backward pass that is running may run again, so that what it needs must stay.
  public static var keepsGraph: Bool { ct_backward_keeps_graph() }

  private let inputs: Int, outputs: Int
  private let forward: Forward, backward: Backward

  /// A function of a fixed number of inputs and outputs.
  public init(inputs: Int, outputs: Int, forward: @escaping Forward, backward: @escaping Backward) {
    (self.inputs, self.outputs, self.forward, self.backward) = (inputs, outputs, forward, backward)
  }

  /// Applies the function.
  public func callAsFunction(_ arguments: Tensor...) -> [Tensor] { self(arguments) }

  /// Applies the function.
  public func callAsFunction(_ arguments: [Tensor]) -> [Tensor] {
    precondition(arguments.count == inputs, "\(arguments.count) arguments for a function of \(inputs)")
    let context = Unmanaged.passRetained(self).toOpaque()
    var out = [ct_tensor?](repeating: nil, count: outputs)
    let failed = withExtendedLifetime(arguments) {
      ct_custom(
        { context, handles, count, out, room in
          DifferentiableFunction.enter(context, handles, count, out, room) { me, tensors in
            try me.forward(tensors.map { try me.present($0) })
          }
        },
        { context, handles, count, out, room in
          DifferentiableFunction.enter(context, handles, count, out, room) { me, tensors in
            let outputs = me.inputs + me.outputs
            return try me.backward(
              tensors[..<me.inputs].map { try me.present($0) },
              tensors[me.inputs..<outputs].map { try me.present($0) }, Array(tensors[outputs...]))
          }
        },
        { Unmanaged<DifferentiableFunction>.fromOpaque($0).release() },
        context, arguments.map(\.handle), arguments.count, &out, outputs)
    }
    if failed != 0 { TorchError.raise() }
    return out.map { Tensor(owned: $0) }
  }

  private func present(_ tensor: Tensor?) throws -> Tensor {
    guard let tensor else { throw TorchError("a custom function got an undefined tensor") }
    return tensor
  }

  private static func enter(
    _ context: UnsafeMutableRawPointer, _ handles: UnsafePointer<ct_tensor?>, _ count: Int,
    _ out: UnsafeMutablePointer<ct_tensor?>, _ room: Int,
    _ body: (DifferentiableFunction, [Tensor?]) throws -> [Tensor?]
  ) -> Int32 {
    let me = Unmanaged<DifferentiableFunction>.fromOpaque(context).takeUnretainedValue()
    let tensors: [Tensor?] = (0..<count).map { index in
      handles[index].map {
        ct_retain($0)
        return Tensor(owned: $0)
      }
    }
    do {
      let results = try withTorchErrors { try body(me, tensors) }
      guard results.count == room else {
        throw TorchError("a custom function gave \(results.count) tensors where \(room) are wanted")
      }
      for (index, tensor) in results.enumerated() {
        if let handle = tensor?.handle {
          ct_retain(handle)
          out[index] = handle
        }
      }
      return 0
    } catch {
      ct_set_error("\(error)")
      return 1
    }
  }
}
