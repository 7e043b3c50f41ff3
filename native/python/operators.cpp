// SPDX-License-Identifier: Apache-2.0
// The fused loss as an operator of torch itself, for programs in Python:
// torch.ops.load_library("libdist2_ops.so"), then torch.ops.dist2.linear_cross_entropy_distance(…).
//
// The library names libtorch_cpu.so and libc10.so without a folder, so the loader takes those that the program has
// already loaded. They must be of the version whose headers were used here.
#include <ATen/ops/gt.h>
#include <ATen/ops/log.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/library.h>
#include <torch/version.h>

#include "../common.hpp"

using namespace ct;

namespace {
at::Tensor table(const at::Tensor &t, at::ScalarType type) {
  return t.detach().to(at::kCPU, type).contiguous();
}

/// One distance term's tables, alive as long as the call.
struct Tables {
  at::Tensor candidates, rows, weights, targets, p, logP;
  ct_candidate_term column(double coefficient, bool vocabulary, bool reverse) const {
    return {coefficient, vocabulary, reverse, borrow(candidates), borrow(rows), borrow(weights), borrow(targets),
            borrow(p), borrow(logP), nullptr, nullptr, nullptr, nullptr};
  }
};

void checkVersion() {
  static const bool same = [] {
    auto v = aoti_torch_abi_version();
    auto loaded = std::to_string(v >> 56 & 255) + "." + std::to_string(v >> 48 & 255);
    std::string built = TORCH_VERSION;
    TORCH_CHECK(built.starts_with(loaded + "."), "dist2: built for torch ", built, ", but torch ", loaded,
                " is loaded. Install torch==", built, " or build dist2 against yours (LIBTORCH=folder make native)");
    return true;
  }();
  (void)same;
}

/// See the schema below. Recorded by autograd through the operation it calls: any of hidden, weight and bias may ask
/// for gradients.
std::tuple<at::Tensor, at::Tensor> loss(const at::Tensor &hidden, const at::Tensor &weight,
                                        const std::optional<at::Tensor> &bias, const at::Tensor &labels,
                                        at::TensorList candidates, at::TensorList rows, at::TensorList weights,
                                        at::TensorList targets, at::TensorList p, at::ArrayRef<double> coefficients,
                                        double scale, double smoothing, bool vocabulary, bool reverse, int64_t chunk) {
  checkVersion();
  size_t count = candidates.size();
  for (size_t n : {rows.size(), weights.size(), targets.size(), p.size(), coefficients.size()})
    TORCH_CHECK(n == count, "dist2: ", count, " candidate lists, but another list has ", n);
  std::vector<Tables> tables;
  std::vector<ct_candidate_term> columns;
  for (size_t i = 0; i < count; i++) {
    auto targetTable = table(p[i], at::kDouble);
    auto logarithm = at::where(targetTable.gt(0), targetTable.log(), at::zeros_like(targetTable)).contiguous();
    tables.push_back({table(candidates[i], at::kLong), table(rows[i], at::kLong), table(weights[i], at::kDouble),
                      table(targets[i], at::kLong), targetTable, logarithm});
  }
  for (size_t i = 0; i < count; i++) columns.push_back(tables[i].column(coefficients[i], vocabulary, reverse));
  auto ids = table(labels, at::kLong);
  ct_loss_plan plan{borrow(ids), scale, smoothing, columns.data(), count, chunk};
  ct_tensor total = nullptr, sums = nullptr;
  int failed = ct_linear_loss(borrow(hidden), borrow(weight), bias ? borrow(*bias) : nullptr, nullptr, &plan, &total,
                              &sums);
  TORCH_CHECK(!failed, "dist2: ", ct_last_error());
  return {adopt(total), adopt(sums)};
}
}  // namespace

TORCH_LIBRARY(dist2, m) {
  // total = scale · Σ CE + Σ coefficient · Σ weight · KL(p[target] ‖ softmax over the candidates); sums: its parts.
  m.def("linear_cross_entropy_distance(Tensor hidden, Tensor weight, Tensor? bias, Tensor labels, "
        "Tensor[] candidates, Tensor[] rows, Tensor[] weights, Tensor[] targets, Tensor[] p, float[] coefficients, "
        "float scale, float label_smoothing=0., bool over_vocabulary=False, bool reverse=False, int chunk=0) "
        "-> (Tensor total, Tensor sums)",
        &loss);
}
