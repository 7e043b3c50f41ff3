// SPDX-License-Identifier: Apache-2.0
// Matrix products of linear layers, by whichever of libtorch's two libraries is faster on this processor.
#pragma once
#include <ATen/core/Tensor.h>

namespace ct {
/// a b
at::Tensor product(const at::Tensor &a, const at::Tensor &b);
/// out = a b
void productInto(at::Tensor &out, const at::Tensor &a, const at::Tensor &b);
/// sum += a b
void addProduct(at::Tensor &sum, const at::Tensor &a, const at::Tensor &b);
/// x Wᵀ + b
at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);
}  // namespace ct
