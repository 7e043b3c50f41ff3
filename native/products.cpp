// SPDX-License-Identifier: Apache-2.0
#include "products.hpp"

#include <ATen/TensorSubclassLikeUtils.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>

namespace at::native {
/// oneDNN's product: result = beta result + alpha a b. Not in the installed headers, but exported by the libtorch that is
/// pinned; if another one lacks it, the library does not link.
void mkldnn_matmul(const Tensor &a, const Tensor &b, const Tensor &result, float beta, float alpha);
}  // namespace at::native

namespace {
/// PyTorch sends float32 products to MKL, which on AMD's processors stays with 256-bit kernels; oneDNN's use all 512, and
/// take half the time. On Intel's, MKL is as good.
bool prefersOneDNN() {
#if defined(__x86_64__)
  static const bool prefers = [] {
    __builtin_cpu_init();
    return __builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  }();
  return prefers;
#else
  return false;
#endif
}

/// Below this many multiplications what oneDNN does before it computes costs more than it saves.
constexpr int64_t least = int64_t(1) << 21;

bool isPlain(const at::Tensor &t) {
  return !at::isTensorSubclassLike(t) && t.is_cpu() && t.layout() == at::kStrided && t.scalar_type() == at::kFloat && t.dim() == 2 &&
         !(c10::GradMode::is_enabled() && t.requires_grad());
}

/// Contiguous, or the transpose of something contiguous.
bool isDense(const at::Tensor &t) { return t.is_contiguous() || t.t().is_contiguous(); }

bool suits(const at::Tensor &a, const at::Tensor &b) {
  return prefersOneDNN() && isPlain(a) && isPlain(b) && a.size(1) == b.size(0) && a.size(0) > 1 &&
         a.size(0) * a.size(1) * b.size(1) >= least && isDense(a) && isDense(b);
}

bool suits(const at::Tensor &out, const at::Tensor &a, const at::Tensor &b) {
  return suits(a, b) && isPlain(out) && out.is_contiguous() && out.size(0) == a.size(0) && out.size(1) == b.size(1);
}
}  // namespace

namespace ct {
at::Tensor product(const at::Tensor &a, const at::Tensor &b) {
  if (!suits(a, b)) return at::mm(a, b);
  auto out = at::empty({a.size(0), b.size(1)}, a.options());
  at::native::mkldnn_matmul(a, b, out, 0, 1);
  return out;
}

void productInto(at::Tensor &out, const at::Tensor &a, const at::Tensor &b) {
  if (suits(out, a, b)) at::native::mkldnn_matmul(a, b, out, 0, 1);
  else at::mm_out(out, a, b);
}

void addProduct(at::Tensor &sum, const at::Tensor &a, const at::Tensor &b) {
  if (suits(sum, a, b)) at::native::mkldnn_matmul(a, b, sum, 1, 1);
  else sum.addmm_(a, b);
}

at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  if (!prefersOneDNN() || at::isTensorSubclassLike(x) || x.dim() < 1 || weight.dim() != 2 || !x.is_contiguous() ||
      x.numel() == 0 || x.size(-1) != weight.size(1))
    return at::linear(x, weight, bias);
  // A view would be recorded where gradients are.
  if (c10::GradMode::is_enabled() && x.requires_grad()) return at::linear(x, weight, bias);
  auto rows = x.view({-1, x.size(-1)}), columns = weight.detach().t();
  bool biased = bias.defined();
  if (!suits(rows, columns) || !isPlain(weight) ||
      (biased && (bias.dim() != 1 || bias.scalar_type() != at::kFloat ||
                  (c10::GradMode::is_enabled() && bias.requires_grad()))))
    return at::linear(x, weight, bias);
  auto shape = x.sizes().vec();
  shape.back() = weight.size(0);
  auto out = at::empty({rows.size(0), weight.size(0)}, x.options());
  if (biased) out.copy_(bias.expand_as(out));
  at::native::mkldnn_matmul(rows, columns, out, biased ? 1 : 0, 1);
  return out.view(shape);
}
}  // namespace ct
