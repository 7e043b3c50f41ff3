// SPDX-License-Identifier: Apache-2.0
import Objectives
import Torch

/// Projection, cross entropy and distance from hidden states, forward and backward.
func linearLoss(_ worker: Worker, _ settings: Settings) throws {
  let (n, h, v) = (settings.int("n", 512), settings.int("h", 512), settings.int("v", 128_256))
  Torch.seed(0)
  let hidden = Tensor.randn([n, h]).requiresGrad(true)
  let weight = noGrad { Tensor.randn([v, h]) * 0.05 }.requiresGrad(true)
  let positions = try Positions(
    labels: .randint(0, v, [n]), every: settings.int("every", 10), candidates: settings.int("candidates", 10))
  let denominators = positions.denominators, buffers = GradientBuffers()
  try worker.serve {
    try withTorchErrors {
      let loss = withGradientsInPlace(buffers) {
        let loss = positions.objective(
          hidden: hidden, head: OutputHead(weight: weight), supervision: positions.supervision,
          denominators: denominators)
        loss.total.backward()
        return loss
      }
      // What both sides compute, so that the check holds for cross entropy alone as well.
      let check = loss.lossTerms[0].value.item()
      (hidden.grad, weight.grad) = (nil, nil)
      return check
    }
  }
}
