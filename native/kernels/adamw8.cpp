// SPDX-License-Identifier: Apache-2.0
#include "kernels.hpp"

// Loops the compiler turns into vectors, table look-ups included (gathers where the instruction set has them). It has
// to be told that tables are not written to: it knows neither their bounds nor what bytes may overlap.
#if defined(__clang__)
#define CT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define CT_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace ct::CT_LEVEL {
namespace {
constexpr int64_t block = 256;

inline uint32_t bits(float x) { return __builtin_bit_cast(uint32_t, x); }
inline float number(uint32_t x) { return __builtin_bit_cast(float, x); }
inline uint32_t magnitude(float x) { return bits(x) & 0x7fffffffu; }  // of numbers without NaN: ordered as they are

/// Nearest codes. At most one limit lies among the numbers that share their upper 16 bits, so a look-up and one
/// comparison find the code.
template <bool isSigned>
__attribute__((always_inline)) inline void encode(const float *__restrict x, uint32_t top, int64_t n,
                                                  const CodeMap &map, CodedBlock to) {
  const float *limits = map.limits;
  const int32_t *cells = map.cells;
  const int32_t first = map.firstCell, last = map.cellCount - 1, zero = map.zero;
  float scale = number(top), divisor = top ? scale : 1.f;
  uint8_t *__restrict codes = to.codes;
  *to.scale = scale;
  CT_INDEPENDENT
  for (int64_t i = 0; i < n; i++) {
    float ratio = x[i] / divisor;
    uint32_t size = magnitude(ratio);
    int32_t cell = static_cast<int32_t>(size >> 16) - first;
    cell = cell < 0 ? 0 : cell;
    cell = cell > last ? last : cell;
    int32_t code = cells[cell];
    code += number(size) > limits[code] ? 1 : 0;
    if (isSigned) {
      // There is no -1: the map has 256 codes, and 0 is one of them.
      int32_t negative = bits(ratio) >> 31 ? 1 : 0, most = 128 - negative;
      code = code > most ? most : code;
      code = negative ? -code : code;
    } else {
      // A second moment that became 0 would leave the next steps of that value without a denominator.
      int32_t least = size ? 1 : 0;
      code = code < least ? least : code;
    }
    codes[i] = static_cast<uint8_t>(zero + code);
  }
}
}  // namespace

void adamw8(float *__restrict values, const float *__restrict gradient, CodedBlock first, CodedBlock second, int64_t n,
            const CodeMap &firstMap, const CodeMap &secondMap, const AdamWStep &step) {
  alignas(64) float m[block], v[block];
  const AdamWStep s = step;
  const float *ofFirst = firstMap.values, *ofSecond = secondMap.values;
  const float firstScale = *first.scale, secondScale = *second.scale;
  const uint8_t *__restrict c1 = first.codes, *__restrict c2 = second.codes;
  uint32_t topFirst = 0, topSecond = 0;
  CT_INDEPENDENT
  for (int64_t i = 0; i < n; i++) {
    float g = gradient[i] * s.gradientFactor;
    float a = ofFirst[c1[i]] * firstScale * s.beta1 + g * s.rest1;
    float b = ofSecond[c2[i]] * secondScale * s.beta2 + g * g * s.rest2;
    m[i] = a;
    v[i] = b;
    uint32_t sizeA = magnitude(a), sizeB = magnitude(b);
    topFirst = sizeA > topFirst ? sizeA : topFirst;
    topSecond = sizeB > topSecond ? sizeB : topSecond;
    values[i] = values[i] * s.decay - a / (__builtin_sqrtf(b) * s.inverseRoot + s.epsilon) * s.size;
  }
  encode<true>(m, topFirst, n, firstMap, first);
  encode<false>(v, topSecond, n, secondMap, second);
}
}  // namespace ct::CT_LEVEL
