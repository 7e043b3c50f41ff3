// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>

#include "transport/device.h"
namespace gloo {
class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);  // libtorch_cpu has it
};
}  // namespace gloo
