// SPDX-License-Identifier: Apache-2.0
// The few vector operations the kernels need, written once for every instruction set.
//
// Each kernel file is compiled once per level (the Makefile defines CT_LEVEL and CT_WIDTH and passes -march), so
// everything here has internal linkage: the linker must never replace a baseline function by its AVX-512 twin.
// For the same reason no standard header with inline functions is included.
#pragma once
#include <stdint.h>

#include "kernels.hpp"

namespace ct::CT_LEVEL {
namespace {
typedef float V __attribute__((vector_size(CT_WIDTH)));
typedef uint32_t VI __attribute__((vector_size(CT_WIDTH)));
typedef V Loose __attribute__((aligned(4), may_alias));
constexpr int64_t lanes = CT_WIDTH / 4;

inline V load(const float *p) { return *reinterpret_cast<const Loose *>(p); }
inline void store(float *p, V v) { *reinterpret_cast<Loose *>(p) = v; }
inline V splat(float x) { return x - V{}; }
inline V larger(V a, V b) { return a > b ? a : b; }

inline float total(V v) {
  float s = 0;
  for (int64_t i = 0; i < lanes; i++) s += v[i];
  return s;
}
inline float peak(V v) {
  float m = v[0];
  for (int64_t i = 1; i < lanes; i++) m = v[i] > m ? v[i] : m;
  return m;
}

/// A full vector of memory, or the last few elements of an array (the rest reads as `fill` and is not written).
struct Whole {
  static V load(const float *p, float = 0) { return CT_LEVEL::load(p); }
  static void store(float *p, V v) { CT_LEVEL::store(p, v); }
};
struct Rest {
  int64_t count;
  V load(const float *p, float fill = 0) const {
    V v = splat(fill);
    for (int64_t i = 0; i < count; i++) v[i] = p[i];
    return v;
  }
  void store(float *p, V v) const {
    for (int64_t i = 0; i < count; i++) p[i] = v[i];
  }
};

/// Calls body(offset, part) over n elements: whole vectors, then at most one rest.
template <class Body> __attribute__((always_inline)) inline void sweep(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) body(i, Whole{});
  if (i < n) body(i, Rest{n - i});
}

/// eˣ within 2 ulp: x = k·ln 2 + r with |r| ≤ ln 2 / 2, a polynomial for eʳ, the exponent put together from k.
/// Below −87.33, where eˣ is no longer a normal number, it gives 0; above 88.37 infinity; NaN stays NaN.
inline V exponential(V x) {
  V top = splat(89.f), bottom = splat(-87.33f), small = x < bottom ? V{} : splat(1.f);
  x = x > top ? top : x;
  x = x < bottom ? bottom : x;
  const V magic = splat(12582912.f);  // 1.5·2²³: adding it rounds to an integer, kept in the low bits
  V shifted = x * 1.44269504f + magic, k = shifted - magic;
  V r = x - k * 0.693359375f;  // ln 2 in two parts, the first exact in a product with k
  r = r - k * -2.12194440e-4f;
  V p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  VI power = ((VI)shifted - (VI)magic + 127u) << 23;
  return p * (V)power * small;
}

/// 1 / (1 + e⁻ˣ)
inline V sigmoid(V x) { return 1.f / (1.f + exponential(-x)); }
}  // namespace
}  // namespace ct::CT_LEVEL
