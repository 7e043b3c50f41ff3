// SPDX-License-Identifier: Apache-2.0
// One boxed call that reaches every ATen operator by name and overload.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <memory>
#include <sstream>
#include <vector>

#include "common.hpp"
#include "generator.hpp"

using namespace ct;
using c10::TypeKind;

struct ct_op_s {
  c10::OperatorHandle handle;
  const c10::FunctionSchema *schema;
  std::string text;
};

struct ct_frame_s {
  const ct_op_s *op;
  torch::jit::Stack stack;
};

namespace {
/// Type of the argument that is pushed next, optionals stripped; AnyType past the end (ct_call reports that).
const c10::Type &wanted(ct_frame f) {
  static const c10::TypePtr any = c10::AnyType::get();
  const auto &arguments = f->op->schema->arguments();
  if (f->stack.size() >= arguments.size()) return *any;
  const c10::Type *type = arguments[f->stack.size()].type().get();
  while (type->kind() == TypeKind::OptionalType) type = type->expectRef<c10::OptionalType>().getElementType().get();
  return *type;
}

TypeKind element(const c10::Type &type) {
  return type.kind() == TypeKind::ListType ? type.expectRef<c10::ListType>().getElementType()->kind()
                                           : TypeKind::AnyType;
}

template <class T> void push_scalars(ct_frame f, const T *v, size_t n) {
  c10::List<c10::Scalar> list;
  list.reserve(n);
  for (size_t i = 0; i < n; i++) list.push_back(v[i]);
  f->stack.emplace_back(std::move(list));
}

/// A wrong kind of argument must be an error here: kernels only assert it in debug builds.
bool fits(const c10::TypePtr &type, const c10::IValue &v) {
  switch (type->kind()) {
    case TypeKind::TensorType: return v.isTensor();
    case TypeKind::IntType: case TypeKind::SymIntType: return v.isInt();
    case TypeKind::FloatType: return v.isDouble();
    case TypeKind::BoolType: return v.isBool();
    case TypeKind::NumberType: return v.isScalar();
    case TypeKind::StringType: return v.isString();
    case TypeKind::ListType: return v.isList();
    case TypeKind::OptionalType:
      return v.isNone() || fits(type->expectRef<c10::OptionalType>().getElementType(), v);
    default: return true;
  }
}

// Frames are pooled per thread: a call allocates nothing of its own, and calls may nest.
thread_local std::vector<std::unique_ptr<ct_frame_s>> pool;
}  // namespace

extern "C" {
ct_op ct_op_find(const char *name, const char *overload) {
  ct_op found = nullptr;
  caught([&] {
    auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
    std::ostringstream text;
    text << handle.schema();
    found = new ct_op_s{handle, &handle.schema(), text.str()};
  });
  return found;
}

const char *ct_op_schema(ct_op op) { return op->text.c_str(); }

ct_frame ct_begin(ct_op op) {
  ct_frame f;
  if (pool.empty()) {
    f = new ct_frame_s;
    f->stack.reserve(16);
  } else {
    f = pool.back().release();
    pool.pop_back();
  }
  f->op = op;
  return f;
}

void ct_end(ct_frame f) {
  f->stack.clear();
  pool.emplace_back(f);
}

void ct_push_none(ct_frame f) { f->stack.emplace_back(); }

void ct_push_tensor(ct_frame f, ct_tensor t) {
  if (t) f->stack.emplace_back(ref(t)); else f->stack.emplace_back();
}

void ct_push_int(ct_frame f, int64_t v) {
  if (wanted(f).kind() == TypeKind::FloatType) f->stack.emplace_back(static_cast<double>(v));
  else f->stack.emplace_back(v);
}

void ct_push_double(ct_frame f, double v) { f->stack.emplace_back(v); }
void ct_push_bool(ct_frame f, bool v) { f->stack.emplace_back(v); }
void ct_push_string(ct_frame f, const char *v) { f->stack.emplace_back(std::string(v)); }
void ct_push_dtype(ct_frame f, int8_t d) { f->stack.emplace_back(static_cast<int64_t>(d)); }

void ct_push_device(ct_frame f, int8_t type, int8_t index) {
  f->stack.emplace_back(c10::Device(static_cast<c10::DeviceType>(type), index));
}

void ct_push_generator(ct_frame f, ct_generator g) { f->stack.emplace_back(g->generator); }

void ct_push_ints(ct_frame f, const int64_t *v, size_t n) {
  if (element(wanted(f)) == TypeKind::NumberType) push_scalars(f, v, n);
  else f->stack.emplace_back(c10::IntArrayRef(v, n));
}

void ct_push_doubles(ct_frame f, const double *v, size_t n) {
  if (element(wanted(f)) == TypeKind::NumberType) push_scalars(f, v, n);
  else f->stack.emplace_back(c10::ArrayRef<double>(v, n));
}

void ct_push_bools(ct_frame f, const bool *v, size_t n) {
  c10::List<bool> list;
  list.reserve(n);
  for (size_t i = 0; i < n; i++) list.push_back(v[i]);
  f->stack.emplace_back(std::move(list));
}

void ct_push_tensors(ct_frame f, const ct_tensor *v, size_t n) {
  if (element(wanted(f)) == TypeKind::OptionalType) {
    c10::List<std::optional<at::Tensor>> list;
    list.reserve(n);
    for (size_t i = 0; i < n; i++) list.push_back(v[i] ? std::optional<at::Tensor>(ref(v[i])) : std::nullopt);
    f->stack.emplace_back(std::move(list));
  } else {
    c10::List<at::Tensor> list;
    list.reserve(n);
    for (size_t i = 0; i < n; i++) list.push_back(v[i] ? ref(v[i]) : at::Tensor());
    f->stack.emplace_back(std::move(list));
  }
}

void ct_push_default(ct_frame f) {
  const auto &arguments = f->op->schema->arguments();
  auto i = f->stack.size();
  if (i < arguments.size() && arguments[i].default_value()) f->stack.emplace_back(*arguments[i].default_value());
  else f->stack.emplace_back();
}

int ct_call(ct_frame f) {
  return guard([&] {
    const auto &arguments = f->op->schema->arguments();
    TORCH_CHECK(f->stack.size() <= arguments.size(), f->op->text, ": ", f->stack.size(), " arguments given");
    for (auto i = f->stack.size(); i < arguments.size(); i++) {
      TORCH_CHECK(arguments[i].default_value(), f->op->text, ": missing argument '", arguments[i].name(), "'");
      f->stack.emplace_back(*arguments[i].default_value());
    }
    for (size_t i = 0; i < arguments.size(); i++)
      TORCH_CHECK(fits(arguments[i].type(), f->stack[i]), f->op->text, ": argument '", arguments[i].name(),
                  "' must be ", arguments[i].type()->str(), ", got ", f->stack[i].tagKind());
    f->op->handle.callBoxed(f->stack);
  });
}

size_t ct_out_count(ct_frame f) { return f->stack.size(); }
ct_tensor ct_out_tensor(ct_frame f, size_t i) {
  return i < f->stack.size() && f->stack[i].isTensor() ? own(std::move(f->stack[i]).toTensor()) : nullptr;
}
int64_t ct_out_int(ct_frame f, size_t i) { return f->stack[i].toInt(); }
double ct_out_double(ct_frame f, size_t i) {
  return f->stack[i].isInt() ? static_cast<double>(f->stack[i].toInt()) : f->stack[i].toDouble();
}
bool ct_out_bool(ct_frame f, size_t i) { return f->stack[i].toBool(); }
size_t ct_out_list_count(ct_frame f, size_t i) {
  return i < f->stack.size() && f->stack[i].isTensorList() ? f->stack[i].toListRef().size() : 0;
}
ct_tensor ct_out_list_tensor(ct_frame f, size_t i, size_t k) { return own(f->stack[i].toListRef()[k].toTensor()); }
}
