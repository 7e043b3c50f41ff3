#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The native library where it does not run every day: against the oldest libtorch that is supported, with the test bundle
# that `make test` has built, and its kernels for ARM64, cross-compiled and emulated. What is missing is skipped, with
# a reason.
. "$(dirname "$0")/common.sh"
cd "$ROOT"
out="$ROOT/.native"
log="$out/check.log"
logged() { "$@" > "$log" 2>&1 || { tail -n 20 "$log" >&2; fail "$* failed; the whole log is in $log"; }; }

if ! command -v aarch64-linux-gnu-g++ > /dev/null; then
  say "skipped kernels for ARM64: no cross compiler (sudo apt-get install g++-aarch64-linux-gnu qemu-user)"
else
  logged make -C native -j"$(nproc)" TORCH=none OUT="$out" arm64
  if command -v qemu-aarch64 > /dev/null; then
    logged make --no-print-directory -C native TORCH=none OUT="$out" check-arm64
    say "kernels for ARM64: $(tail -n 1 "$log")"
  else
    say "kernels for ARM64 compile; not run: no qemu-aarch64 (sudo apt-get install qemu-user)"
  fi
fi

# The same Swift code, told by LD_PRELOAD to take a libctorch.so made for the other libtorch: the name is the same.
oldest="$TORCH_OLDEST.0"
tests="$(ls .build/release/*PackageTests.xctest 2>/dev/null || true)"
if [ -z "$tests" ]; then
  say "skipped tests with libtorch $oldest: no test bundle (make test builds it)"
elif ! torch="$(scripts/libtorch.sh "$oldest")"; then
  say "skipped tests with libtorch $oldest: it cannot be had here"
else
  logged make -C native -j"$(nproc)" TORCH="$torch" OUT="$out/oldest" SONAME="$out/libctorch.so" "$out/oldest/libctorch.so"
  say "tests with libtorch $oldest"
  LD_PRELOAD="$out/oldest/libctorch.so" "$tests" --testing-library swift-testing --no-parallel \
    --filter '^(TorchTests|TorchNNTests|ObjectivesTests)\.' > "$log" 2>&1 \
    || { grep '✘' "$log" >&2; fail "tests with libtorch $oldest failed; the whole log is in $log"; }
  tail -n 1 "$log"
fi
