// SPDX-License-Identifier: Apache-2.0
// Tensors in and out, random number generators, and what belongs to the whole process.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorSubclassLikeUtils.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/item.h>
#include <c10/core/GradMode.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/version.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "common.hpp"
#include "generator.hpp"

namespace ct {
thread_local std::string error;
thread_local Scope scope;

std::string brief(const char *what) {
  std::string text(what);
  // Torch appends forty lines of registered backends to a missing kernel; the first paragraph says it all.
  for (const char *mark : {"'aten::", "\nException raised from", "\n\n"}) {
    auto at = text.find(mark);
    if (mark[0] == '\'' ) {
      auto list = text.find("is only available for these backends");
      if (at != std::string::npos && list != std::string::npos) text.resize(text.rfind('.', list) + 1);
    } else if (at != std::string::npos) {
      text.resize(at);
    }
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

at::Tensor transfer(const at::Tensor &t, at::Device device, at::ScalarType type) {
  // Pinned memory is kept for the next transfer: what is larger than a batch of images is not worth that.
  constexpr size_t most = 32 << 20;
  bool travels = t.is_cpu() && !device.is_cpu() && !device.is_meta() && !at::isTensorSubclassLike(t) &&
                 !(c10::GradMode::is_enabled() && t.requires_grad());
  if (!travels) return t.to(device, type);
  // Converted before: a copy that converts goes by memory of torch's own, which is not pinned.
  auto converted = t.to(type).contiguous();
  if (converted.numel() == 0) return at::empty(converted.sizes(), converted.options().device(device));
  if (converted.nbytes() > most) return converted.to(device);
  return converted.pin_memory().to(device, /*non_blocking=*/true);
}
}  // namespace ct
using namespace ct;

namespace {
/// The folder of the shared library that holds a function, found at run time: a copy of this library may be moved, and
/// libtorch may be anywhere the loader finds it. `up` folders above it.
template <class F> std::string folderOf(F *function, int up) {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(function), &info) || !info.dli_fname) return {};
  std::unique_ptr<char, decltype(&free)> path(realpath(info.dli_fname, nullptr), free);
  std::string folder = path ? path.get() : info.dli_fname;
  for (int i = 0; i <= up; i++) folder.resize(std::min(folder.size(), folder.rfind('/')));
  return folder;
}
}  // namespace

extern "C" {
const char *ct_last_error() { return error.c_str(); }
void ct_set_error(const char *message) { error = message; }

void ct_scope_enter() {
  if (scope.depth++ == 0) scope.failed = false;
}
bool ct_scope_record(const char *message) {
  if (scope.depth == 0) return false;
  if (!scope.failed) scope.first = message;
  scope.failed = true;
  return true;
}
bool ct_scope_failed() { return scope.failed; }
void ct_fail_after(int64_t calls) { scope.calls_left = calls; }
int64_t ct_calls_until_failure() { return scope.calls_left; }
bool ct_scope_leave() {
  // An error belongs to the innermost scope that is left first; the outer ones start clean again.
  bool failed = scope.failed;
  if (failed) error = scope.first;
  scope.depth--;
  scope.failed = false;
  return failed;
}

int ct_from_bytes(const void *p, size_t nbytes, const int64_t *shape, size_t nd, int8_t type, ct_tensor *out) {
  return guard([&] {
    auto t = at::empty(c10::IntArrayRef(shape, nd), at::TensorOptions(static_cast<c10::ScalarType>(type)));
    TORCH_CHECK(t.nbytes() == nbytes, nbytes, " bytes given for a tensor of ", t.nbytes());
    if (nbytes) memcpy(t.mutable_data_ptr(), p, nbytes);
    *out = own(std::move(t));
  });
}

int ct_from_memory(void *p, const int64_t *shape, size_t nd, int8_t type, void (*drop)(void *), void *context,
                   ct_tensor *out) {
  // Dropped with the last copy of the tensor's deleter, or here if there is no tensor.
  struct Owner {
    void (*drop)(void *);
    void *context;
    ~Owner() { drop(context); }
  };
  auto owner = std::make_shared<Owner>(drop, context);
  return guard([&] {
    *out = own(at::from_blob(p, c10::IntArrayRef(shape, nd), [owner](void *) {},
                             at::TensorOptions(static_cast<c10::ScalarType>(type))));
  });
}

int ct_upload(ct_tensor t, int8_t type, int8_t index, ct_tensor *out) {
  return guard([&] {
    *out = own(transfer(ref(t), c10::Device(static_cast<c10::DeviceType>(type), index), ref(t).scalar_type()));
  });
}

int ct_copy_out(ct_tensor h, void *dst, size_t nbytes) {
  return guard([&] {
    auto t = ref(h).detach().to(at::kCPU).contiguous();
    TORCH_CHECK(t.nbytes() == nbytes, "tensor has ", t.nbytes(), " bytes, room for ", nbytes);
    if (nbytes) memcpy(dst, t.const_data_ptr(), nbytes);
  });
}

void ct_retain(ct_tensor t) { c10::raw::intrusive_ptr::incref(reinterpret_cast<c10::TensorImpl *>(t)); }
void ct_release(ct_tensor t) { if (t) adopt(t); }
size_t ct_dim(ct_tensor t) { return t ? ref(t).dim() : 0; }
int64_t ct_size(ct_tensor t, size_t d) { return t && d < ct_dim(t) ? ref(t).size(d) : 0; }
int64_t ct_stride(ct_tensor t, size_t d) { return t && d < ct_dim(t) ? ref(t).stride(d) : 0; }
int8_t ct_dtype(ct_tensor t) { return t ? static_cast<int8_t>(ref(t).scalar_type()) : 6; }
int8_t ct_device_type(ct_tensor t) { return t ? static_cast<int8_t>(ref(t).device().type()) : 0; }
int8_t ct_device_index(ct_tensor t) { return t ? ref(t).device().index() : -1; }
bool ct_is_contiguous(ct_tensor t) { return t && ref(t).is_contiguous(); }
void *ct_data(ct_tensor t) { return ref(t).is_cpu() ? ref(t).mutable_data_ptr() : nullptr; }
int64_t ct_use_count(ct_tensor t) { return ref(t).use_count(); }
int ct_item_double(ct_tensor t, double *out) { return guard([&] { *out = ref(t).item().toDouble(); }); }
int ct_item_int(ct_tensor t, int64_t *out) { return guard([&] { *out = ref(t).item().toLong(); }); }

int ct_generator_new(int8_t type, int8_t index, uint64_t seed, ct_generator *out) {
  return guard([&] {
    at::Generator g;
    if (static_cast<c10::DeviceType>(type) == at::kCPU) g = at::make_generator<at::CPUGeneratorImpl>(seed);
    else {
      auto &hooks = at::globalContext().getAcceleratorHooksInterface(static_cast<c10::DeviceType>(type));
      g = hooks.getNewGenerator(index);
      g.set_current_seed(seed);
    }
    *out = new ct_generator_s{std::move(g)};
  });
}
int ct_generator_default(int8_t type, int8_t index, ct_generator *out) {
  return guard([&] {
    at::Device device(static_cast<c10::DeviceType>(type), index);
    *out = new ct_generator_s{at::globalContext().defaultGenerator(device)};
  });
}
void ct_generator_free(ct_generator g) { delete g; }
int ct_generator_state(ct_generator g, ct_tensor *out) {
  return guard([&] {
    std::lock_guard<std::mutex> lock(g->generator.mutex());
    *out = own(g->generator.get_state());
  });
}
int ct_generator_set_state(ct_generator g, ct_tensor state) {
  return guard([&] {
    std::lock_guard<std::mutex> lock(g->generator.mutex());
    g->generator.set_state(ref(state));
  });
}
int ct_manual_seed(uint64_t seed) { return guard([&] { at::manual_seed(seed); }); }

void ct_set_num_threads(int n) { at::set_num_threads(n); }
int ct_get_num_threads() { return at::get_num_threads(); }
const char *ct_built_version() {
  static const std::string text = std::to_string(TORCH_VERSION_MAJOR) + "." + std::to_string(TORCH_VERSION_MINOR) +
                                  "." + std::to_string(TORCH_VERSION_PATCH);
  return text.c_str();
}
const char *ct_version() {
  static const std::string text = [] {
    auto v = aoti_torch_abi_version();
    return std::to_string(v >> 56 & 255) + "." + std::to_string(v >> 48 & 255) + "." + std::to_string(v >> 40 & 255);
  }();
  return text.c_str();
}
const char *ct_cpu_capability() {
  static const std::string text = at::get_cpu_capability();
  return text.c_str();
}
const char *ct_torch_folder() {
  static const std::string folder = folderOf(aoti_torch_abi_version, 1);
  return folder.c_str();
}
const char *ct_library_folder() {
  static const std::string folder = folderOf(ct_library_folder, 0);
  return folder.c_str();
}

int ct_cuda_load() {
  static std::once_flag once;
  static std::string failure;
  std::call_once(once, [] {
    // Read by cuBLAS when it starts: its products are the same bits each time only with a work space of fixed size.
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
    std::string path = std::string(ct_torch_folder()) + "/lib/libtorch_cuda.so";
    if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) failure = dlerror();
  });
  if (failure.empty()) return 0;
  error = failure;
  return 1;
}
void ct_set_deterministic(bool on) {
  auto &context = at::globalContext();
  if (on == context.deterministicAlgorithms()) return;
  // What torch has no deterministic algorithm for runs nevertheless, with torch's own warning. Memory that is about to be
  // overwritten is not filled first.
  context.setDeterministicAlgorithms(on, /*warn_only=*/true);
  context.setDeterministicFillUninitializedMemory(false);
}
bool ct_deterministic() { return at::globalContext().deterministicAlgorithms(); }
int ct_cuda_device_count() {
  int count = 0;
  guard([&] {
    if (at::globalContext().hasCUDA()) count = at::detail::getCUDAHooks().deviceCount();
  });
  return count;
}
}
