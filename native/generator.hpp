#pragma once
#include <ATen/core/Generator.h>

struct ct_generator_s {
  at::Generator generator;
};
