// SPDX-License-Identifier: Apache-2.0
// Our operators as torch's dispatcher holds them: dist2::NAME, called like any of ATen's, from Swift and from Python.
//
// An operator with a kernel of ours has three functions, by dispatch key:
//
//   CompositeImplicitAutograd  composed of ATen's operators, which record themselves: CUDA and every other device
//   CPU                        the kernel, where nothing is recorded (inference mode)
//   AutogradCPU                the kernel, recorded as one node if a gradient is asked for
//
// The last two hand over to the first what the kernel does not take: other types, tensors without memory of their own
// (torch.compile, torch.func), and everything where the thread asked for "plain" kernels. Tests ask for that, so that
// what runs on CUDA is held to the kernels on the CPU.
#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/TensorSubclassLikeUtils.h>
#include <torch/library.h>

#include "fused.hpp"

namespace ct {
/// Whether the numbers lie in this process's memory, to be read as they are.
inline bool isInMemory(const at::Tensor &t) {
  return t.is_cpu() && t.layout() == at::kStrided && !t.is_neg() && !at::isTensorSubclassLike(t);
}

// What an argument says about two questions; arguments that are no tensors have nothing to say.
inline bool isTaken(const at::Tensor &t) { return t.scalar_type() == at::kFloat && isInMemory(t); }
inline bool isTaken(const std::optional<at::Tensor> &t) { return !t || isTaken(*t); }
template <class T> bool isTaken(const T &) { return true; }
inline bool asksForGradient(const at::Tensor &t) { return t.defined() && t.requires_grad(); }
inline bool asksForGradient(const std::optional<at::Tensor> &t) { return t && t->requires_grad(); }
template <class T> bool asksForGradient(const T &) { return false; }

/// Whether our kernels take these arguments: float32 on the CPU.
template <class... A> bool kernelsTake(const A &...arguments) { return !isPlainAsked() && (isTaken(arguments) && ...); }
/// Whether a graph is to be recorded for these arguments.
template <class... A> bool isRecorded(const A &...arguments) {
  return c10::GradMode::is_enabled() && (asksForGradient(arguments) || ...);
}

/// The three functions of an operator, from what it is made of: composed, kernel and recorded kernel, all of one type.
template <auto composed, auto kernel, auto recorded, class F = decltype(composed)> struct Operator;
template <auto composed, auto kernel, auto recorded, class R, class... A>
struct Operator<composed, kernel, recorded, R (*)(A...)> {
  static R onCPU(A... a) { return kernelsTake(a...) ? kernel(a...) : composed(a...); }
  static R onAutogradCPU(A... a) {
    if (!kernelsTake(a...)) return composed(a...);
    return isRecorded(a...) ? recorded(a...) : kernel(a...);
  }
  static void define(torch::Library &library, const std::string &schema) {
    auto name = schema.substr(0, schema.find('('));
    library.def(schema.c_str(), composed);
    library.impl(name.c_str(), torch::dispatch(c10::DispatchKey::CPU, &onCPU));
    library.impl(name.c_str(), torch::dispatch(c10::DispatchKey::AutogradCPU, &onAutogradCPU));
  }
};

// Each file says which operators it has; operators.cpp registers them all.
void defineModel(torch::Library &library);
void defineLinear(torch::Library &library);
void defineLosses(torch::Library &library);
void defineQuantized(torch::Library &library);
void defineAdamW8(torch::Library &library);
}  // namespace ct
