#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What scripts/gpu.sh says where it cannot measure: one line, and nothing is built.
set -uo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
lab="$(mktemp -d)"
trap 'rm -rf "$lab"' EXIT
failures=0
expect() { # what, test…
  local what="$1"
  shift
  "$@" || { echo "gpu_test: not so: $what"; sed 's/^/gpu_test:   /' "$lab/err"; failures=1; }
}
run() { # arguments…; nvidia-smi is that of $lab/bin
  env -u DIST2_STAND_IN PATH="$lab/bin:$PATH" LIBTORCH="$lab/torch" "$root/scripts/gpu.sh" "$@" > "$lab/out" 2> "$lab/err"
  code=$?
}
mkdir -p "$lab/bin" "$lab/torch/lib"
printf '#!/bin/sh\nexit 9\n' > "$lab/bin/nvidia-smi"
chmod +x "$lab/bin/nvidia-smi"

run
expect "without a GPU it ends" test "$code" = 1
expect "with one line" test "$(cat "$lab/out" "$lab/err" | wc -l)" = 1
expect "that says why" grep -q "no NVIDIA GPU is here (nvidia-smi -L lists none), so nothing was checked or measured" "$lab/err"
run check bench
expect "so do its parts" test "$code $(wc -l < "$lab/err")" = "1 1"
run measure
expect "other words are refused" grep -q "usage: gpu.sh" "$lab/err"

printf '#!/bin/sh\necho "GPU 0: made up"\n' > "$lab/bin/nvidia-smi"
run
expect "a libtorch that is none ends it" test "$code" = 1
expect "in words" grep -q "lib/libtorch_cpu.so is missing" "$lab/err"
[ "$failures" = 0 ] && echo "gpu_test: passed"
exit "$failures"
