// SPDX-License-Identifier: Apache-2.0
#include "simd.hpp"

namespace ct::CT_LEVEL {
void swigluForward(const float *gate, const float *up, float *y, int64_t n) {
  sweep(n, [&](int64_t i, auto part) {
    V a = part.load(gate + i);
    part.store(y + i, a * sigmoid(a) * part.load(up + i));
  });
}

void swigluBackward(const float *gate, const float *up, const float *gy, float *ggate, float *gup, int64_t n) {
  sweep(n, [&](int64_t i, auto part) {
    V a = part.load(gate + i), g = part.load(gy + i), s = sigmoid(a), silu = a * s;
    part.store(gup + i, g * silu);
    part.store(ggate + i, g * part.load(up + i) * (s + silu * (1.f - s)));
  });
}

void axpy(float factor, const float *x, float *y, int64_t n) {
  sweep(n, [&](int64_t i, auto part) { part.store(y + i, part.load(y + i) + part.load(x + i) * factor); });
}

void scale(float *x, float factor, float term, int64_t n) {
  sweep(n, [&](int64_t i, auto part) { part.store(x + i, part.load(x + i) * factor + term); });
}
}  // namespace ct::CT_LEVEL
