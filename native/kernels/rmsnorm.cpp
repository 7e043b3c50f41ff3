// SPDX-License-Identifier: Apache-2.0
#include "simd.hpp"

namespace ct::CT_LEVEL {
void rmsNormForward(const float *x, const float *residual, const float *w, float *added, float *y, float *inverse,
                    int64_t rows, int64_t width, float epsilon) {
  for (int64_t row = 0; row < rows; row++, x += width, y += width) {
    const float *from = x;
    V squares{};
    if (residual) {
      sweep(width, [&](int64_t i, auto part) {
        V v = part.load(x + i) + part.load(residual + i);
        part.store(added + i, v);
        squares += v * v;
      });
      from = added;
      residual += width;
      added += width;
    } else {
      sweep(width, [&](int64_t i, auto part) {
        V v = part.load(x + i);
        squares += v * v;
      });
    }
    float r = 1.f / __builtin_sqrtf(total(squares) / static_cast<float>(width) + epsilon);
    inverse[row] = r;
    sweep(width, [&](int64_t i, auto part) { part.store(y + i, part.load(from + i) * r * part.load(w + i)); });
  }
}

void rmsNormBackward(const float *x, const float *w, const float *inverse, const float *gy, const float *gsum,
                     float *gx, float *gw, int64_t rows, int64_t width) {
  for (int64_t row = 0; row < rows; row++, x += width, gy += width, gx += width) {
    float r = inverse[row];
    V products{};
    sweep(width, [&](int64_t i, auto part) {
      V g = part.load(gy + i), v = part.load(x + i);
      products += g * part.load(w + i) * v;
      if (gw) part.store(gw + i, part.load(gw + i) + g * v * r);
    });
    float c = total(products) * r * r * r / static_cast<float>(width);
    sweep(width, [&](int64_t i, auto part) {
      V g = part.load(gy + i) * part.load(w + i) * r - part.load(x + i) * c;
      part.store(gx + i, gsum ? part.load(gsum + i) + g : g);
    });
    if (gsum) gsum += width;
  }
}
}  // namespace ct::CT_LEVEL
