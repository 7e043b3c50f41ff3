// SPDX-License-Identifier: Apache-2.0
// AdamW whose moments are held in 8 bits, one scale for every 256 values (Dettmers et al. 2022, arXiv 2110.02861).
#include "fused.hpp"

using namespace ct;

namespace {
constexpr int64_t block = 256;

CodeMap codes(const ct_code_map &map) {
  const auto &values = ref(map.values), &limits = ref(map.limits), &cells = ref(map.cells);
  TORCH_CHECK(values.numel() == block && limits.numel() == block && values.scalar_type() == at::kFloat &&
                  limits.scalar_type() == at::kFloat && cells.scalar_type() == at::kInt && cells.is_contiguous() &&
                  cells.numel() > 0,
              "adamw8: no map of 256 codes");
  return {read(values), read(limits), cells.const_data_ptr<int32_t>(), map.first_cell,
          static_cast<int32_t>(cells.numel()), map.zero};
}

/// Codes and scales of one moment of n values.
CodedBlock moment(ct_tensor codes, ct_tensor scales, int64_t n) {
  const auto &c = ref(codes), &s = ref(scales);
  check("adamw8", s);
  TORCH_CHECK(c.is_cpu() && c.scalar_type() == at::kByte && c.is_contiguous() && c.numel() == n && s.is_contiguous() &&
                  s.numel() == (n + block - 1) / block,
              "adamw8: codes ", c.sizes(), " and scales ", s.sizes(), " for ", n, " values");
  return {c.mutable_data_ptr<uint8_t>(), s.mutable_data_ptr<float>()};
}
}  // namespace

extern "C" int ct_adamw8(ct_tensor values, ct_tensor gradient, ct_tensor firstCodes, ct_tensor firstScales,
                         ct_tensor secondCodes, ct_tensor secondScales, const ct_code_map *firstMap,
                         const ct_code_map *secondMap, const ct_adamw_step *step) {
  return guard([&] {
    const auto &x = ref(values);
    auto g = ref(gradient).contiguous();
    check("adamw8", x);
    check("adamw8", g);
    int64_t n = x.numel();
    TORCH_CHECK(x.is_contiguous() && g.numel() == n, "adamw8: a gradient ", g.sizes(), " for ", x.sizes());
    auto first = moment(firstCodes, firstScales, n), second = moment(secondCodes, secondScales, n);
    auto m1 = codes(*firstMap), m2 = codes(*secondMap);
    AdamWStep s{static_cast<float>(1 - step->learning_rate * step->weight_decay),
                static_cast<float>(step->beta1),
                static_cast<float>(1 - step->beta1),
                static_cast<float>(step->beta2),
                static_cast<float>(1 - step->beta2),
                static_cast<float>(step->learning_rate / step->correction1),
                static_cast<float>(1 / std::sqrt(step->correction2)),
                static_cast<float>(step->epsilon),
                static_cast<float>(step->gradient_factor)};
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
  });
}
