// SPDX-License-Identifier: Apache-2.0
// Weight gradients written straight into `weight.grad`, whose memory is kept from step to step.
#pragma once
#include <torch/csrc/autograd/graph_task.h>

#include <mutex>
#include <unordered_map>

#include "fused.hpp"

namespace ct {
/// One buffer per weight. It is lent to `weight.grad` and taken again, without a page fault, once `grad` was cleared.
class GradientBuffers : public torch::CustomClassHolder {
 public:
  /// - keeps: whether memory is lent again, or ends with the gradient in it.
  explicit GradientBuffers(bool keeps) : keeps(keeps) {}
  /// Memory like the weight's, with undefined contents, that nobody else can see. `spare` names a second piece, for
  /// a gradient that is computed while `weight.grad` holds the first.
  at::Tensor room(const at::Tensor &weight, bool spare = false);
  int64_t bytes();
  /// Makes this memory the weight's.
  void bind(const at::Tensor &weight, const at::Tensor &memory);

 private:
  struct Entry {
    c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> weight;  // keeps the address from reuse
    at::Tensor buffers[2];
    bool isBound = false;  // the first lies in memory that others' lie in as well
  };
  Entry &entry(const at::Tensor &weight);
  const bool keeps;
  std::mutex mutex;
  std::unordered_map<c10::TensorImpl *, Entry> entries;
};
using Buffers = c10::intrusive_ptr<GradientBuffers>;

/// Those of the innermost withGradientsInPlace of this thread, or null.
const Buffers &currentBuffers();

/// Whether, in the backward that is running, a weight's gradient may bypass autograd: a plain backward() over all
/// leaves. `gradients(of:)` collects instead of accumulating, and createGraph needs recorded operations.
inline bool bypass(const at::Tensor &weight) {
  return weight.is_leaf() && weight.requires_grad() && !c10::GradMode::is_enabled() &&
         torch::autograd::get_current_graph_task_exec_info()->empty();
}

inline void save(AutogradContext *context, const Buffers &buffers) {
  if (buffers) context->saved_data["buffers"] = c10::IValue::make_capsule(buffers);
}
inline Buffers restore(AutogradContext *context) {
  auto found = context->saved_data.find("buffers");
  if (found == context->saved_data.end()) return {};
  return c10::static_intrusive_pointer_cast<GradientBuffers>(found->second.toCapsule());
}

/// Calls write(gradient, fresh): fresh memory must be overwritten, other memory added to.
template <class Write> void accumulate(const Buffers &buffers, const at::Tensor &weight, Write write) {
  auto &gradient = weight.mutable_grad();
  bool fresh = !gradient.defined();
  auto target = fresh ? buffers->room(weight) : gradient;
  write(target, fresh);
  if (fresh) gradient = target;
}
}  // namespace ct
