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
///   - body: tensors → tensors. Called twice, so it may not change anything.
public func recomputed(_ inputs: [Tensor], outputs: Int, _ body: @escaping ([Tensor]) -> [Tensor]) -> [Tensor] {
  guard ct_grad_enabled() else { return body(inputs) }
  let random = RandomState(inputs.first?.device ?? .cpu)
  // Parameters want gradients even where no input does: something has to make the outputs differentiable.
  let anchor = Tensor.zeros([]).requiresGrad(true)
  let function = DifferentiableFunction(
    inputs: inputs.count + 1, outputs: outputs, forward: { body(Array($0.dropLast())) },
    backward: { given, _, gradients in
      guard ct_backward_accumulates() else {
        throw TorchError("gradients(of:withRespectTo:) cannot pass through recomputed layers: use backward()")
      }
      let leaves = given.dropLast().map { $0.detach().requiresGrad($0.requiresGrad) }
      random.during {
        let results = enableGrad { body(leaves) }
        let reached = zip(results, gradients).filter { $0.requiresGrad && $1 != nil }
        if !reached.isEmpty { Torch.backward(of: reached.map(\.0), seeds: reached.map(\.1)) }
      }
      return leaves.map(\.grad) + [nil]
    })
  return function(inputs + [anchor])
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
