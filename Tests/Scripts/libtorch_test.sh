#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which libtorch scripts/libtorch.sh takes, and what it says, with made-up wheels from an index on this machine.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
for tool in python3 cc ldd; do
  command -v $tool > /dev/null || { echo "libtorch_test: skipped, there is no $tool"; exit 0; }
done
lab="$(mktemp -d)"
server=""
trap '[ -z "$server" ] || kill "$server"; rm -rf "$lab"' EXIT
python3 "$here/make_wheels.py" "$lab" || exit 1

# An index of both kinds of build, one of CUDA's alone, one of torch without CUDA's libraries.
mkdir -p "$lab/both" "$lab/bare/simple"
cp -r "$lab/cuda/simple" "$lab/both/"
cp "$lab"/cpu/simple/torch/* "$lab/both/simple/torch/"
cp -r "$lab/cuda/simple/torch" "$lab/bare/simple/"
python3 -u -m http.server --bind 127.0.0.1 --directory "$lab" 0 > "$lab/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do grep -q 'port' "$lab/server.log" && break; sleep 0.1; done
port="$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$lab/server.log" | head -n 1)"

# The machine's own python3, but for what it has installed of torch; no GPU unless a test asks for one.
python="$(command -v python3)"
mkdir "$lab/bin" "$lab/gpu"
printf '#!/bin/sh\n[ "$1" = -c ] && exec "%s" -S "$@"\nexec "%s" "$@"\n' "$python" "$python" > "$lab/bin/python3"
printf '#!/bin/sh\nexit 9\n' > "$lab/bin/nvidia-smi"
printf '#!/bin/sh\necho "GPU 0: made up"\n' > "$lab/gpu/nvidia-smi"
chmod +x "$lab"/bin/* "$lab"/gpu/*
environment() { # version: a virtual environment whose python imports that torch
  mkdir -p "$lab/venv-$1/bin"
  printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" "$@"\n' "$lab/$1" "$python" > "$lab/venv-$1/bin/python"
  chmod +x "$lab/venv-$1/bin/python"
}
environment 2.9.1
environment 2.11.3

passed=0 failed=0
run() { # index, variables…: sets code, out (stdout), said (stderr)
  local index="$1"
  shift
  out="$(env -i PATH="$lab/bin:$PATH" HOME="$lab" DIST2_CACHE="$lab/cache" PIP_CONFIG_FILE=/dev/null PIP_NO_CACHE_DIR=1 \
    PIP_RETRIES=0 PIP_INDEX_URL="http://127.0.0.1:$port/$index/simple" "$@" "$here/../../scripts/libtorch.sh" 2> "$lab/said")"
  code=$?
  said="$(cat "$lab/said")"
}
expect() { # what, command…
  local what="$1"
  shift
  if "$@"; then passed=$((passed + 1)); return; fi
  failed=$((failed + 1))
  printf 'libtorch_test: not so: %s\n  exit code %s, printed %s, said:\n%s\n' "$what" "$code" "$out" "$said"
}
says() { case "$said" in *"$1"*) true ;; *) false ;; esac; }
silent_on() { ! says "$1"; }
fresh() { rm -rf "$lab/cache"; }
in_order() { case "$said" in *"$1"*"$2"*) true ;; *) false ;; esac; }

run none LIBTORCH="$lab/2.11.3/torch"
expect "LIBTORCH of an older supported version is taken" test "$code $out" = "0 $lab/2.11.3/torch"
expect "where it is from is said" says "libtorch 2.11.3: LIBTORCH"
run none LIBTORCH="$lab/2.9.1/torch" VIRTUAL_ENV="$lab/venv-2.11.3"
expect "LIBTORCH of a version that is too old ends it" test "$code" = 1
expect "the versions are said" says "it holds libtorch 2.9.1; dist2 takes 2.11 to 2.13"

run none VIRTUAL_ENV="$lab/venv-2.11.3"
expect "an active environment's torch is taken" test "$code $out" = "0 $lab/2.11.3/torch"
expect "the environment is said" says "the virtual environment's torch"
run none CONDA_PREFIX="$lab/venv-2.11.3" VIRTUAL_ENV="$lab/venv-2.9.1"
expect "one too old is passed over for the next" test "$code $out" = "0 $lab/2.11.3/torch"
expect "passing over is said" says "passing over the virtual environment's torch"

fresh; run cuda
site="$lab/cache/libtorch-2.13.0"
expect "the CUDA build is taken where there is no other" test "$code $out" = "0 $site/torch"
expect "the way round is said before the download" in_order "set LIBTORCH to" "Downloading torch-2.13.0-py3-none-any.whl"
expect "the file's size is said" says "torch-2.13.0-py3-none-any.whl (" 
expect "what libtorch cannot do without is there" test -e "$site/nvidia/cu13/lib/libcudart.so.13" -a -e "$site/nvidia/cu13/lib/libcupti.so.13"
expect "what only a GPU would need is not" test ! -e "$site/nvidia/cudnn" -a ! -e "$site/nvidia/cu13/lib/libcublas.so.13" \
  -a ! -e "$site/torch/lib/libtorch_cuda.so"
run none
expect "the second time needs no index" test "$code $out" = "0 $site/torch"
printf 'x' >> "$site/torch/lib/libc10.so"; run none
expect "damage is found" says "was damaged after it was installed"

fresh; run both
expect "the CPU build is taken where it is offered" test "$code $out" = "0 $site/torch"
expect "and nothing of CUDA" silent_on "nvidia"
fresh; run cuda PIP_EXTRA_INDEX_URL="http://127.0.0.1:$port/cpu/simple"
expect "or in an index that the user added" says "torch-2.13.0+cpu"
fresh; run both PATH="$lab/gpu:$lab/bin:$PATH"
expect "with a GPU it is the CUDA build" test "$code $out" = "0 $site-cuda/torch"
expect "with all of CUDA" test -e "$site-cuda/nvidia/cudnn/lib/libcudnn.so.9" -a -e "$site-cuda/nvidia/cu13/lib/libcublas.so.13" \
  -a -e "$site-cuda/torch/lib/libtorch_cuda.so"

fresh; run bare
expect "CUDA's libraries that cannot be had end it" test "$code" = 1
expect "in words" says "pip could not download CUDA's libraries"
expect "and leave nothing behind" test -z "$(ls -A "$lab/cache")"
fresh; run none
expect "no torch at all ends it" says "pip could not download torch"

echo "libtorch_test: $passed passed, $failed failed"
[ "$failed" = 0 ]
