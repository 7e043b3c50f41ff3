// SPDX-License-Identifier: Apache-2.0
// AdamW whose moments are held in 8 bits, one scale for every 256 values (Dettmers et al. 2022, arXiv 2110.02861).
#include "operators.hpp"

using namespace ct;

namespace {
constexpr int64_t block = 256;

/// A map of 256 codes: the tensors values, limits and cells, and (firstCell, zero) of CodeMap.
CodeMap codes(at::TensorList map, at::IntArrayRef start) {
  TORCH_CHECK(map.size() == 3 && start.size() == 2, "adamw8_: a map is values, limits and cells, and two numbers");
  const auto &values = map[0], &limits = map[1], &cells = map[2];
  TORCH_CHECK(values.numel() == block && limits.numel() == block && values.scalar_type() == at::kFloat &&
                  limits.scalar_type() == at::kFloat && cells.scalar_type() == at::kInt && cells.is_contiguous() &&
                  cells.numel() > 0,
              "adamw8_: no map of 256 codes");
  return {read(values), read(limits), cells.const_data_ptr<int32_t>(), static_cast<int32_t>(start[0]),
          static_cast<int32_t>(cells.numel()), static_cast<int32_t>(start[1])};
}

/// Codes and scales of one moment of n values.
CodedBlock moment(const at::Tensor &c, const at::Tensor &s, int64_t n) {
  check("adamw8_", s);
  TORCH_CHECK(c.is_cpu() && c.scalar_type() == at::kByte && c.is_contiguous() && c.numel() == n && s.is_contiguous() &&
                  s.numel() == (n + block - 1) / block,
              "adamw8_: codes ", c.sizes(), " and scales ", s.sizes(), " for ", n, " values");
  return {c.mutable_data_ptr<uint8_t>(), s.mutable_data_ptr<float>()};
}

void adamw8(const at::Tensor &x, const at::Tensor &gradient, const at::Tensor &firstCodes,
            const at::Tensor &firstScales, const at::Tensor &secondCodes, const at::Tensor &secondScales,
            at::TensorList firstMap, at::IntArrayRef firstStart, at::TensorList secondMap, at::IntArrayRef secondStart,
            double learningRate, double weightDecay, double beta1, double beta2, double correction1,
            double correction2, double epsilon, double gradientFactor) {
  auto g = gradient.contiguous();
  check("adamw8_", x);
  check("adamw8_", g);
  int64_t n = x.numel();
  TORCH_CHECK(x.is_contiguous() && g.numel() == n, "adamw8_: a gradient ", g.sizes(), " for ", x.sizes());
  auto first = moment(firstCodes, firstScales, n), second = moment(secondCodes, secondScales, n);
  auto m1 = codes(firstMap, firstStart), m2 = codes(secondMap, secondStart);
  AdamWStep s{static_cast<float>(1 - learningRate * weightDecay),
              static_cast<float>(beta1),
              static_cast<float>(1 - beta1),
              static_cast<float>(beta2),
              static_cast<float>(1 - beta2),
              static_cast<float>(learningRate / correction1),
              static_cast<float>(1 / std::sqrt(correction2)),
              static_cast<float>(epsilon),
              static_cast<float>(gradientFactor)};
  float *px = write(x);
  const float *pg = read(g);
  const auto &k = kernels();
  at::parallel_for(0, (n + block - 1) / block, grain(block), [&](int64_t from, int64_t to) {
    for (int64_t b = from; b < to; b++) {
      int64_t at = b * block;
      k.adamw8(px + at, pg + at, {first.codes + at, first.scale + b}, {second.codes + at, second.scale + b},
               std::min(block, n - at), m1, m2, s);
    }
  });
}
}  // namespace

void ct::defineAdamW8(torch::Library &library) {
  // Changes values and moments: uint8 codes of the values' count, float32 scales of a 256th of it, rounded up. A map is
  // values and limits (float32 [256]) and cells (int32); its start is the first cell and the code of 0. correction:
  // 1 − βᵗ. On the CPU alone: elsewhere compose it of ATen's operators.
  library.def(
      "adamw8_(Tensor(a!) values, Tensor gradient, Tensor(b!) first_codes, Tensor(c!) first_scales, "
      "Tensor(d!) second_codes, Tensor(e!) second_scales, Tensor[] first_map, int[] first_start, Tensor[] second_map, "
      "int[] second_start, float learning_rate, float weight_decay, float beta1, float beta2, float correction1, "
      "float correction2, float eps, float gradient_factor=1.) -> ()");
  library.impl("adamw8_", torch::dispatch(c10::DispatchKey::CPU, &adamw8));
  library.impl("adamw8_", torch::dispatch(c10::DispatchKey::AutogradCPU, &adamw8));
}
