// SPDX-License-Identifier: Apache-2.0
#include "simd.hpp"

namespace ct::CT_LEVEL {
void rotate(const float *x, int64_t xHead, float *y, int64_t yHead, const float *cosine, const float *sine, float sign,
            int64_t heads, int64_t half, int64_t width) {
  for (int64_t head = 0; head < heads; head++, x += xHead, y += yHead) {
    sweep(half, [&](int64_t j, auto part) {
      V a = part.load(x + j), b = part.load(x + half + j), c = part.load(cosine + j), s = part.load(sine + j) * sign;
      part.store(y + j, a * c - b * s);
      part.store(y + half + j, b * c + a * s);
    });
    sweep(width - 2 * half, [&](int64_t j, auto part) { part.store(y + 2 * half + j, part.load(x + 2 * half + j)); });
  }
}

void rotateNeighbours(const float *__restrict x, int64_t xHead, float *__restrict y, int64_t yHead,
                      const float *__restrict cosine, const float *__restrict sine, float sign, int64_t heads,
                      int64_t half, int64_t width) {
  for (int64_t head = 0; head < heads; head++, x += xHead, y += yHead) {
    // The compiler makes vectors of it: loading pairs apart takes shuffles that differ between instruction sets.
    for (int64_t j = 0; j < half; j++) {
      float a = x[2 * j], b = x[2 * j + 1], c = cosine[j], s = sine[j] * sign;
      y[2 * j] = a * c - b * s;
      y[2 * j + 1] = b * c + a * s;
    }
    sweep(width - 2 * half, [&](int64_t j, auto part) { part.store(y + 2 * half + j, part.load(x + 2 * half + j)); });
  }
}
}  // namespace ct::CT_LEVEL
