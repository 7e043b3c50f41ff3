// SPDX-License-Identifier: Apache-2.0
import Torch

/// What the machine can do at best: `task=gemm`, a large float32 matrix product (check: its FLOP), or `task=copy`, a
/// copy of memory that no cache holds (check: bytes read and written).
func measureFloors(_ worker: Worker, _ settings: Settings) throws {
  if settings.string("task") == "copy" {
    let source = Tensor.ones([1 << 26]), target = Tensor.zeros([1 << 26])
    return try worker.serve {
      try withTorchErrors { target.copy_(source) }
      return 2 * 4 * Double(1 << 26)
    }
  }
  let side = settings.int("side", 3072)
  let a = Tensor.randn([side, side]), b = Tensor.randn([side, side])
  try worker.serve {
    let product = try withTorchErrors { a.linear(b) }
    precondition(product.shape == [side, side])
    return 2 * Double(side) * Double(side) * Double(side)
  }
}
