#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All that only a machine with an NVIDIA GPU can tell (docs/guides/gpu.md): builds the native library for a CUDA libtorch,
# holds training, generation and checkpoints on the GPU to the CPU's, then measures steps, losses and memory beside
# transformers' Trainer, Liger and torch.compile. Results: Benchmarks/results/gpu.json.
# usage: gpu.sh [check] [bench]     both unless named
#        gpu.sh pack FOLDER         on a machine with Swift, for one with a GPU and no Swift: carry FOLDER there and run
#                                   FOLDER/scripts/gpu.sh; it takes a C++ compiler and a torch of Python with CUDA
. "$(dirname "$0")/common.sh"
bundle="$ROOT/lib/dist2"  # of `pack`: beside scripts

has_gpu() { nvidia-smi -L 2>/dev/null | grep -q '^GPU'; }
is_bundle() { [ -x "$bundle/tests" ]; }

pack() {
  local target="$1" tests="$ROOT/.build/release/dist2PackageTests.xctest" native="$ROOT/.native/libctorch.so" file
  "$ROOT/scripts/build.sh"
  "$ROOT/scripts/build.sh" --build-tests
  CARRY=no "$ROOT/scripts/install.sh" "$target"
  cp "$tests" "$target/lib/dist2/tests"
  patchelf --replace-needed "$native" libctorch.so "$target/lib/dist2/tests"
  patchelf --set-rpath '$ORIGIN' "$target/lib/dist2/tests"
  # Swift's runtime, of which tests need more than the command.
  ldd "$tests" | awk '$2 == "=>" && $3 ~ /\/usr\/lib\/swift\// { print $3 }' | while read -r file; do
    [ -e "$target/lib/dist2/$(basename "$file")" ] || cp -L "$file" "$target/lib/dist2/"
  done
  mkdir -p "$target/Sources" "$target/Tests" "$target/Benchmarks/results"
  cp -r "$ROOT/Sources/CTorch" "$target/Sources/"
  cp -r "$ROOT/native" "$ROOT/scripts" "$target/"
  cp -r "$ROOT/Tests/Fixtures" "$target/Tests/"
  cp "$ROOT/Benchmarks/gpu.py" "$ROOT/Benchmarks/gpu-requirements.txt" "$target/Benchmarks/"
  say "carry $target to the machine with the GPU and run scripts/gpu.sh there"
}

# The native library and, where Swift is, everything else, for a libtorch with CUDA.
prepare() {
  torch="$("$ROOT/scripts/libtorch.sh")"
  [ -e "$torch/lib/libtorch_cuda.so" ] || [ -n "${DIST2_STAND_IN:-}" ] \
    || fail "$torch is a CPU build. Set LIBTORCH to the torch folder of a CUDA build, or deactivate that environment."
  export LIBTORCH="$torch"
  if is_bundle; then
    command -v clang++ > /dev/null || need g++ "sudo apt-get install g++"
    make -C "$ROOT/native" -j"$(nproc)" TORCH="$torch" OUT="$ROOT/.native" SONAME=libctorch.so > "$ROOT/native.log" 2>&1 \
      || { tail -n 20 "$ROOT/native.log" >&2; fail "the native library did not compile; the whole log is in $ROOT/native.log"; }
    cp "$ROOT/.native/libctorch.so" "$bundle/"
    torch_version_of "$torch" > "$bundle/libtorch"
    dist2="$ROOT/bin/dist2"
  else
    "$ROOT/scripts/build.sh" --product dist2
    dist2="$ROOT/.build/release/dist2"
  fi
  "$dist2" doctor >&2 || true
}

check() {
  say "holding the GPU to the CPU's kernels"
  if is_bundle; then
    DIST2_GPU=1 DIST2_FIXTURES="$ROOT/Tests/Fixtures" LD_LIBRARY_PATH="$LIBTORCH/lib" \
      "$bundle/tests" --testing-library swift-testing --no-parallel --filter StandInTests
  else
    "$ROOT/scripts/build.sh" --build-tests
    (cd "$ROOT" && DIST2_GPU=1 swift test -c release --skip-build --no-parallel --filter StandInTests)
  fi || fail "the GPU does not compute what the CPU does; the tests above say where"
}

bench() {
  need_pip
  local venv="$CACHE/gpu-venv" requirements="$ROOT/Benchmarks/gpu-requirements.txt" version wanted
  version="$(torch_version_of "$LIBTORCH")"
  wanted="$(cat "$requirements") torch==$version"
  if [ "$(cat "$venv/ready" 2> /dev/null)" != "$wanted" ]; then
    say "making a virtual environment with the peers (once)"
    rm -rf "$venv"
    python3 -m venv "$venv" \
      && "$venv/bin/pip" install --quiet --disable-pip-version-check "torch==$version" -r "$requirements" >&2 \
      || fail "the peers could not be installed into $venv"
    printf '%s\n' "$wanted" > "$venv/ready"
  fi
  local model
  model="$("$ROOT/scripts/model.sh")"
  "$venv/bin/python" "$ROOT/Benchmarks/gpu.py" --dist2 "$dist2" --model "$model" --native "$ROOT/.native/libctorch.so" \
    --out "$ROOT/Benchmarks/results/gpu.json"
}

if [ "${1:-}" = pack ]; then
  pack "${2:?usage: gpu.sh pack FOLDER}"
  exit 0
fi
for part in "$@"; do case "$part" in check | bench) ;; *) fail "usage: gpu.sh [check] [bench], or gpu.sh pack FOLDER" ;; esac; done
# DIST2_STAND_IN=1 goes through the checks on the device that stands in for a GPU: a test of this script.
has_gpu || [ -n "${DIST2_STAND_IN:-}" ] \
  || fail "no NVIDIA GPU is here (nvidia-smi -L lists none), so nothing was checked or measured."
prepare
for part in "${@:-check}"; do "$part"; done
[ $# -gt 0 ] || bench
