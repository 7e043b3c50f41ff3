// SPDX-License-Identifier: Apache-2.0
// How libtorch's threads wait for each other.
#include "common.hpp"
#include <ATen/Parallel.h>
#include <cstdlib>
#include <dlfcn.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace {
using Region = void (*)(void (*)(void *), void *, unsigned, unsigned);

void nothing(void *) {}
} // namespace

// After each parallel loop libgomp's threads watch memory for the next, 300,000 times over, which is milliseconds, before they
// sleep. Where other programs want the cores, a thread that others wait for is not running while these watch: a step of a
// small model took thirty times as long as with one thread. Of a process with more threads than cores libgomp makes them sleep
// after 100 looks; nothing but the environment sets that from outside, and that is read before `main`. So here are a few
// threads more, which never do anything.
extern "C" void ct_limit_spinning(void) {
  if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return; // the user has said it
  const auto region = reinterpret_cast<Region>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  if (!region) return; // another OpenMP
  const int cores = int(std::thread::hardware_concurrency()), threads = at::get_num_threads();
  // Beside `threads` of the caller these are more than `cores`.
  const unsigned idle = unsigned(std::max(cores - threads, 0)) + 2;
  try {
    std::thread([region, idle] {
      region(&nothing, nullptr, idle, 0);
      for (;;) pause(); // its threads last as long as it does
    }).detach();
  } catch (const std::system_error &) {
    // No thread to be had: what needs one says so.
  }
}
