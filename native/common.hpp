// SPDX-License-Identifier: Apache-2.0
// Shared by the binding's translation units. Never include torch/torch.h: it takes 20 s to compile.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <string>

#include "ctorch.h"

namespace ct {
extern thread_local std::string error;

/// What decides whether calls of this thread are made at all.
struct Scope {
  int depth = 0;
  bool failed = false;  // nothing is computed any more until the scope is left
  std::string first;
  int64_t calls_left = -1;  // calls that still succeed before one is made to fail (ct_fail_after); negative: no end
};
extern thread_local Scope scope;

/// The message without C++ stack and without the list of backends that torch appends to a missing kernel.
std::string brief(const char *what);

/// A borrowed view of a handle as a Tensor, without touching the reference count.
inline const at::Tensor &ref(const ct_tensor &h) {
  static_assert(sizeof(at::Tensor) == sizeof(void *));
  return reinterpret_cast<const at::Tensor &>(h);
}

/// Hands a tensor's reference to the caller.
inline ct_tensor own(at::Tensor t) {
  return t.defined() ? reinterpret_cast<ct_tensor>(t.unsafeReleaseTensorImpl()) : nullptr;
}

/// A handle of this tensor that does not own it, for the length of a call.
inline ct_tensor borrow(const at::Tensor &t) {
  return t.defined() ? reinterpret_cast<ct_tensor>(t.unsafeGetTensorImpl()) : nullptr;
}

/// Takes over an owned handle.
inline at::Tensor adopt(ct_tensor h) {
  using Pointer = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
  return h ? at::Tensor(Pointer::reclaim(reinterpret_cast<c10::TensorImpl *>(h))) : at::Tensor();
}

/// t on another device and of another type. From the CPU to a GPU it goes by pinned memory, so that the host goes on while
/// it travels: anything else waits for all that the GPU has still to do.
at::Tensor transfer(const at::Tensor &t, at::Device device, at::ScalarType type);

/// Runs body; turns every C++ exception into an error code and a message.
template <class F> int caught(F &&body) noexcept {
  try {
    body();
    return 0;
  } catch (const c10::Error &e) {
    error = brief(e.what_without_backtrace());
  } catch (const std::exception &e) {
    error = brief(e.what());
  } catch (...) {
    error = "unknown C++ exception";
  }
  return 1;
}

/// The same, unless a call before has failed in this thread's scope: results of what would follow mean nothing.
template <class F> int guard(F &&body) noexcept {
  if (scope.failed) {
    error = scope.first;
    return 1;
  }
  if (scope.calls_left >= 0 && scope.calls_left-- == 0) {
    error = "a failure that a test asked for";
    return 1;
  }
  return caught(body);
}
}  // namespace ct
