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
}  // namespace ct::CT_LEVEL
