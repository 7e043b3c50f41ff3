#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the folder of the libtorch to use, and says which was taken: LIBTORCH; else the torch of a Python environment,
# active or default; else a wheel, fetched once into the cache. `libtorch.sh 2.11.0` gets the wheel of that version.
. "$(dirname "$0")/common.sh"
wanted="${1:-$TORCH_VERSION}"

# Why a torch folder cannot be used; nothing if it can.
fault() {
  [ -e "$1/lib/libtorch_cpu.so" ] || { printf 'lib/libtorch_cpu.so is missing'; return; }
  local version missing
  version="$(torch_version_of "$1")"
  if ! is_supported "$version"; then
    printf 'it holds libtorch %s; dist2 takes %s to %s' "${version:-of an unknown version}" "$TORCH_OLDEST" "$TORCH_NEWEST"
    return
  fi
  missing="$(missing_libraries "$1")"
  [ -z "$missing" ] || printf 'its libtorch also needs %s (a CUDA build without its libraries)' "$missing"
}

take() { # folder, where it is from
  say "libtorch $(torch_version_of "$1"): $2, $1"
  printf '%s\n' "$1"
  exit 0
}

if [ $# -eq 0 ] && [ -n "${LIBTORCH:-}" ]; then
  folder="$(cd "$LIBTORCH" 2>/dev/null && pwd)" || fail "LIBTORCH=$LIBTORCH is not a folder."
  why="$(fault "$folder")"
  [ -z "$why" ] || fail "LIBTORCH=$folder cannot be used: $why. \
Set it to the torch folder of a complete installation (with lib/ and include/), or unset it."
  take "$folder" "LIBTORCH"
fi

# Where Python would import torch from, without importing it; not from the folder we are in.
torch_of() {
  (cd / && "$1" -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0])') \
    2>/dev/null || true
}
environments() {
  [ -z "${VIRTUAL_ENV:-}" ] || printf '%s\t%s\n' "$VIRTUAL_ENV/bin/python" "the virtual environment's torch"
  [ -z "${CONDA_PREFIX:-}" ] || printf '%s\t%s\n' "$CONDA_PREFIX/bin/python" "the conda environment's torch"
  printf '%s\t%s\n' python3 "python3's torch"
}
if [ $# -eq 0 ]; then
  while IFS=$'\t' read -r python name; do
    folder="$(torch_of "$python")"
    [ -n "$folder" ] || continue
    why="$(fault "$folder")"
    [ -n "$why" ] || take "$folder" "$name"
    say "passing over $name in $folder: $why"
  done < <(environments)
fi

# A wheel. The CUDA build needs a GPU to be worth its libraries; without one the small CPU build, where there is one.
has_gpu() { nvidia-smi -L 2>/dev/null | grep -q '^GPU'; }
kind=""
if has_gpu; then kind="-cuda"; fi
target="$CACHE/libtorch-$wanted$kind"
again="Delete $target and run the same command again."
avoid="To avoid this, stop with Ctrl-C and set LIBTORCH to a torch folder that is there, or activate an environment that \
has torch $TORCH_OLDEST to $TORCH_NEWEST"

# Requirements of the wheel in a folder on CUDA's libraries; with `few`, on those libtorch does not load without.
cuda_requirements() {
  sed -n 's/^Requires-Dist: \(nvidia-.*\|cuda-toolkit.*\)/\1/p' "$1"/torch-*.dist-info/METADATA | grep -v 'extra *==' \
    | if [ "${2:-}" = few ]; then
        sed -n '/^nvidia-cuda-\(runtime\|cupti\)/p; s/^cuda-toolkit *\[[^]]*\]/cuda-toolkit[cudart,cupti]/p'
      else cat; fi || true
}

unpack() { # folder, wheels
  local site="$1" wheel
  shift
  for wheel in "$@"; do
    python3 -m zipfile -e "$wheel" "$site" || fail "cannot unpack $wheel (is the disk full?)"
  done
}

add_cuda() { # site, few or all
  local requirements folder
  mapfile -t requirements < <(cuda_requirements "$1" "$2")
  [ ${#requirements[@]} -gt 0 ] || return 0
  folder="$(mktemp -d "$work/cuda.XXXXXX")"
  fetch_wheels "$folder" with-deps "${requirements[@]}" || fetch_failed "$folder" "CUDA's libraries"
  unpack "$1" "$folder"/*.whl
  rm -rf "$folder"
}

install_wheel() { # site
  local site="$1"
  if [ -n "$kind" ]; then
    say "a GPU is there: fetching torch $wanted for CUDA (about 0.5 GB) and CUDA's libraries (about 2 GB), once. $avoid"
    fetch_wheels "$work" alone "torch==$wanted,!=$wanted+cpu" || fetch_failed "$work" "torch"
  elif ! fetch_wheels "$work" alone "torch==$wanted+cpu"; then
    say "pip's index has no CPU build (torch $wanted+cpu): fetching its standard build, for x86-64 CUDA's (about 0.5 GB), \
once. $avoid, or let PIP_EXTRA_INDEX_URL name an index of CPU builds."
    fetch_wheels "$work" alone "torch==$wanted" || fetch_failed "$work" "torch"
  fi
  say "unpacking"
  unpack "$site" "$work"/*.whl
  rm "$work"/*.whl
  if [ -n "$kind" ]; then
    add_cuda "$site" all
  else
    # What only a GPU would use is a third of a CUDA build, and needs gigabytes of libraries.
    rm -f "$site"/torch/lib/libtorch_cuda*.so
    [ -z "$(missing_libraries "$site/torch")" ] || add_cuda "$site" few
    [ -z "$(missing_libraries "$site/torch")" ] || add_cuda "$site" all
  fi
}

if [ ! -e "$target/sizes" ]; then
  need_pip
  mkdir -p "$CACHE" || fail "cannot create $CACHE. Set DIST2_CACHE to a folder you can write to."
  work="$(mktemp -d "$CACHE/.libtorch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/site"
  install_wheel "$work/site"
  why="$(fault "$work/site/torch")"
  [ -z "$why" ] || fail "the torch that pip fetched cannot be used: $why. \
Set LIBTORCH to the torch folder of a complete installation, such as a virtual environment with torch $wanted."
  (cd "$work/site/torch/lib" && stat -c '%s %n' libc10.so libtorch_cpu.so) > "$work/site/sizes"
  rm -rf "$target"
  mv "$work/site" "$target"
fi
why="$(fault "$target/torch")"
[ -z "$why" ] || fail "$target cannot be used: $why. $again"
(cd "$target/torch/lib" && stat -c '%s %n' libc10.so libtorch_cpu.so) | cmp -s - "$target/sizes" \
  || fail "$target was damaged after it was installed. $again"
rm -rf "${work:-}"
take "$target/torch" "fetched"
