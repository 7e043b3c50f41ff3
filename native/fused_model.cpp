// SPDX-License-Identifier: Apache-2.0
// RMSNorm, rotary embedding and SwiGLU as single differentiable operations over our kernels.
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include "fused.hpp"

using namespace ct;

namespace {
struct RMSNorm : torch::autograd::Function<RMSNorm> {
  /// Without residual: {y}. With it: {x + residual, y}.
  static variable_list forward(AutogradContext *context, const at::Tensor &input, const at::Tensor &weight,
                               const std::optional<at::Tensor> &residual, double epsilon) {
    auto x = input.contiguous(), w = weight.contiguous(), r = residual ? residual->contiguous() : at::Tensor();
    int64_t width = x.size(-1), rows = width ? x.numel() / width : 0;
    auto total = r.defined() ? at::empty_like(x) : at::Tensor();
    auto y = at::empty_like(x), inverse = at::empty({rows}, x.options());
    const float *px = read(x), *pr = read(r), *pw = read(w);
    float *pt = write(total), *py = write(y), *pi = write(inverse);
    const auto &k = kernels();
    at::parallel_for(0, rows, grain(width), [&](int64_t from, int64_t to) {
      int64_t at = from * width;
      k.rmsNormForward(px + at, pr ? pr + at : nullptr, pw, pt ? pt + at : nullptr, py + at, pi + from, to - from,
                       width, static_cast<float>(epsilon));
    });
    context->set_materialize_grads(false);
    context->saved_data["residual"] = r.defined();
    context->save_for_backward({r.defined() ? total : x, w, inverse});
    if (r.defined()) return {total, y};
    return {y};
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

/// Elements of one token's head lie side by side; tokens and heads may be anywhere.
at::Tensor unitStride(const at::Tensor &t) { return t.stride(3) == 1 ? t : t.contiguous(); }

struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor turn(const at::Tensor &tensor, const at::Tensor &cosine, const at::Tensor &sine, float sign,
                         bool neighbours) {
    if (!tensor.defined()) return tensor;
    auto x = unitStride(tensor);
    auto y = at::empty(x.sizes(), x.options());
    int64_t length = x.size(1), heads = x.size(2), width = x.size(3), half = cosine.size(-1);
    bool each = cosine.dim() == 3;  // angles of their own for every sequence
    const float *px = read(x), *pc = read(cosine), *ps = read(sine);
    float *py = write(y);
    auto rotate = neighbours ? kernels().rotateNeighbours : kernels().rotate;
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
                               const at::Tensor &cosine, const at::Tensor &sine, bool neighbours) {
    context->set_materialize_grads(false);
    context->save_for_backward({cosine, sine});
    context->saved_data["neighbours"] = neighbours;
    return {turn(query, cosine, sine, 1.f, neighbours), turn(key, cosine, sine, 1.f, neighbours)};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuseSecondOrder("rotate");
    auto saved = context->get_saved_variables();
    bool neighbours = context->saved_data["neighbours"].toBool();
    return {turn(gradients[0], saved[0], saved[1], -1.f, neighbours),
            turn(gradients[1], saved[0], saved[1], -1.f, neighbours), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

/// Cosines and sines `[T, half]` or `[B, T, half]` that `[B, T, heads, D]` can be turned by.
void checkRotation(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine) {
  check("rotate", x);
  check("rotate", cosine);
  check("rotate", sine);
  TORCH_CHECK(x.dim() == 4, "rotate: [B, T, heads, D] is needed, got ", x.sizes());
  int64_t d = cosine.dim();
  bool fits = (d == 2 || (d == 3 && cosine.size(0) == x.size(0))) && cosine.size(d - 2) == x.size(1) &&
              2 * cosine.size(d - 1) <= x.size(3) && cosine.sizes() == sine.sizes();
  TORCH_CHECK(fits, "rotate: cosines ", cosine.sizes(), " and sines ", sine.sizes(), " for ", x.sizes());
}

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

std::optional<at::Tensor> optional(ct_tensor t) { return t ? std::optional(ref(t)) : std::nullopt; }
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

extern "C" {
int ct_rms_norm(ct_tensor x, ct_tensor residual, ct_tensor weight, double epsilon, ct_tensor *sum, ct_tensor *out) {
  return guard([&] {
    auto r = optional(residual);
    check("rmsNorm", ref(x));
    check("rmsNorm", ref(weight));
    TORCH_CHECK(ref(x).dim() > 0 && ref(weight).dim() == 1 && ref(weight).size(0) == ref(x).size(-1),
                "rmsNorm: a weight of ", ref(weight).sizes(), " for ", ref(x).sizes());
    TORCH_CHECK(!r || r->sizes() == ref(x).sizes(), "rmsNorm: ", r->sizes(), " added to ", ref(x).sizes());
    if (r) check("rmsNorm", *r);
    auto results = RMSNorm::apply(ref(x), ref(weight), r, epsilon);
    *out = own(std::move(results.back()));
    if (r) *sum = own(std::move(results.front()));
  });
}

int ct_rotate(ct_tensor query, ct_tensor key, ct_tensor cosine, ct_tensor sine, bool neighbours,
              ct_tensor *rotatedQuery, ct_tensor *rotatedKey) {
  return guard([&] {
    auto c = ref(cosine).contiguous(), s = ref(sine).contiguous();
    checkRotation(ref(query), c, s);
    checkRotation(ref(key), c, s);
    auto results = Rotate::apply(ref(query), ref(key), c, s, neighbours);
    *rotatedQuery = own(std::move(results[0]));
    *rotatedKey = own(std::move(results[1]));
  });
}

int ct_swiglu(ct_tensor gate, ct_tensor up, ct_tensor *out) {
  return guard([&] {
    auto b = optional(up);
    check("swiglu", ref(gate));
    if (b) {
      check("swiglu", *b);
      TORCH_CHECK(b->sizes() == ref(gate).sizes(), "swiglu: gate ", ref(gate).sizes(), " and up ", b->sizes());
    } else {
      TORCH_CHECK(ref(gate).dim() > 0 && ref(gate).size(-1) % 2 == 0, "swiglu: no halves in ", ref(gate).sizes());
    }
    *out = own(SwiGLU::apply(ref(gate), b));
  });
}
}
