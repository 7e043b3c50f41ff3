// SPDX-License-Identifier: Apache-2.0
import CTorch

/// Runs a part of a model without keeping what it computes on the way: only inputs and outputs stay, and the backward
/// pass runs the part again (activation checkpointing, Chen et al. 2016, arXiv 1604.06174). Time for memory.
///
/// The gradients are those of the plain call, bit for bit: the same operations run, and torch's default generator is
/// put back to where it was, so that dropout draws the same. Parameters that `body` reads get their gradients straight
/// into `grad` (in place within ``withGradientsInPlace(_:_:)``), frozen ones none. So only `backward()` works through
/// it: `gradients(of:withRespectTo:)` does not know those parameters, and is an error where it has to pass. Without a graph to record `body` is simply called.
///
/// - Parameters:
///   - inputs: what gradients flow back to.
///   - outputs: how many tensors `body` returns.
///   - supply: whence the weights come that `body` reads; nil where they stay.
///   - body: tensors → tensors. Called twice, so it may not change anything.
public func recomputed(
  _ inputs: [Tensor], outputs: Int, supply: (any WeightSupply)? = nil, _ body: @escaping ([Tensor]) -> [Tensor]
) -> [Tensor] {
  guard ct_grad_enabled() else { return supply.lending(.forward) { body(inputs) } }
  let random = RandomState(inputs.first?.device ?? .cpu)
  // Parameters want gradients even where no input does: something has to make the outputs differentiable.
  let anchor = Tensor.zeros([]).requiresGrad(true)
  let function = DifferentiableFunction(
    inputs: inputs.count + 1, outputs: outputs,
    forward: { inputs in supply.lending(.forward) { body(Array(inputs.dropLast())) } },
    backward: { given, _, gradients in
      guard ct_backward_accumulates() else {
        throw TorchError("gradients(of:withRespectTo:) cannot pass through recomputed layers: use backward()")
      }
      let leaves = given.dropLast().map { $0.detach().requiresGrad($0.requiresGrad) }
      supply.lending(.backward) {
        random.during {
          let results = enableGrad { body(leaves) }
          let reached = zip(results, gradients).filter { $0.requiresGrad && $1 != nil }
          if !reached.isEmpty { Torch.backward(of: reached.map(\.0), seeds: reached.map(\.1)) }
        }
      }
      return leaves.map(\.grad) + [nil]
    })
  return function(inputs + [anchor])
}

/// Brings the weights of a part of a model for as long as that computes: they may be spread over processes meanwhile.
public protocol WeightSupply: AnyObject {
  /// Runs `body` with the weights in place. What goes wrong on the way is kept, since nothing can be thrown here, and
  /// `body` runs all the same.
  func lend(for pass: ComputationPass, _ body: () -> Void)
}

/// What a part of a model computes: its outputs, or the gradients of its inputs and weights.
public enum ComputationPass: Sendable { case forward, backward }

extension (any WeightSupply)? {
  /// What `body` returns, run with the weights in place.
  func lending<Result>(_ pass: ComputationPass, _ body: () -> Result) -> Result {
    guard let self else { return body() }
    var result: Result?
    self.lend(for: pass) { result = body() }
    guard let result else { preconditionFailure("\(type(of: self)) did not run what it lent weights to") }
    return result
  }
}

/// Where torch's default generator stood.
private struct RandomState {
  private let generator: Generator
  private let state: Tensor

  init(_ device: Device) {
    generator = Generator(defaultOf: device)
    state = generator.state
  }

  /// Runs `body` from there, and leaves the generator as it was found.
  func during(_ body: () -> Void) {
    let present = generator.state
    generator.state = state
    body()
    generator.state = present
  }
}
