// SPDX-License-Identifier: Apache-2.0
public import Torch

/// The largest absolute difference of two tensors of one shape; infinite if the shapes differ or anything is NaN.
public func difference(_ a: Tensor, _ b: Tensor) -> Double {
  guard a.shape == b.shape else { return .infinity }
  let worst = (a.detach().to(.float64) - b.detach().to(.float64)).abs().max().item()
  return worst.isNaN ? .infinity : worst
}
