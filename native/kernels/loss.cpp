// SPDX-License-Identifier: Apache-2.0
#include "simd.hpp"

namespace ct::CT_LEVEL {
namespace {
// Long sums are taken in float32 over blocks and added up in float64: the error stays that of a block.
constexpr int64_t block = 4096;

template <class Body> inline double blocks(int64_t n, Body body) {
  double all = 0;
  for (int64_t from = 0; from < n; from += block) all += body(from, n - from < block ? n - from : block);
  return all;
}
}  // namespace

double dot(const float *x, const float *y, int64_t n) {
  return blocks(n, [&](int64_t from, int64_t count) {
    V s{};
    sweep(count, [&](int64_t i, auto part) { s += part.load(x + from + i) * part.load(y + from + i); });
    return total(s);
  });
}

double sum(const float *x, int64_t n) {
  return blocks(n, [&](int64_t from, int64_t count) {
    V s{};
    sweep(count, [&](int64_t i, auto part) { s += part.load(x + from + i); });
    return total(s);
  });
}

float largest(const float *x, int64_t n) {
  V m[4];
  for (V &each : m) each = splat(-__builtin_inff());
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes)
    for (int64_t k = 0; k < 4; k++) m[k] = larger(load(x + i + k * lanes), m[k]);
  sweep(n - i, [&](int64_t j, auto part) { m[0] = larger(part.load(x + i + j, -__builtin_inff()), m[0]); });
  return peak(larger(larger(m[0], m[1]), larger(m[2], m[3])));
}

double exponentials(const float *x, float shift, float *e, int64_t n) {
  return blocks(n, [&](int64_t from, int64_t count) {
    V s{};
    const float *in = x + from;
    float *out = e ? e + from : nullptr;
    sweep(count, [&](int64_t i, auto part) {
      V v = exponential(part.load(in + i, -__builtin_inff()) - shift);
      s += v;
      if (out) part.store(out + i, v);
    });
    return total(s);
  });
}

Divergence divergence(const float *z, const double *p, const double *logP, int64_t n, bool reverse, bool unnormalised,
                      float *gradient) {
  float top = largest(z, n);
  double s = exponentials(z, top, gradient, n), logS = __builtin_log(s), value = 0, mass = 0;
  for (int64_t i = 0; i < n; i++) {
    double logQ = static_cast<double>(z[i]) - static_cast<double>(top) - logS;
    // A candidate without probability adds nothing, even where its logarithm is infinite.
    if (reverse) value += gradient[i] == 0 ? 0 : gradient[i] / s * (logQ - logP[i]);
    else if (p[i] != 0) value += p[i] * (logP[i] - logQ);
    mass += p[i];
  }
  double less = unnormalised ? 1 : 0;
  for (int64_t i = 0; i < n; i++) {
    double q = gradient[i] / s, logQ = static_cast<double>(z[i]) - static_cast<double>(top) - logS;
    double slope = reverse ? (q == 0 ? 0 : q * (logQ - logP[i] - value)) : q * mass - p[i];
    gradient[i] = static_cast<float>(slope - q * less);
  }
  return {value, static_cast<double>(top) + logS};
}
}  // namespace ct::CT_LEVEL
