// SPDX-License-Identifier: Apache-2.0
// Linear layers whose frozen weight is stored in 4 bits an element: indices into a table of 16 values, and a scale for every
// 64 neighbours in the order of rows (NF4 of QLoRA, Dettmers et al. 2023, arXiv 2305.14314). The weight is made when a
// product needs it, in the forward and again in the backward pass; nothing of its size is kept in between.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "operators.hpp"
#include "products.hpp"

using namespace ct;

namespace {
/// Elements that share a scale, and scales that share a scale of their own.
constexpr int64_t block = 64, group = 256;

/// What is stored of a weight.
struct Codes {
  /// uint8 [⌈n / 2⌉]: two elements a byte, the first in the upper half.
  at::Tensor bytes;
  /// float32 [⌈n / 64⌉]; with `nested` uint8, codes themselves.
  at::Tensor scales;
  /// Undefined, or float32 [257 + ⌈scales / 256⌉]: the values of the 256 codes, an offset, and a scale for every 256 codes.
  at::Tensor nested;
  /// float32 [256, 2]: the two values of each byte.
  at::Tensor pairs;

  void check(int64_t count) const {
    auto blocks = (count + block - 1) / block;
    TORCH_CHECK(bytes.scalar_type() == at::kByte && bytes.dim() == 1 && bytes.size(0) == (count + 1) / 2,
                "4-bit codes of ", count, " elements: ", bytes.sizes(), " ", bytes.scalar_type());
    TORCH_CHECK(scales.dim() == 1 && scales.size(0) == blocks &&
                    scales.scalar_type() == (nested.defined() ? at::kByte : at::kFloat),
                "scales of ", blocks, " blocks: ", scales.sizes(), " ", scales.scalar_type());
    TORCH_CHECK(!nested.defined() || (nested.scalar_type() == at::kFloat && nested.dim() == 1 &&
                                      nested.size(0) == 257 + (blocks + group - 1) / group),
                "nested scales of ", blocks, " blocks: ", nested.sizes(), " ", nested.scalar_type());
    TORCH_CHECK(pairs.scalar_type() == at::kFloat && pairs.dim() == 2 && pairs.size(0) == 256 && pairs.size(1) == 2,
                "values of 256 bytes: ", pairs.sizes(), " ", pairs.scalar_type());
  }

  /// float32 [⌈n / 64⌉]
  at::Tensor blockScales() const {
    if (!nested.defined()) return scales;
    auto values = nested.narrow(0, 0, 256).index_select(0, scales.to(at::kInt));
    auto groups = nested.narrow(0, 257, nested.size(0) - 257).repeat_interleave(group);
    return values * groups.narrow(0, 0, scales.size(0)) + nested.select(0, 256);
  }
};

template <class T>
void fill(T *out, int64_t count, const uint8_t *bytes, const float *scales, const float *pairs) {
  at::parallel_for(0, (count + block - 1) / block, grain(block), [&](int64_t from, int64_t to) {
    for (int64_t b = from; b < to; b++) {
      float scale = scales[b];
      int64_t first = b * block, end = std::min(count, first + block);
      for (int64_t i = first; i + 1 < end; i += 2) {
        const float *pair = pairs + 2 * bytes[i / 2];
        out[i] = static_cast<T>(pair[0] * scale);
        out[i + 1] = static_cast<T>(pair[1] * scale);
      }
      if ((end - first) % 2) out[end - 1] = static_cast<T>(pairs[2 * bytes[end / 2]] * scale);
    }
  });
}

/// The weight that the codes stand for.
at::Tensor dequantized(const Codes &codes, at::IntArrayRef shape, at::ScalarType type) {
  c10::AutoGradMode unrecorded(false);
  auto count = c10::multiply_integers(shape);
  codes.check(count);
  auto scales = codes.blockScales();
  bool isOurs = !isPlainAsked() && isInMemory(codes.bytes) && isInMemory(scales) && isInMemory(codes.pairs);
  if (!isOurs) {
    auto values = codes.pairs.index_select(0, codes.bytes.to(at::kInt)).flatten().narrow(0, 0, count);
    return (values * scales.repeat_interleave(block).narrow(0, 0, count)).view(shape).to(type);
  }
  auto bytes = codes.bytes.contiguous(), pairs = codes.pairs.contiguous();
  scales = scales.contiguous();
  bool isHalf = type == at::kBFloat16;
  auto out = at::empty(shape, bytes.options().dtype(isHalf ? type : at::kFloat));
  auto *b = bytes.const_data_ptr<uint8_t>();
  if (isHalf) fill(out.mutable_data_ptr<at::BFloat16>(), count, b, read(scales), read(pairs));
  else fill(out.mutable_data_ptr<float>(), count, b, read(scales), read(pairs));
  return out.to(type);
}

at::Tensor dequantize(const at::Tensor &codes, const at::Tensor &scales, const std::optional<at::Tensor> &nested,
                      const at::Tensor &pairs, at::IntArrayRef shape, at::ScalarType type) {
  return dequantized({codes, scales, nested.value_or(at::Tensor()), pairs}, shape, type);
}

struct QuantizedLinear : torch::autograd::Function<QuantizedLinear> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &codes,
                            const at::Tensor &scales, const std::optional<at::Tensor> &nested, const at::Tensor &pairs,
                            int64_t outputs, const std::optional<at::Tensor> &bias) {
    context->save_for_backward({codes, scales, nested.value_or(at::Tensor()), pairs});
    context->saved_data["shape"] = std::vector<int64_t>{outputs, x.size(-1)};
    context->saved_data["input"] = x.sizes().vec();
    context->saved_data["learnsBias"] = asksForGradient(bias);
    auto weight = dequantize(codes, scales, nested, pairs, {outputs, x.size(-1)}, x.scalar_type());
    return ct::linear(x, weight, bias.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    auto shape = context->saved_data["shape"].toIntVector();
    auto g = gradients[0].reshape({-1, shape[0]});
    variable_list results(7);
    if (context->needs_input_grad(0)) {
      auto weight = dequantized({saved[0], saved[1], saved[2], saved[3]}, shape, g.scalar_type());
      results[0] = product(g, weight).view(context->saved_data["input"].toIntVector());
    }
    if (context->saved_data["learnsBias"].toBool()) results[6] = g.sum(0);
    return results;
  }
};

at::Tensor quantizedLinear(const at::Tensor &x, const at::Tensor &codes, const at::Tensor &scales,
                           const std::optional<at::Tensor> &nested, const at::Tensor &pairs, int64_t outputs,
                           const std::optional<at::Tensor> &bias) {
  TORCH_CHECK(x.dim() > 0 && outputs > 0, "quantized_linear: ", outputs, " outputs of ", x.sizes());
  if (isRecorded(x, bias)) return QuantizedLinear::apply(x, codes, scales, nested, pairs, outputs, bias);
  return ct::linear(x, dequantize(codes, scales, nested, pairs, {outputs, x.size(-1)}, x.scalar_type()),
                    bias.value_or(at::Tensor()));
}
}  // namespace

void ct::defineQuantized(torch::Library &library) {
  // A weight of 4-bit codes; nested: the scales are codes, too (double quantisation).
  library.def("dequantize_4bit(Tensor codes, Tensor scales, Tensor? nested, Tensor pairs, int[] shape, ScalarType dtype) "
              "-> Tensor", &dequantize);
  // x Wᵀ + b of such a weight, [outputs, inputs]. Gradients flow to x and b; W is made anew in the backward pass.
  library.def("quantized_linear(Tensor x, Tensor codes, Tensor scales, Tensor? nested, Tensor pairs, int outputs, "
              "Tensor? bias=None) -> Tensor", &quantizedLinear);
}
