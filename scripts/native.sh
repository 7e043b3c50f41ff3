#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the native library into .native/ (seconds; only what changed).
. "$(dirname "$0")/common.sh"
need make "sudo apt-get install make"
command -v clang++ >/dev/null 2>&1 || need g++ "sudo apt-get install g++"
torch="$("$ROOT/scripts/libtorch.sh")"
log="$ROOT/.native/build.log"
mkdir -p "$ROOT/.native"
make -C "$ROOT/native" -j"$(nproc)" TORCH="$torch" OUT="$ROOT/.native" > "$log" 2>&1 \
  || { tail -n 20 "$log" >&2; fail "the native library did not compile; the whole log is in $log"; }
