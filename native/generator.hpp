// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Generator.h>

struct ct_generator_s {
  at::Generator generator;
};
