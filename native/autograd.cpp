// SPDX-License-Identifier: Apache-2.0
// Backward, gradients, grad modes, and differentiable functions given by callbacks.
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/graph_task.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "common.hpp"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
struct Closure : torch::CustomClassHolder {
  ct_closure forward, backward;
  void (*drop)(void *);
  void *context;
  ~Closure() override { drop(context); }
};

variable_list invoke(ct_closure f, void *context, const variable_list &in, size_t nout) {
  c10::SmallVector<ct_tensor, 8> handles;
  for (auto &t : in) handles.push_back(borrow(t));
  c10::SmallVector<ct_tensor, 8> out(nout, nullptr);
  int failed = f(context, handles.data(), handles.size(), out.data(), nout);
  variable_list results;
  results.reserve(nout);
  for (auto h : out) results.push_back(adopt(h));
  if (failed) throw std::runtime_error(error);
  return results;
}

// Inputs come as a TensorList: a std::vector<Tensor> would silently not count as inputs.
struct Custom : torch::autograd::Function<Custom> {
  static variable_list forward(AutogradContext *c, at::TensorList inputs, const c10::intrusive_ptr<Closure> &closure,
                               int64_t nout) {
    variable_list in(inputs.begin(), inputs.end());
    auto out = invoke(closure->forward, closure->context, in, nout);
    variable_list saved(in);
    saved.insert(saved.end(), out.begin(), out.end());
    c->save_for_backward(std::move(saved));
    c->saved_data["closure"] = c10::IValue::make_capsule(closure);
    c->saved_data["inputs"] = static_cast<int64_t>(in.size());
    return out;
  }
  static variable_list backward(AutogradContext *c, variable_list gradients) {
    auto closure = c10::static_intrusive_pointer_cast<Closure>(c->saved_data["closure"].toCapsule());
    auto all = c->get_saved_variables();
    all.insert(all.end(), gradients.begin(), gradients.end());
    auto results = invoke(closure->backward, closure->context, all, c->saved_data["inputs"].toInt());
    results.resize(results.size() + 2);  // the closure and nout have no gradient
    return results;
  }
};

/// A callback of one leaf.
struct Fire {
  int (*fire)(void *);
  void (*drop)(void *);
  void *context;
  ~Fire() { drop(context); }
};

variable_list list(const ct_tensor *t, size_t n) {
  variable_list v;
  v.reserve(n);
  for (size_t i = 0; i < n; i++) v.push_back(t[i] ? ref(t[i]) : at::Tensor());
  return v;
}
}  // namespace

/// Holds the node that ends a leaf's gradient: autograd itself keeps it only as long as a graph does, and its hooks die
/// with it.
struct ct_hook_s {
  decltype(torch::autograd::impl::grad_accumulator(at::Tensor())) node;
  uintptr_t key;
};

extern "C" {
bool ct_grad_enabled() { return c10::GradMode::is_enabled(); }
void ct_set_grad_enabled(bool on) { c10::GradMode::set_enabled(on); }
bool ct_inference_enabled() { return c10::InferenceMode::is_enabled(); }
void *ct_inference_enter() { return new c10::InferenceMode(true); }
void ct_inference_leave(void *guard) { delete static_cast<c10::InferenceMode *>(guard); }

int ct_set_requires_grad(ct_tensor t, bool on) { return guard([&] { ref(t).set_requires_grad(on); }); }
bool ct_requires_grad(ct_tensor t) { return ref(t).requires_grad(); }
bool ct_is_leaf(ct_tensor t) { return ref(t).is_leaf(); }

int ct_backward(const ct_tensor *outputs, const ct_tensor *seeds, size_t n, bool retain) {
  return guard([&] { torch::autograd::backward(list(outputs, n), list(seeds, n), retain, false, {}); });
}
bool ct_backward_keeps_graph() {
  return torch::autograd::get_current_graph_task_id() >= 0 && torch::autograd::get_current_graph_task_keep_graph();
}
bool ct_backward_accumulates() {
  return torch::autograd::get_current_graph_task_id() >= 0 &&
         torch::autograd::get_current_graph_task_exec_info()->empty();
}

int ct_grad_of(const ct_tensor *outputs, const ct_tensor *seeds, size_t nout, const ct_tensor *inputs, size_t nin,
               bool retain, bool create_graph, ct_tensor *out) {
  return guard([&] {
    auto gradients = torch::autograd::grad(list(outputs, nout), list(inputs, nin), list(seeds, nout), retain,
                                           create_graph, /*allow_unused=*/true);
    for (size_t i = 0; i < nin; i++) out[i] = own(std::move(gradients[i]));
  });
}

ct_tensor ct_grad(ct_tensor t) { return own(ref(t).grad()); }
int ct_set_grad(ct_tensor t, ct_tensor g) {
  return guard([&] { ref(t).mutable_grad() = g ? ref(g) : at::Tensor(); });
}

int ct_hook_add(ct_tensor leaf, int (*fire)(void *), void (*drop)(void *), void *context, ct_hook *out) {
  auto kept = std::make_shared<Fire>(fire, drop, context);
  return guard([&] {
    auto node = torch::autograd::impl::grad_accumulator(ref(leaf));
    TORCH_CHECK(node, "a gradient is awaited of a tensor that has none");
    auto key = node->add_post_hook(
        std::make_unique<torch::autograd::utils::LambdaPostHook>([kept](const variable_list &outputs, const auto &) {
          if (kept->fire(kept->context)) throw std::runtime_error(error);
          return outputs;
        }));
    *out = new ct_hook_s{std::move(node), key};
  });
}
void ct_hook_remove(ct_hook h) {
  if (h) h->node->del_post_hook(h->key);
  delete h;
}

int ct_custom(ct_closure forward, ct_closure backward, void (*drop)(void *), void *context, const ct_tensor *in,
              size_t nin, ct_tensor *out, size_t nout) {
  return guard([&] {
    auto closure = c10::make_intrusive<Closure>();
    closure->forward = forward;
    closure->backward = backward;
    closure->drop = drop;
    closure->context = context;
    auto results = Custom::apply(at::TensorList(list(in, nin)), closure, static_cast<int64_t>(nout));
    for (size_t i = 0; i < nout; i++) out[i] = own(std::move(results[i]));
  });
}
}
