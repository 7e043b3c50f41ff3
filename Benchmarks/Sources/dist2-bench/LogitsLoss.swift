// SPDX-License-Identifier: Apache-2.0
import Objectives
import Torch

/// Cross entropy and distance from logits that are there, forward and backward.
func logitsLoss(_ worker: Worker, _ settings: Settings) throws {
  let (n, v) = (settings.int("n", 512), settings.int("v", 128_256))
  Torch.seed(0)
  let logits = Tensor.randn([n, v]).requiresGrad(true)
  let positions = try Positions(labels: .randint(0, v, [n]), every: settings.int("every", 10), candidates: 10)
  let denominators = positions.denominators
  try worker.serve {
    try withTorchErrors {
      let loss = positions.objective(
        logits: logits, supervision: positions.supervision, denominators: denominators)
      loss.total.backward()
      let check = loss.lossTerms[0].value.item()
      logits.grad = nil
      return check
    }
  }
}
