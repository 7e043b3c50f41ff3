// SPDX-License-Identifier: Apache-2.0
// A device for tests that stands in for a GPU on machines without one: DIST2_STAND_IN=1.
//
// It is torch's PrivateUse1 with memory and arithmetic of the CPU, and behaves as a GPU does where that matters to us.
// Its tensors are not the CPU's, so none of our kernels takes them and operators are composed as for CUDA. An operator
// with arguments here and on the CPU fails, unless the latter is a single number. The backward pass runs on a thread of
// its own. Generators belong to it. What would make the host wait for a GPU, or a GPU for the host, is counted:
//
//   read             values that come to the host: copies, item()
//   upload           copies to the device from memory that is not pinned, or that wait
//   OPERATOR         those whose result's shape depends on values (nonzero, masked_select, …)
//
// It must be registered before the first backward pass of a process, when autograd counts its threads: therefore with the
// library, and asked for by the environment.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/GeneratorForPrivateuseone.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_local_scalar_dense.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/resize_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/alloc_cpu.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <stdlib.h>
#include <torch/library.h>

#include <map>
#include <mutex>
#include <set>

#include "common.hpp"

using namespace ct;

namespace {
const c10::Device place(c10::kPrivateUse1, 0);

// --- what is counted ---------------------------------------------------------------------------------------------------

std::mutex lock;
std::map<std::string, int64_t> waits;
/// Inside an operator that the CPU computes for the device: what is copied for that is no copy of a program's.
thread_local int within = 0;

void wait(const std::string &what) {
  if (within) return;
  std::lock_guard<std::mutex> guard(lock);
  waits[what]++;
}

/// Whether a GPU's result of this operator has a shape that only its values tell.
bool dependsOnValues(const std::string &name, const torch::jit::Stack &stack) {
  static const std::set<std::string> names{"nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive",
                                           "unique_dim_consecutive", "bincount", "equal", "repeat_interleave", "argwhere"};
  auto own = name.substr(name.find("::") + 2);
  if (names.contains(own)) return true;
  if (!own.starts_with("index")) return false;
  // An index by a mask is one by the places of its ones.
  for (const auto &value : stack)
    if (value.isList() && !value.isTensorList())
      for (const c10::IValue &element : value.toListRef())
        if (element.isTensor() && element.toTensor().defined() && element.toTensor().scalar_type() == at::kBool) return true;
  return false;
}

// --- memory --------------------------------------------------------------------------------------------------------------

struct Memory final : c10::Allocator {
  c10::DataPtr allocate(size_t size) override {
    void *data = c10::alloc_cpu(size);
    return {data, data, &c10::free_cpu, place};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &c10::free_cpu; }
  void copy_data(void *to, const void *from, size_t count) const override { default_copy_data(to, from, count); }
};
Memory memory;

/// Pinned memory of the host: known by its addresses.
struct PinnedMemory final : c10::Allocator {
  static std::map<const char *, size_t> &blocks() {
    static std::map<const char *, size_t> all;
    return all;
  }
  c10::DataPtr allocate(size_t size) override {
    void *data = c10::alloc_cpu(size);
    std::lock_guard<std::mutex> guard(lock);
    if (data) blocks()[static_cast<char *>(data)] = size;
    return {data, data, &release, c10::Device(c10::kCPU)};
  }
  static void release(void *data) {
    {
      std::lock_guard<std::mutex> guard(lock);
      blocks().erase(static_cast<char *>(data));
    }
    c10::free_cpu(data);
  }
  static bool holds(const void *data) {
    std::lock_guard<std::mutex> guard(lock);
    auto next = blocks().upper_bound(static_cast<const char *>(data));
    if (next == blocks().begin()) return false;
    auto [start, size] = *std::prev(next);
    return data < start + size;
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void *to, const void *from, size_t count) const override { default_copy_data(to, from, count); }
};
PinnedMemory pinned;

/// The same memory as a tensor of the CPU.
at::Tensor onCPU(const at::Tensor &t) {
  if (!t.is_privateuseone()) return t;
  return at::from_blob(t.data_ptr(), t.sizes(), t.strides(), [t](void *) {}, t.options().device(at::kCPU));
}

// --- random numbers ------------------------------------------------------------------------------------------------------

/// A generator of the device, which draws what one of the CPU draws.
struct StandInGenerator final : c10::GeneratorImpl {
  at::Generator inner;
  explicit StandInGenerator(at::Generator inner)
      : c10::GeneratorImpl(place, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)), inner(std::move(inner)) {}
  void set_current_seed(uint64_t seed) override { inner.set_current_seed(seed); }
  void set_offset(uint64_t offset) override { inner.set_offset(offset); }
  uint64_t get_offset() const override { return inner.get_offset(); }
  uint64_t current_seed() const override { return inner.current_seed(); }
  uint64_t seed() override { return inner.seed(); }
  void set_state(const c10::TensorImpl &state) override { inner.unsafeGetGeneratorImpl()->set_state(state); }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override { return inner.unsafeGetGeneratorImpl()->get_state(); }
  c10::GeneratorImpl *clone_impl() const override { return new StandInGenerator(inner.clone()); }
};

at::Generator generator(at::Generator inner) { return at::make_generator<StandInGenerator>(std::move(inner)); }

// --- what torch asks of a device -------------------------------------------------------------------------------------------

struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::PrivateUse1> {
  c10::Device exchangeDevice(c10::Device) const override { return place; }
  c10::Device getDevice() const override { return place; }
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream getDefaultStream(c10::Device) const override { return stream(); }
  c10::Stream getNewStream(c10::Device, int) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
  void record(void **, const c10::Stream &, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void *, const c10::Stream &) const override {}
  bool queryEvent(void *) const override { return true; }

 private:
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, place); }
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
  bool isPinnedPtr(const void *data) const override { return PinnedMemory::holds(data); }
  c10::Allocator *getPinnedMemoryAllocator() const override { return &pinned; }
  c10::Device getDeviceFromPtr(void *) const override { return place; }
  const at::Generator &getDefaultGenerator(c10::DeviceIndex) const override {
    static const at::Generator standard = generator(at::detail::getDefaultCPUGenerator());
    return standard;
  }
  at::Generator getNewGenerator(c10::DeviceIndex) const override {
    return generator(at::make_generator<at::CPUGeneratorImpl>());
  }
};

// --- operators -----------------------------------------------------------------------------------------------------------

using Type = std::optional<at::ScalarType>;
at::ScalarType typeOf(const Type &type) { return type.value_or(at::get_default_dtype_as_scalartype()); }
constexpr c10::DispatchKeySet keys(c10::DispatchKey::PrivateUse1);

at::Tensor empty(at::IntArrayRef size, Type type, std::optional<at::Layout>, std::optional<at::Device>,
                 std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::Tensor(at::detail::empty_generic(size, &memory, keys, typeOf(type), format));
}
at::Tensor emptyStrided(at::IntArrayRef size, at::IntArrayRef stride, Type type, std::optional<at::Layout>,
                        std::optional<at::Device>, std::optional<bool>) {
  return at::Tensor(at::detail::empty_strided_generic(size, stride, &memory, keys, typeOf(type)));
}

at::Tensor copyFrom(const at::Tensor &from, const at::Tensor &to, bool asynchronous) {
  if (to.is_cpu()) wait("read");
  else if (from.is_cpu() && !(asynchronous && from.is_pinned())) wait("upload");
  auto target = onCPU(to);
  target.copy_(onCPU(from));
  return to;
}
at::Tensor copyFromAndResize(const at::Tensor &from, const at::Tensor &to) {
  if (to.sizes() != from.sizes()) to.resize_(from.sizes());
  return copyFrom(from, to, true);
}
at::Scalar scalar(const at::Tensor &t) {
  wait("read");
  return at::_local_scalar_dense(onCPU(t));
}

/// Arguments of an operator lie on one device, but for single numbers, which go with the call.
void checkPlaces(const std::string &name, const torch::jit::Stack &stack) {
  auto check = [&](const at::Tensor &t) {
    TORCH_CHECK(!t.defined() || !t.is_cpu() || t.dim() == 0, name,
                ": Expected all tensors to be on the same device, but found at least two devices, ", place, " and cpu: a "
                "tensor ", t.sizes(), " of ", t.scalar_type());
  };
  for (const auto &value : stack) {
    if (value.isTensor()) check(value.toTensor());
    else if (value.isTensorList()) for (const at::Tensor &t : value.toTensorList()) check(t);
    else if (value.isList()) for (const c10::IValue &element : value.toListRef()) if (element.isTensor()) check(element.toTensor());
  }
}

struct Within {
  Within() { within++; }
  ~Within() { within--; }
};

void compute(const c10::OperatorHandle &op, torch::jit::Stack *stack) {
  const auto &name = op.schema().name();
  checkPlaces(name, *stack);
  if (dependsOnValues(name, *stack)) wait(name);
  for (auto &value : *stack) {
    if (!value.isGenerator()) continue;
    auto *own = dynamic_cast<StandInGenerator *>(value.toGenerator().unsafeGetGeneratorImpl());
    TORCH_CHECK(own, name, ": Expected a '", place, "' generator, but found one of '", value.toGenerator().device(), "'");
    value = own->inner;
  }
  Within count;
  at::native::cpu_fallback(op, stack);
}

// Torch has these two for devices that are none of its own; what they are called with has passed through no fallback.
using Sizes = at::IntArrayRef;
at::Tensor convolution(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, Sizes stride,
                       Sizes padding, Sizes dilation, bool transposed, Sizes outputPadding, int64_t groups) {
  checkPlaces("convolution", {x, weight, bias});
  Within count;
  return at::convolution(onCPU(x), onCPU(weight), bias ? onCPU(*bias) : at::Tensor(), stride, padding, dilation, transposed,
                         outputPadding, groups).to(place);
}
std::tuple<at::Tensor, at::Tensor, at::Tensor> convolutionBackward(
    const at::Tensor &g, const at::Tensor &x, const at::Tensor &weight, Sizes stride, Sizes padding, Sizes dilation,
    bool transposed, Sizes outputPadding, int64_t groups, std::array<bool, 3> mask) {
  checkPlaces("convolution_backward", {g, x, weight});
  Within count;
  auto channels = mask[2] ? at::OptionalIntArrayRef(weight.size(transposed ? 1 : 0) * (transposed ? groups : 1))
                          : at::OptionalIntArrayRef();
  auto [gx, gw, gb] = at::convolution_backward(onCPU(g), onCPU(x), onCPU(weight), channels, stride, padding, dilation,
                                               transposed, outputPadding, groups, mask);
  auto back = [](const at::Tensor &t) { return t.defined() ? t.to(place) : t; };
  return {back(gx), back(gw), back(gb)};
}

bool registerDevice() {
  const char *asked = getenv("DIST2_STAND_IN");
  if (!asked || std::string(asked) != "1") return false;
  static c10::impl::DeviceGuardImplRegistrar guard(c10::kPrivateUse1, new Guard);
  c10::SetAllocator(c10::kPrivateUse1, &memory);
  c10::register_privateuse1_backend("standin");
  at::RegisterPrivateUse1HooksInterface(new Hooks);
  auto add = [] (const char *space) {
    return new torch::Library(torch::Library::IMPL, space, c10::DispatchKey::PrivateUse1, __FILE__, __LINE__);
  };
  auto &library = *add("aten");
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &emptyStrided);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view", &at::native::view);
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("resize_", &at::native::resize_);
  library.impl("set_.source_Tensor", &at::native::set_tensor_);
  library.impl("set_.source_Storage_storage_offset", &at::native::set_storage_cpu_);
  library.impl("_copy_from", &copyFrom);
  library.impl("_copy_from_and_resize", &copyFromAndResize);
  library.impl("_local_scalar_dense", &scalar);
  library.impl("convolution_overrideable", &convolution);
  library.impl("convolution_backward_overrideable", &convolutionBackward);
  add("_")->fallback(torch::CppFunction::makeFromBoxedFunction<&compute>());
  return true;
}

const bool isRegistered = registerDevice();
}  // namespace

extern "C" {
bool ct_stand_in() { return isRegistered; }
const char *ct_stand_in_waits() {
  thread_local std::string text;
  std::lock_guard<std::mutex> guard(lock);
  text.clear();
  for (const auto &[name, count] : waits) text += name + " " + std::to_string(count) + "\n";
  return text.c_str();
}
void ct_stand_in_forget() {
  std::lock_guard<std::mutex> guard(lock);
  waits.clear();
}
}
