// SPDX-License-Identifier: Apache-2.0
// Shared by the differentiable wrappers of our kernels.
#pragma once
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "common.hpp"
#include "kernels/kernels.hpp"

namespace ct {
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Our backward passes are not themselves recorded, so a second derivative would silently be wrong.
inline void refuseSecondOrder(const char *name) {
  TORCH_CHECK(!c10::GradMode::is_enabled(), name, ": the fused kernel has no second derivative; take the plain form "
              "(withKernels(.plain)) where createGraph is wanted");
}

/// What every kernel here reads: float32 on the CPU.
inline void check(const char *name, const at::Tensor &t) {
  TORCH_CHECK(t.is_cpu() && t.scalar_type() == at::kFloat, name, ": float32 on the CPU is needed, got ",
              t.scalar_type(), " on ", t.device());
}

inline const float *read(const at::Tensor &t) { return t.defined() ? t.const_data_ptr<float>() : nullptr; }
inline float *write(const at::Tensor &t) { return t.defined() ? t.mutable_data_ptr<float>() : nullptr; }

/// silu(gate) * up, or of the halves of one tensor where `up` is undefined. All contiguous; no gradient is recorded.
at::Tensor swiglu(const at::Tensor &gate, const at::Tensor &up);
/// The gradients of gate and up, from that of the product. The second is undefined where `up` is.
std::pair<at::Tensor, at::Tensor> swigluGradients(const at::Tensor &gate, const at::Tensor &up, const at::Tensor &gy);

/// Pieces of a loop worth handing to a thread: about 16,384 elements.
inline int64_t grain(int64_t width) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width)); }
}  // namespace ct
