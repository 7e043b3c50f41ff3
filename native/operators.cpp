// SPDX-License-Identifier: Apache-2.0
// The one registration of our operators with torch's dispatcher, when the library is loaded.
//
// Python loads this same library by torch.ops.load_library. It has no use for the rpath then: the loader takes the
// libtorch that the program has loaded already, which must be of the version whose headers were used here.
#include "operators.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/version.h>

#include <optional>
#include <string>

namespace {
/// Major and minor version of the libtorch in use.
std::string loadedVersion() {
  auto v = aoti_torch_abi_version();
  return std::to_string(v >> 56 & 255) + "." + std::to_string(v >> 48 & 255);
}

/// Why nothing can be registered; empty if nothing is in the way. An exception here would end the process.
std::string obstacle() {
  if (!std::string(TORCH_VERSION).starts_with(loadedVersion() + "."))
    return "built for torch " TORCH_VERSION ", but torch " + loadedVersion() + " is loaded. Install torch==" +
           TORCH_VERSION + " or build dist2 against yours (LIBTORCH=folder make native)";
  if (c10::Dispatcher::singleton().findSchema({"dist2::linear_cross_entropy_distance", ""}))
    return "its operators are registered already, by another copy of this library; those are used";
  return {};
}

/// Lives as long as the library: the operators go with it.
struct Registration {
  std::optional<torch::Library> library;
  Registration() {
    if (auto why = obstacle(); !why.empty()) {
      TORCH_WARN("dist2: ", why);
      return;
    }
    library.emplace(torch::Library::FRAGMENT, "dist2", std::nullopt, __FILE__, __LINE__);
    ct::defineModel(*library);
    ct::defineLinear(*library);
    ct::defineLosses(*library);
    ct::defineQuantized(*library);
    ct::defineAdamW8(*library);
  }
} registration;
}  // namespace
