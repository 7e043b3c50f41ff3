// SPDX-License-Identifier: Apache-2.0
// Runs every kernel of every level this processor has on arrays of exactly the size given, of many sizes, and
// compares them with loops in float64. `make check` compiles it with address and undefined-behaviour sanitizers.
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#if defined(__aarch64__)
#include <sys/prctl.h>
#endif

#include "../kernels/kernels.hpp"

using namespace ct;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;

namespace {
std::mt19937 engine(1);
int failures = 0, checks = 0;

Floats random(int64_t n, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  Floats v(n);
  for (float &x : v) x = normal(engine);
  v.shrink_to_fit();
  return v;
}

void expect(const char *level, const char *what, int64_t n, double found, double expected, double limit) {
  checks++;
  if (std::abs(found - expected) <= limit * (1 + std::abs(expected))) return;
  failures++;
  std::printf("%s %s of %ld: %.9g instead of %.9g\n", level, what, static_cast<long>(n), found, expected);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

void elementwise(const Kernels &k, int64_t n) {
  auto a = random(n, 6), b = random(n), g = random(n);
  Floats y(n), ga(n), gb(n);
  k.swigluForward(a.data(), b.data(), y.data(), n);
  k.swigluBackward(a.data(), b.data(), g.data(), ga.data(), gb.data(), n);
  for (int64_t i = 0; i < n; i++) {
    double s = sigmoid(a[i]);
    expect(k.level, "swiglu", n, y[i], a[i] * s * b[i], 1e-6);
    expect(k.level, "swiglu gate", n, ga[i], double(g[i]) * b[i] * (s + a[i] * s * (1 - s)), 1e-6);
    expect(k.level, "swiglu up", n, gb[i], g[i] * a[i] * s, 1e-6);
  }
  auto x = a;
  k.axpy(0.5f, b.data(), x.data(), n);
  k.scale(x.data(), 2, 1, n);
  double sum = 0, dot = 0, squares = 0, top = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    expect(k.level, "axpy, scale", n, x[i], 2.0 * a[i] + b[i] + 1, 1e-6);
    sum += a[i];
    dot += double(a[i]) * b[i];
    squares += double(a[i]) * a[i];
    top = std::fmax(top, a[i]);
  }
  double limit = 1e-6 * (1 + std::sqrt(squares));
  expect(k.level, "sum", n, k.sum(a.data(), n), sum, limit);
  expect(k.level, "dot", n, k.dot(a.data(), b.data(), n), dot, limit);
  expect(k.level, "largest", n, std::isinf(top) ? 0 : k.largest(a.data(), n), std::isinf(top) ? 0 : top, 0);
}

void norm(const Kernels &k, int64_t width) {
  int64_t rows = 3;
  auto x = random(rows * width), r = random(rows * width), w = random(width), g = random(rows * width);
  Floats sum(rows * width), y(rows * width), inverse(rows), gx(rows * width), gw(width);
  k.rmsNormForward(x.data(), r.data(), w.data(), sum.data(), y.data(), inverse.data(), rows, width, 1e-5f);
  k.rmsNormBackward(sum.data(), w.data(), inverse.data(), g.data(), r.data(), gx.data(), gw.data(), rows, width);
  k.rmsNormBackward(sum.data(), w.data(), inverse.data(), g.data(), nullptr, gx.data(), nullptr, rows, width);
  Doubles weights(width);
  for (int64_t row = 0; row < rows; row++) {
    double squares = 0, products = 0;
    for (int64_t i = 0; i < width; i++) {
      double s = double(x[row * width + i]) + r[row * width + i];
      squares += s * s;
      products += double(g[row * width + i]) * w[i] * s;
    }
    double inv = 1 / std::sqrt(squares / double(width) + 1e-5);
    expect(k.level, "rms", width, inverse[row], inv, 1e-6);
    for (int64_t i = 0; i < width; i++) {
      int64_t at = row * width + i;
      double s = double(x[at]) + r[at], term = s * inv * inv * inv * products / double(width);
      expect(k.level, "norm", width, y[at], s * inv * w[i], 2e-6);
      expect(k.level, "norm gradient", width, gx[at], g[at] * w[i] * inv - term, 2e-6 * (1 + std::abs(term)));
      weights[i] += g[at] * s * inv;
    }
  }
  for (int64_t i = 0; i < width; i++) expect(k.level, "norm weight", width, gw[i], weights[i], 2e-6);
  k.rmsNormForward(x.data(), nullptr, w.data(), nullptr, y.data(), inverse.data(), rows, width, 1e-5f);
}

void rotation(const Kernels &k, int64_t half) {
  int64_t width = 2 * half + half % 3, heads = 2;
  auto x = random(heads * width), angle = random(half, 3);
  Floats c(half), s(half), y(heads * width), back(heads * width);
  for (int64_t i = 0; i < half; i++) c[i] = std::cos(angle[i]), s[i] = std::sin(angle[i]);
  k.rotate(x.data(), width, y.data(), width, c.data(), s.data(), 1, heads, half, width);
  k.rotate(y.data(), width, back.data(), width, c.data(), s.data(), -1, heads, half, width);
  for (int64_t i = 0; i < heads * width; i++) expect(k.level, "rotation and back", width, back[i], x[i], 1e-6);
  for (int64_t i = 0; i < half; i++)
    expect(k.level, "rotation", width, y[i], double(x[i]) * c[i] - double(x[i + half]) * s[i], 1e-6);
  k.rotateNeighbours(x.data(), width, y.data(), width, c.data(), s.data(), 1, heads, half, width);
  k.rotateNeighbours(y.data(), width, back.data(), width, c.data(), s.data(), -1, heads, half, width);
  for (int64_t i = 0; i < heads * width; i++) expect(k.level, "neighbours and back", width, back[i], x[i], 1e-6);
  for (int64_t i = 0; i < half; i++)
    expect(k.level, "neighbours", width, y[2 * i], double(x[2 * i]) * c[i] - double(x[2 * i + 1]) * s[i], 1e-6);
}

void losses(const Kernels &k, int64_t n, float scale) {
  if (n == 0) return;
  auto z = random(n, scale), t = random(n);
  float top = k.largest(z.data(), n);
  Floats e(n), in = z, gradient(n);
  double s = k.exponentials(z.data(), top, e.data(), n), exact = 0, mass = 0;
  k.exponentials(in.data(), top, in.data(), n);
  for (int64_t i = 0; i < n; i++) {
    expect(k.level, "exponential", n, e[i], std::exp(double(z[i]) - top), 1e-6);
    expect(k.level, "exponential in place", n, in[i], e[i], 0);
    exact += std::exp(double(z[i]) - top);
    mass += std::exp(double(t[i]));
  }
  expect(k.level, "sum of exponentials", n, s / exact, 1, 1e-6);
  Doubles p(n), logP(n);
  for (int64_t i = 0; i < n; i++) logP[i] = t[i] - std::log(mass), p[i] = std::exp(logP[i]);
  for (bool reverse : {false, true}) {
    for (bool unnormalised : {false, true}) {
      auto found = k.divergence(z.data(), p.data(), logP.data(), n, reverse, unnormalised, gradient.data());
      double value = 0;
      for (int64_t i = 0; i < n; i++) {
        double logQ = double(z[i]) - top - std::log(exact);
        value += reverse ? std::exp(logQ) * (logQ - logP[i]) : p[i] * (logP[i] - logQ);
      }
      expect(k.level, "divergence", n, found.value, value, 2e-6);
      expect(k.level, "log sum", n, found.logSum, top + std::log(exact), 1e-6);
      for (int64_t i = 0; i < n; i++) {
        double logQ = double(z[i]) - top - std::log(exact), q = std::exp(logQ);
        double slope = reverse ? q * (logQ - logP[i] - value) : q - p[i];
        expect(k.level, "slope", n, gradient[i], slope - (unnormalised ? q : 0), 5e-6);
      }
    }
  }
}

/// One step from zero moments, with a map of equal parts: the value moves by AdamW's formula, and codes stay in bounds.
void adamw(const Kernels &k, int64_t n) {
  Floats values(256), limits(256);
  std::vector<int32_t> cells(std::bit_cast<uint32_t>(1.f) / 65536 - 0x3000 + 1);
  for (int i = 0; i < 256; i++) values[i] = static_cast<float>(i) / 255, limits[i] = (static_cast<float>(i) + 0.5f) / 255;
  limits[255] = INFINITY;
  for (size_t c = 0; c < cells.size(); c++) {
    float start = std::bit_cast<float>(static_cast<uint32_t>(c + 0x3000) << 16);
    while (limits[cells[c]] < start) cells[c]++;
  }
  CodeMap map{values.data(), limits.data(), cells.data(), 0x3000, static_cast<int32_t>(cells.size()), 0};
  AdamWStep step{0.99f, 0.9f, 0.1f, 0.999f, 0.001f, 0.01f, 30.f, 1e-8f, 0.5f};
  auto x = random(n), g = random(n), before = x;
  for (float &v : g) v = std::abs(v);
  std::vector<uint8_t> first(n), second(n);
  first.shrink_to_fit(), second.shrink_to_fit();
  float a = 0, b = 0;
  k.adamw8(x.data(), g.data(), {first.data(), &a}, {second.data(), &b}, n, map, map, step);
  for (int64_t i = 0; i < n; i++) {
    double m = 0.1 * 0.5 * g[i], v = 0.001 * 0.25 * g[i] * double(g[i]);
    expect(k.level, "adamw", n, x[i], before[i] * 0.99 - 0.01 * m / (std::sqrt(v) * 30 + 1e-8), 1e-6);
    expect(k.level, "second moment", n, second[i] / 255. * b, v, 0.51 / 255 * b / (1 + v) + 1e-12 + (v < b / 255 ? b : 0));
  }
}

/// The largest error of e^x over every 64th float of [-87, 88], in units in the last place.
double worstExponential(const Kernels &k) {
  Floats x;
  for (float v = -87; v < 88; v = v < 0 ? -std::bit_cast<float>(std::bit_cast<uint32_t>(-v) - 64)
                                        : std::bit_cast<float>(std::bit_cast<uint32_t>(v) + 64)) {
    x.push_back(v);
    if (v < 0 && v > -1e-6f) v = 1e-6f;
  }
  Floats e(x.size());
  k.exponentials(x.data(), 0, e.data(), static_cast<int64_t>(x.size()));
  double worst = 0;
  for (size_t i = 0; i < x.size(); i++) {
    double exact = std::exp(double(x[i])), unit = std::ldexp(1.0, std::ilogb(exact) - 23);
    worst = std::fmax(worst, std::abs(e[i] - exact) / unit);
  }
  std::printf("%s: e^x within %.3f units in the last place over %zu values\n", k.level, worst, x.size());
  return worst;
}
}  // namespace

int main() {
  std::vector<const Kernels *> levels{&baseline::table};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) levels.push_back(&avx2::table);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) levels.push_back(&avx512::table);
#elif defined(__aarch64__)
  if (prctl(PR_SVE_GET_VL) >= 0 && (prctl(PR_SVE_GET_VL) & PR_SVE_VL_LEN_MASK) == 32) levels.push_back(&sve256::table);
#endif
  for (const auto *k : levels) {
    for (int64_t n = 0; n < 150; n++) {
      elementwise(*k, n);
      if (n > 0) norm(*k, n);
      rotation(*k, n);
      adamw(*k, n);
      losses(*k, n, 1);
      losses(*k, n, 1e4f);
    }
    for (int64_t n : {401, 1271, 4095, 4096, 4097, 9001}) elementwise(*k, n), losses(*k, n, 3);
    for (int64_t n : {255, 256}) adamw(*k, n);
    if (worstExponential(*k) > 2) failures++;
  }
  std::printf("%d checks, %d failures\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
