// SPDX-License-Identifier: Apache-2.0
// Linear layers that share an input, and embeddings, whose weight gradients can be accumulated in place.
#include "accumulate.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/embedding_dense_backward.h>
#include <ATen/ops/silu.h>

#include <algorithm>

#include "operators.hpp"
#include "products.hpp"

using namespace ct;

struct ct_buffers_s {
  Buffers buffers;
};

namespace {
thread_local ct_buffers current = nullptr;
}

namespace ct {
GradientBuffers::Entry &GradientBuffers::entry(const at::Tensor &weight) {
  auto *key = weight.unsafeGetTensorImpl();
  if (!entries.contains(key)) {
    std::erase_if(entries, [](const auto &entry) { return entry.second.weight.expired(); });
    entries.emplace(key, Entry{decltype(Entry::weight)(weight.getIntrusivePtr()), {}});
  }
  return entries.at(key);
}

at::Tensor GradientBuffers::room(const at::Tensor &weight, bool spare) {
  std::lock_guard<std::mutex> lock(mutex);
  auto &found = entry(weight);
  if (!keeps && (spare || !found.isBound)) return at::empty_like(weight.detach(), at::MemoryFormat::Contiguous);
  auto &kept = found.buffers[spare];
  // Someone who still holds last step's gradient must not see it change.
  bool ours = kept.defined() && kept.use_count() == 1 &&
              ((found.isBound && !spare) || kept.storage().use_count() == 1);
  if (!ours || kept.sizes() != weight.sizes() || !kept.options().type_equal(weight.options())) {
    kept = at::empty_like(weight.detach(), at::MemoryFormat::Contiguous);
    if (!spare) found.isBound = false;
  }
  return kept;
}

void GradientBuffers::bind(const at::Tensor &weight, const at::Tensor &memory) {
  TORCH_CHECK(memory.sizes() == weight.sizes() && memory.is_contiguous() && memory.options().type_equal(weight.options()),
              "memory for the gradient of a weight of ", weight.sizes());
  std::lock_guard<std::mutex> lock(mutex);
  auto &found = entry(weight);
  found.buffers[0] = memory.detach();  // a handle of its own: whether it is in use is seen by its count
  found.isBound = true;
}

int64_t GradientBuffers::bytes() {
  std::lock_guard<std::mutex> lock(mutex);
  size_t total = 0;
  for (const auto &[key, entry] : entries)
    for (const auto &buffer : entry.buffers) total += buffer.defined() ? buffer.nbytes() : 0;
  return static_cast<int64_t>(total);
}

const Buffers &currentBuffers() {
  static const Buffers none;
  return current ? current->buffers : none;
}
}  // namespace ct

namespace {
at::Tensor rows(const at::Tensor &t) { return t.reshape({-1, t.size(-1)}); }

/// gᵀ x: added to the weight's gradient in place where that may be (the result is then undefined), else returned.
at::Tensor weightGradient(const Buffers &buffers, const at::Tensor &weight, const at::Tensor &g, const at::Tensor &x) {
  if (!buffers || !bypass(weight)) return product(g.t(), x);
  accumulate(buffers, weight, [&](at::Tensor &sum, bool fresh) {
    if (fresh) productInto(sum, g.t(), x);
    else addProduct(sum, g.t(), x);
  });
  return {};
}

/// yᵢ = x Wᵢᵀ + bᵢ. The gradients of x are summed inside the matrix products instead of by additions afterwards.
/// `inputs` is x, the weights, then the biases there are, named by the bits of `biases`.
struct Linears : torch::autograd::Function<Linears> {
  static variable_list forward(AutogradContext *context, at::TensorList inputs, int64_t count, int64_t biases,
                               const Buffers &buffers) {
    variable_list saved(inputs.begin(), inputs.begin() + 1 + count), outputs;
    size_t bias = 1 + count;
    for (int64_t i = 0; i < count; i++)
      outputs.push_back(ct::linear(inputs[0], inputs[1 + i], biases >> i & 1 ? inputs[bias++] : at::Tensor()));
    context->save_for_backward(std::move(saved));
    context->set_materialize_grads(false);
    context->saved_data["biases"] = biases;
    save(context, buffers);
    return outputs;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    auto buffers = restore(context);
    auto x = rows(saved[0]);
    int64_t count = static_cast<int64_t>(gradients.size()), biases = context->saved_data["biases"].toInt();
    at::Tensor gx;
    variable_list results(1 + count);
    for (int64_t i = 0; i < count; i++) {
      bool biased = biases >> i & 1;
      if (biased) results.emplace_back();
      if (!gradients[i].defined()) continue;
      const auto &weight = saved[1 + i];
      auto g = rows(gradients[i]);
      if (context->needs_input_grad(0)) add(gx, g, weight);
      if (context->needs_input_grad(1 + i)) results[1 + i] = weightGradient(buffers, weight, g, x);
      if (biased && context->needs_input_grad(results.size() - 1)) results.back() = g.sum(0);
    }
    if (gx.defined()) results[0] = gx.view_symint(saved[0].sym_sizes());
    results.resize(results.size() + 3);  // count, biases and buffers have no gradient
    return results;
  }

 private:
  static void add(at::Tensor &sum, const at::Tensor &g, const at::Tensor &weight) {
    if (!sum.defined()) sum = product(g, weight);
    else if (c10::GradMode::is_enabled()) sum = at::addmm(sum, g, weight);
    else addProduct(sum, g, weight);
  }
};

/// (silu(gate) * up) Wᵀ. What enters the product is not kept but made again in the backward pass: of a layer's
/// activations it is one of the three largest, and costs next to nothing beside the products.
struct GatedLinear : torch::autograd::Function<GatedLinear> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &gate, const at::Tensor &up,
                            const at::Tensor &weight, const Buffers &buffers) {
    auto a = gate.contiguous(), b = up.contiguous();
    context->save_for_backward({a, b, weight});
    save(context, buffers);
    return ct::linear(swiglu(a, b), weight, {});
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    refuseSecondOrder("swiglu");
    auto saved = context->get_saved_variables();
    const auto &weight = saved[2];
    auto g = rows(gradients[0]);
    variable_list results(4);
    if (context->needs_input_grad(2))
      results[2] = weightGradient(restore(context), weight, g, rows(swiglu(saved[0], saved[1])));
    if (context->needs_input_grad(0) || context->needs_input_grad(1))
      std::tie(results[0], results[1]) = swigluGradients(saved[0], saved[1], product(g, weight));
    return results;
  }
};

struct Embedding : torch::autograd::Function<Embedding> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &weight, const at::Tensor &ids,
                            const Buffers &buffers) {
    context->save_for_backward({weight, ids});
    save(context, buffers);
    return at::embedding(weight, ids);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &weight = saved[0], &g = gradients[0];
    if (!bypass(weight))
      return {at::embedding_dense_backward(g, saved[1], weight.size(0), -1, false), at::Tensor(), at::Tensor()};
    accumulate(restore(context), weight, [&](at::Tensor &sum, bool fresh) {
      if (fresh) sum.zero_();
      add(sum, saved[1].reshape(-1).to(at::kLong), rows(g));
    });
    return {at::Tensor(), at::Tensor(), at::Tensor()};
  }

 private:
  /// sum[ids[i]] += g[i]. Threads share the columns, so equal ids neither race nor change the order of additions.
  static void add(at::Tensor &sum, const at::Tensor &ids, const at::Tensor &gradient) {
    if (!sum.is_cpu()) {
      // On CUDA the one addition by rows that always adds in the same order.
      c10::List<std::optional<at::Tensor>> rows;
      rows.push_back(ids);
      sum.index_put_(rows, gradient.to(sum.scalar_type()), /*accumulate=*/true);
      return;
    }
    auto plain = [](const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous(); };
    if (!plain(sum) || gradient.scalar_type() != at::kFloat) {
      sum.index_add_(0, ids, gradient.to(sum.scalar_type()));
      return;
    }
    auto g = gradient.contiguous();
    int64_t count = ids.numel(), width = g.size(1);
    const int64_t *id = ids.const_data_ptr<int64_t>();
    const float *pg = read(g);
    float *ps = write(sum);
    const auto &k = kernels();
    at::parallel_for(0, width, std::max<int64_t>(64, grain(count)), [&](int64_t from, int64_t to) {
      for (int64_t i = 0; i < count; i++) k.axpy(1.f, pg + i * width + from, ps + id[i] * width + from, to - from);
    });
  }
};

/// Whether a weight's gradient may have to go where the buffers of this thread say.
bool isAccumulated(const at::Tensor &weight) {
  return current && c10::GradMode::is_enabled() && weight.is_leaf() && weight.requires_grad();
}

at::Tensor linearLayer(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  if (!isAccumulated(weight)) return ct::linear(x, weight, bias ? *bias : at::Tensor());
  variable_list inputs{x, weight};
  if (bias) inputs.push_back(*bias);
  return Linears::apply(at::TensorList(inputs), 1, bias.has_value(), currentBuffers())[0];
}

std::vector<at::Tensor> linearLayers(const at::Tensor &x, at::TensorList weights,
                                     const c10::List<std::optional<at::Tensor>> &biases) {
  size_t count = weights.size();
  TORCH_CHECK(count <= 62 && biases.size() == count, "linears: ", count, " weights, ", biases.size(), " biases");
  variable_list inputs{x};
  inputs.insert(inputs.end(), weights.begin(), weights.end());
  int64_t present = 0;
  for (size_t i = 0; i < count; i++) {
    std::optional<at::Tensor> bias = biases[i];
    if (!bias) continue;
    inputs.push_back(*bias);
    present |= int64_t(1) << i;
  }
  bool recorded = c10::GradMode::is_enabled() &&
                  std::any_of(inputs.begin(), inputs.end(), [](const at::Tensor &t) { return t.requires_grad(); });
  if (recorded && !at::areAnyTensorSubclassLike(inputs))
    return Linears::apply(at::TensorList(inputs), static_cast<int64_t>(count), present, currentBuffers());
  variable_list outputs;
  for (size_t i = 0; i < count; i++) {
    std::optional<at::Tensor> bias = biases[i];
    outputs.push_back(ct::linear(x, weights[i], bias ? *bias : at::Tensor()));
  }
  return outputs;
}

at::Tensor embedding(const at::Tensor &weight, const at::Tensor &ids) {
  return isAccumulated(weight) ? Embedding::apply(weight, ids, currentBuffers()) : at::embedding(weight, ids);
}

void checkGated(const at::Tensor &gate, const at::Tensor &up, const at::Tensor &weight) {
  TORCH_CHECK(gate.sizes() == up.sizes(), "gated_linear: gate ", gate.sizes(), " and up ", up.sizes());
  TORCH_CHECK(gate.dim() > 0 && weight.dim() == 2 && gate.size(-1) == weight.size(1), "gated_linear: ", gate.sizes(),
              " for a weight of ", weight.sizes());
}
at::Tensor composedGatedLinear(const at::Tensor &gate, const at::Tensor &up, const at::Tensor &weight) {
  return linearLayer(at::silu(gate) * up, weight, {});
}
at::Tensor gatedLinear(const at::Tensor &gate, const at::Tensor &up, const at::Tensor &weight) {
  checkGated(gate, up, weight);
  return ct::linear(swiglu(gate.contiguous(), up.contiguous()), weight, {});
}
at::Tensor recordedGatedLinear(const at::Tensor &gate, const at::Tensor &up, const at::Tensor &weight) {
  checkGated(gate, up, weight);
  return GatedLinear::apply(gate, up, weight, currentBuffers());
}
}  // namespace

extern "C" {
ct_buffers ct_buffers_new(bool keeps) { return new ct_buffers_s{c10::make_intrusive<GradientBuffers>(keeps)}; }
void ct_buffers_free(ct_buffers b) { delete b; }
int64_t ct_buffers_bytes(ct_buffers b) { return b->buffers->bytes(); }
int ct_buffers_bind(ct_buffers b, ct_tensor weight, ct_tensor memory) {
  return guard([&] { b->buffers->bind(ref(weight), ref(memory)); });
}
ct_buffers ct_buffers_enter(ct_buffers b) { return std::exchange(current, b); }

}

void ct::defineLinear(torch::Library &library) {
  // Any type and device: what is ours is where gradients go, and which of libtorch's products is taken. Between
  // ct_buffers_enter's, backward() adds a leaf weight's gradient into weight.grad itself.
  library.def("linear(Tensor x, Tensor weight, Tensor? bias=None) -> Tensor", &linearLayer);
  // Several layers of one input: its gradient is summed inside the matrix products.
  library.def("linears(Tensor x, Tensor[] weights, Tensor?[] biases) -> Tensor[]", &linearLayers);
  library.def("embedding(Tensor weight, Tensor ids) -> Tensor", &embedding);
  // (silu(gate) · up) weightᵀ; the product in brackets is made again in the backward pass instead of being kept.
  Operator<&composedGatedLinear, &gatedLinear, &recordedGatedLinear>::define(
      library, "gated_linear(Tensor gate, Tensor up, Tensor weight) -> Tensor");
}
