// SPDX-License-Identifier: Apache-2.0
// Inner loops over float32 memory. No torch header, so that these files compile in an instant, once per instruction
// set; the level is chosen at run time. Rows are contiguous unless a stride is given; strides count elements.
#pragma once
#include <stdint.h>

namespace ct {
struct Divergence {
  double value;   ///< forward: Σ p (log p − log q); reverse: Σ q (log q − log p)
  double logSum;  ///< log Σ e^z
};

/// Codes of numbers in [-1, 1] or [0, 1]. Magnitude codes count from that of 0.
struct CodeMap {
  const float *values;   ///< [256] what each code stands for
  const float *limits;   ///< [256] the largest magnitude that a magnitude code is nearest to
  const int32_t *cells;  ///< by the upper 16 bits of a magnitude: the magnitude code of the smallest such number
  int32_t firstCell, cellCount;
  int32_t zero;  ///< the code of 0
};

/// One moment's codes of a block, in units of its largest magnitude.
struct CodedBlock {
  uint8_t *codes;
  float *scale;
};

struct AdamWStep {
  float decay;  ///< 1 - learning rate * weight decay
  float beta1, rest1, beta2, rest2;  ///< rest = 1 - beta
  float size;                        ///< learning rate / (1 - beta1^step)
  float inverseRoot;                 ///< 1 / sqrt(1 - beta2^step)
  float epsilon, gradientFactor;
};

struct Kernels {
  const char *level;

  /// sum = x + residual (both skipped if residual is null: then x itself is normalised), y = sum·r·w with
  /// r = 1/√(mean(sum²) + ε), which is kept in `inverse`.
  void (*rmsNormForward)(const float *x, const float *residual, const float *w, float *sum, float *y, float *inverse,
                         int64_t rows, int64_t width, float epsilon);
  /// x is what was normalised. gx = r·(w⊙gy) − x·r³/width·⟨w⊙gy, x⟩, plus gsum if that is given. gw (may be null) is
  /// added to.
  void (*rmsNormBackward)(const float *x, const float *w, const float *inverse, const float *gy, const float *gsum,
                          float *gx, float *gw, int64_t rows, int64_t width);

  /// One token's heads: the pair (x[j], x[j + half]) of each is turned by the angle of cosine[j], sign·sine[j];
  /// entries from 2·half to width are copied.
  void (*rotate)(const float *x, int64_t xHead, float *y, int64_t yHead, const float *cosine, const float *sine,
                 float sign, int64_t heads, int64_t half, int64_t width);
  /// The same with neighbours as pairs: (x[2j], x[2j + 1]).
  void (*rotateNeighbours)(const float *x, int64_t xHead, float *y, int64_t yHead, const float *cosine,
                           const float *sine, float sign, int64_t heads, int64_t half, int64_t width);

  /// y = gate·sigmoid(gate)·up
  void (*swigluForward)(const float *gate, const float *up, float *y, int64_t n);
  void (*swigluBackward)(const float *gate, const float *up, const float *gy, float *ggate, float *gup, int64_t n);

  /// y += factor·x
  void (*axpy)(float factor, const float *x, float *y, int64_t n);
  double (*dot)(const float *x, const float *y, int64_t n);
  double (*sum)(const float *x, int64_t n);
  /// x = x·factor + term
  void (*scale)(float *x, float factor, float term, int64_t n);

  /// The largest element; NaN is passed over (the exponentials find it).
  float (*largest)(const float *x, int64_t n);
  /// Σ e^(x − shift), the terms written to e unless it is null; e may be x.
  double (*exponentials)(const float *x, float shift, float *e, int64_t n);
  /// Divergence between a target p over n candidates and q = softmax(z), and its derivative by z; `unnormalised`
  /// takes the derivative of (value − logSum) instead.
  Divergence (*divergence)(const float *z, const double *p, const double *logP, int64_t n, bool reverse,
                           bool unnormalised, float *gradient);

  /// AdamW on a block of n <= 256 values whose moments are coded. No product and sum are fused here: every level gives
  /// the same bits.
  void (*adamw8)(float *values, const float *gradient, CodedBlock first, CodedBlock second, int64_t n,
                 const CodeMap &firstMap, const CodeMap &secondMap, const AdamWStep &step);
};

/// The level in use on this thread.
const Kernels &kernels();
/// Whether this thread asked for ATen's operators in place of kernels.
bool isPlainAsked();

#define CT_DECLARE(level) \
  namespace level { extern const Kernels table; }
CT_DECLARE(baseline)
#if defined(__x86_64__)
CT_DECLARE(avx2)
CT_DECLARE(avx512)
#elif defined(__aarch64__)
CT_DECLARE(sve256)
#endif
#undef CT_DECLARE

// Defined once per level, by the files beside this one.
#ifdef CT_LEVEL
namespace CT_LEVEL {
void rmsNormForward(const float *, const float *, const float *, float *, float *, float *, int64_t, int64_t, float);
void rmsNormBackward(const float *, const float *, const float *, const float *, const float *, float *, float *,
                     int64_t, int64_t);
void rotate(const float *, int64_t, float *, int64_t, const float *, const float *, float, int64_t, int64_t, int64_t);
void rotateNeighbours(const float *, int64_t, float *, int64_t, const float *, const float *, float, int64_t, int64_t,
                      int64_t);
void swigluForward(const float *, const float *, float *, int64_t);
void swigluBackward(const float *, const float *, const float *, float *, float *, int64_t);
void axpy(float, const float *, float *, int64_t);
double dot(const float *, const float *, int64_t);
double sum(const float *, int64_t);
void scale(float *, float, float, int64_t);
float largest(const float *, int64_t);
double exponentials(const float *, float, float *, int64_t);
Divergence divergence(const float *, const double *, const double *, int64_t, bool, bool, float *);
void adamw8(float *, const float *, CodedBlock, CodedBlock, int64_t, const CodeMap &, const CodeMap &,
            const AdamWStep &);
}  // namespace CT_LEVEL
#endif
}  // namespace ct
