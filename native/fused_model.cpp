// SPDX-License-Identifier: Apache-2.0
// RMSNorm, rotary embedding and SwiGLU as single differentiable operations over our kernels.
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "operators.hpp"

using namespace ct;

namespace {
// --- RMSNorm ---------------------------------------------------------------------------------------------------------

void checkNorm(const at::Tensor &x, const at::Tensor &weight) {
  TORCH_CHECK(x.dim() > 0 && weight.dim() == 1 && weight.size(0) == x.size(-1), "rms_norm: a weight of ",
              weight.sizes(), " for ", x.sizes());
}

/// What was normalised (x, or x + residual), the result, and 1 / rms of each row.
struct Normalized {
  at::Tensor from, y, inverse;
};

Normalized normalize(const at::Tensor &input, const std::optional<at::Tensor> &residual, const at::Tensor &weight,
                     double epsilon) {
  auto x = input.contiguous(), w = weight.contiguous(), r = residual ? residual->contiguous() : at::Tensor();
  int64_t width = x.size(-1), rows = width ? x.numel() / width : 0;
  auto total = r.defined() ? at::empty_like(x) : at::Tensor();
  auto y = at::empty_like(x), inverse = at::empty({rows}, x.options());
  const float *px = read(x), *pr = read(r), *pw = read(w);
  float *pt = write(total), *py = write(y), *pi = write(inverse);
  const auto &k = kernels();
  at::parallel_for(0, rows, grain(width), [&](int64_t from, int64_t to) {
    int64_t at = from * width;
    k.rmsNormForward(px + at, pr ? pr + at : nullptr, pw, pt ? pt + at : nullptr, py + at, pi + from, to - from, width,
                     static_cast<float>(epsilon));
  });
  return {r.defined() ? total : x, y, inverse};
}

struct RMSNorm : torch::autograd::Function<RMSNorm> {
  /// Without residual: {y}. With it: {x + residual, y}.
  static variable_list forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                               const std::optional<at::Tensor> &residual, double epsilon) {
    auto found = normalize(x, residual, weight, epsilon);
    context->set_materialize_grads(false);
    context->saved_data["residual"] = residual.has_value();
    context->save_for_backward({found.from, weight.contiguous(), found.inverse});
    if (residual) return {found.from, found.y};
    return {found.y};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuseSecondOrder("rmsNorm");
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &w = saved[1], &inverse = saved[2];
    bool residual = context->saved_data["residual"].toBool();
    auto gsum = residual ? gradients[0] : at::Tensor(), gy = gradients.back();
    auto none = at::Tensor();
    if (!gy.defined()) return {gsum, none, gsum, none};
    gy = gy.contiguous();
    if (gsum.defined()) gsum = gsum.contiguous();
    int64_t width = x.size(-1), rows = inverse.numel();
    auto gx = at::empty_like(x);

    // Rows are summed in blocks that depend on their number alone, so that threads cannot change the result.
    bool wantsWeight = context->needs_input_grad(1);
    int64_t block = std::max<int64_t>(16, (rows + 63) / 64), blocks = (rows + block - 1) / block;
    auto partial = wantsWeight ? at::zeros({blocks, width}, w.options()) : none;
    auto gw = wantsWeight ? at::zeros({width}, w.options()) : none;
    const float *px = read(x), *pw = read(w), *pi = read(inverse), *pg = read(gy), *ps = read(gsum);
    float *po = write(gx), *pp = write(partial);
    const auto &k = kernels();
    at::parallel_for(0, blocks, std::max<int64_t>(1, grain(width) / block), [&](int64_t from, int64_t to) {
      for (int64_t b = from; b < to; b++) {
        int64_t row = b * block, at = row * width;
        k.rmsNormBackward(px + at, pw, pi + row, pg + at, ps ? ps + at : nullptr, po + at,
                          pp ? pp + b * width : nullptr, std::min(block, rows - row), width);
      }
    });
    for (int64_t b = 0; pp && b < blocks; b++) k.axpy(1.f, pp + b * width, write(gw), width);
    return {gx, gw, residual ? gx : none, none};
  }
};

using Pair = std::tuple<at::Tensor, at::Tensor>;

at::Tensor composedNorm(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
  return at::rms_norm_symint(x, {x.sym_size(-1)}, weight, epsilon);
}
at::Tensor norm(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
  checkNorm(x, weight);
  return normalize(x, {}, weight, epsilon).y;
}
at::Tensor recordedNorm(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
  checkNorm(x, weight);
  return RMSNorm::apply(x, weight, std::optional<at::Tensor>(), epsilon)[0];
}

void checkResidual(const at::Tensor &x, const at::Tensor &residual) {
  TORCH_CHECK(residual.sizes() == x.sizes(), "add_rms_norm: ", residual.sizes(), " added to ", x.sizes());
}
Pair composedAddNorm(const at::Tensor &x, const at::Tensor &residual, const at::Tensor &weight, double epsilon) {
  auto sum = x + residual;
  return {sum, composedNorm(sum, weight, epsilon)};
}
Pair addNorm(const at::Tensor &x, const at::Tensor &residual, const at::Tensor &weight, double epsilon) {
  checkNorm(x, weight);
  checkResidual(x, residual);
  auto found = normalize(x, residual, weight, epsilon);
  return {found.from, found.y};
}
Pair recordedAddNorm(const at::Tensor &x, const at::Tensor &residual, const at::Tensor &weight, double epsilon) {
  checkNorm(x, weight);
  checkResidual(x, residual);
  auto both = RMSNorm::apply(x, weight, std::optional(residual), epsilon);
  return {both[0], both[1]};
}

// --- rotary embedding ------------------------------------------------------------------------------------------------

/// Elements of one token's head lie side by side; tokens and heads may be anywhere.
at::Tensor unitStride(const at::Tensor &t) { return t.stride(3) == 1 ? t : t.contiguous(); }

struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor turn(const at::Tensor &tensor, const at::Tensor &cosine, const at::Tensor &sine, float sign,
                         bool adjacent) {
    if (!tensor.defined()) return tensor;
    auto x = unitStride(tensor);
    auto y = at::empty(x.sizes(), x.options());
    int64_t length = x.size(1), heads = x.size(2), width = x.size(3), half = cosine.size(-1);
    bool each = cosine.dim() == 3;  // angles of their own for every sequence
    const float *px = read(x), *pc = read(cosine), *ps = read(sine);
    float *py = write(y);
    auto rotate = adjacent ? kernels().rotateNeighbours : kernels().rotate;
    at::parallel_for(0, x.size(0) * length, grain(heads * width), [&](int64_t from, int64_t to) {
      for (int64_t token = from; token < to; token++) {
        int64_t b = token / length, t = token % length, row = (each ? token : t) * half;
        rotate(px + b * x.stride(0) + t * x.stride(1), x.stride(2), py + token * heads * width, width, pc + row,
               ps + row, sign, heads, half, width);
      }
    });
    return y;
  }

  static variable_list forward(AutogradContext *context, const at::Tensor &query, const at::Tensor &key,
                               const at::Tensor &cosine, const at::Tensor &sine, bool adjacent) {
    context->set_materialize_grads(false);
    context->save_for_backward({cosine, sine});
    context->saved_data["adjacent"] = adjacent;
    return {turn(query, cosine, sine, 1.f, adjacent), turn(key, cosine, sine, 1.f, adjacent)};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuseSecondOrder("rotate");
    auto saved = context->get_saved_variables();
    bool adjacent = context->saved_data["adjacent"].toBool();
    return {turn(gradients[0], saved[0], saved[1], -1.f, adjacent),
            turn(gradients[1], saved[0], saved[1], -1.f, adjacent), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/// Cosines and sines `[T, half]` or `[B, T, half]` that `[B, T, heads, D]` can be turned by.
void checkRotation(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine) {
  TORCH_CHECK(x.dim() == 4, "rotate: [B, T, heads, D] is needed, got ", x.sizes());
  int64_t d = cosine.dim();
  bool fits = (d == 2 || (d == 3 && cosine.size(0) == x.size(0))) && cosine.size(d - 2) == x.size(1) &&
              2 * cosine.size(d - 1) <= x.size(3) && cosine.sizes() == sine.sizes();
  TORCH_CHECK(fits, "rotate: cosines ", cosine.sizes(), " and sines ", sine.sizes(), " for ", x.sizes());
}

at::Tensor composedTurn(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, bool adjacent) {
  auto c = cosine.unsqueeze(-2), s = sine.unsqueeze(-2);  // the same for every head
  auto half = cosine.sym_size(-1), turned = half * 2, width = x.sym_size(-1);
  auto first = x.narrow_symint(-1, 0, turned);
  at::Tensor a, b;
  if (adjacent) {
    auto shape = x.sym_sizes().vec();
    shape.back() = half;
    shape.emplace_back(2);
    auto apart = first.reshape_symint(shape);
    a = apart.select(-1, 0), b = apart.select(-1, 1);
  } else {
    a = first.narrow_symint(-1, 0, half), b = first.narrow_symint(-1, half, half);
  }
  std::vector<at::Tensor> both{a * c - b * s, b * c + a * s};
  auto y = adjacent ? at::stack(both, -1).flatten(-2) : at::cat(both, -1);
  if (TORCH_GUARD_OR_FALSE(turned.sym_eq(width))) return y;
  return at::cat({y, x.narrow_symint(-1, turned, width - turned)}, -1);
}
Pair composedRotate(const at::Tensor &query, const at::Tensor &key, const at::Tensor &cosine, const at::Tensor &sine,
                    bool adjacent) {
  return {composedTurn(query, cosine, sine, adjacent), composedTurn(key, cosine, sine, adjacent)};
}
Pair rotate(const at::Tensor &query, const at::Tensor &key, const at::Tensor &cosine, const at::Tensor &sine,
            bool adjacent) {
  auto c = cosine.contiguous(), s = sine.contiguous();
  checkRotation(query, c, s);
  checkRotation(key, c, s);
  return {Rotate::turn(query, c, s, 1.f, adjacent), Rotate::turn(key, c, s, 1.f, adjacent)};
}
Pair recordedRotate(const at::Tensor &query, const at::Tensor &key, const at::Tensor &cosine, const at::Tensor &sine,
                    bool adjacent) {
  auto c = cosine.contiguous(), s = sine.contiguous();
  checkRotation(query, c, s);
  checkRotation(key, c, s);
  auto both = Rotate::apply(query, key, c, s, adjacent);
  return {both[0], both[1]};
}

// --- SwiGLU ----------------------------------------------------------------------------------------------------------

/// Rows of gate and up, either two tensors or the halves of one.
struct Halves {
  const float *gate, *up;
  int64_t rows, width, stride;
  Halves(const at::Tensor &a, const at::Tensor &b) : gate(read(a)), up(read(b)) {
    bool joined = !b.defined();
    width = joined ? a.size(-1) / 2 : a.numel();
    rows = width == 0 ? 0 : joined ? a.numel() / (2 * width) : 1;
    stride = joined ? 2 * width : 0;
    if (joined) up = gate + width;
  }
  /// Calls body(offset into gate and up, offset into the output, count) from several threads.
  template <class Body> void each(Body body) const {
    if (rows == 1) {
      at::parallel_for(0, width, 16384, [&](int64_t from, int64_t to) { body(from, from, to - from); });
    } else {
      at::parallel_for(0, rows, grain(width), [&](int64_t from, int64_t to) {
        for (int64_t row = from; row < to; row++) body(row * stride, row * width, width);
      });
    }
  }
};

struct SwiGLU : torch::autograd::Function<SwiGLU> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &gate, const std::optional<at::Tensor> &up) {
    auto a = gate.contiguous(), b = up ? up->contiguous() : at::Tensor();
    context->save_for_backward({a, b});
    return swiglu(a, b);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuseSecondOrder("swiglu");
    auto saved = context->get_saved_variables();
    auto [ga, gb] = swigluGradients(saved[0], saved[1], gradients[0].contiguous());
    return {ga, gb};
  }
};

void checkGate(const at::Tensor &gate, const std::optional<at::Tensor> &up) {
  TORCH_CHECK(!up || up->sizes() == gate.sizes(), "swiglu: gate ", gate.sizes(), " and up ", up->sizes());
  TORCH_CHECK(up || (gate.dim() > 0 && gate.size(-1) % 2 == 0), "swiglu: no halves in ", gate.sizes());
}
at::Tensor composedSwiGLU(const at::Tensor &gate, const std::optional<at::Tensor> &up) {
  if (up) return at::silu(gate) * *up;
  auto halves = gate.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}
at::Tensor gated(const at::Tensor &gate, const std::optional<at::Tensor> &up) {
  checkGate(gate, up);
  return swiglu(gate.contiguous(), up ? up->contiguous() : at::Tensor());
}
at::Tensor recordedSwiGLU(const at::Tensor &gate, const std::optional<at::Tensor> &up) {
  checkGate(gate, up);
  return SwiGLU::apply(gate, up);
}
}  // namespace

namespace ct {
at::Tensor swiglu(const at::Tensor &gate, const at::Tensor &up) {
  auto shape = gate.sizes().vec();
  if (!up.defined()) shape.back() /= 2;
  auto y = at::empty(shape, gate.options());
  Halves in(gate, up);
  float *py = write(y);
  const auto &k = kernels();
  in.each([&](int64_t at, int64_t out, int64_t n) { k.swigluForward(in.gate + at, in.up + at, py + out, n); });
  return y;
}

std::pair<at::Tensor, at::Tensor> swigluGradients(const at::Tensor &gate, const at::Tensor &up, const at::Tensor &gy) {
  auto ga = at::empty_like(gate), gb = up.defined() ? at::empty_like(up) : at::Tensor();
  Halves in(gate, up), out(ga, gb);
  const float *pg = read(gy);
  const auto &k = kernels();
  in.each([&](int64_t at, int64_t from, int64_t n) {
    k.swigluBackward(in.gate + at, in.up + at, pg + from, const_cast<float *>(out.gate) + at,
                     const_cast<float *>(out.up) + at, n);
  });
  return {ga, gb};
}
}  // namespace ct

void ct::defineModel(torch::Library &library) {
  // x / rms(x) · weight over the last dimension
  Operator<&composedNorm, &norm, &recordedNorm>::define(library, "rms_norm(Tensor x, Tensor weight, float eps) -> Tensor");
  // sum = x + residual, and rms_norm of it
  Operator<&composedAddNorm, &addNorm, &recordedAddNorm>::define(
      library, "add_rms_norm(Tensor x, Tensor residual, Tensor weight, float eps) -> (Tensor sum, Tensor normalized)");
  // Rotary embedding of [B, T, heads, D] by cosines and sines [T, half] or [B, T, half]; pairs are (j, j + half), or
  // (2j, 2j + 1).
  Operator<&composedRotate, &rotate, &recordedRotate>::define(
      library, "rotate(Tensor query, Tensor key, Tensor cosine, Tensor sine, bool adjacent=False) "
               "-> (Tensor query, Tensor key)");
  // silu(gate) · up; without up, gate holds both halves side by side in its last dimension.
  Operator<&composedSwiGLU, &gated, &recordedSwiGLU>::define(library, "swiglu(Tensor gate, Tensor? up=None) -> Tensor");
}
