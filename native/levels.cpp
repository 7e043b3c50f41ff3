// SPDX-License-Identifier: Apache-2.0
// Which instruction set the kernels use.
#include <cstring>
#include <string>
#if defined(__aarch64__)
#include <sys/auxv.h>
#include <sys/prctl.h>
#endif

#include "ctorch.h"
#include "kernels/kernels.hpp"

namespace {
struct Level {
  const ct::Kernels *table;
  bool supported;
};

/// All levels this library has, best first.
const Level *levels(size_t &count) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  static const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  static const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                             __builtin_cpu_supports("avx512vl");
  static const Level all[] = {
      {&ct::avx512::table, avx512}, {&ct::avx2::table, avx2}, {&ct::baseline::table, true}};
#elif defined(__aarch64__)
  // The baseline is NEON. SVE is compiled for vectors of 256 bits, and right on processors with just those.
  static const bool sve256 =
      (getauxval(AT_HWCAP) & 1ul << 22 /* HWCAP_SVE */) && (prctl(PR_SVE_GET_VL) & PR_SVE_VL_LEN_MASK) == 32;
  static const Level all[] = {{&ct::sve256::table, sve256}, {&ct::baseline::table, true}};
#else
  static const Level all[] = {{&ct::baseline::table, true}};
#endif
  count = sizeof all / sizeof *all;
  return all;
}

const ct::Kernels *best() {
  size_t count;
  const Level *all = levels(count);
  while (!all->supported) all++;
  return all->table;
}

// Thread-local, so that a test can ask for a level without disturbing its neighbours.
thread_local const ct::Kernels *chosen = nullptr;
thread_local bool plain = false;
}  // namespace

namespace ct {
const Kernels &kernels() {
  static const Kernels *const standard = best();
  return chosen ? *chosen : *standard;
}
bool isPlainAsked() { return plain; }
}  // namespace ct

extern "C" {
const char *ct_kernel_level() { return plain ? "plain" : ct::kernels().level; }

bool ct_set_kernel_level(const char *name) {
  bool isPlain = std::strcmp(name, "plain") == 0;
  if (isPlain || std::strcmp(name, "best") == 0) {
    plain = isPlain;
    chosen = nullptr;
    return true;
  }
  size_t count;
  const Level *all = levels(count);
  for (size_t i = 0; i < count; i++) {
    if (!all[i].supported || std::strcmp(all[i].table->level, name) != 0) continue;
    plain = false;
    chosen = all[i].table;
    return true;
  }
  return false;
}
}
