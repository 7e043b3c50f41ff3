#!/usr/bin/env bash
# Prints the folder of the libtorch to use. Gets it first if it is not there: from LIBTORCH, else from the torch wheel.
. "$(dirname "$0")/common.sh"

version_of() { # of a torch folder; empty if it is none
  cat "$1/include/torch/headeronly/version.h" "$1/include/torch/version.h" 2>/dev/null \
    | awk '/define TORCH_VERSION_(MAJOR|MINOR|PATCH) / { parts = parts dot $3; dot = "." } END { print parts }' || true
}

check() { # folder, how to get another
  [ -e "$1/lib/libtorch_cpu.so" ] || fail "$1/lib/libtorch_cpu.so is missing. $2"
  local version
  version="$(version_of "$1")"
  [ "$version" = "$TORCH_VERSION" ] \
    || fail "$1 holds libtorch ${version:-of an unknown version}, dist2 is made for $TORCH_VERSION. $2"
}

if [ -n "${LIBTORCH:-}" ]; then
  folder="$(cd "$LIBTORCH" 2>/dev/null && pwd)" || fail "LIBTORCH=$LIBTORCH is not a folder."
  check "$folder" "Set LIBTORCH to a folder with lib/ and include/ of libtorch $TORCH_VERSION, or unset it."
  printf '%s\n' "$folder"
  exit 0
fi

target="$CACHE/libtorch-$TORCH_VERSION"
again="Delete $target and run the same command again."
if [ ! -e "$target/sizes" ]; then
  mkdir -p "$CACHE" || fail "cannot create $CACHE. Set DIST2_CACHE to a folder you can write to."
  work="$(mktemp -d "$CACHE/.libtorch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  wheel="$(fetch_wheel "torch==$TORCH_VERSION" "$work")"
  say "unpacking $(basename "$wheel")"
  python3 -m zipfile -e "$wheel" "$work/site" || fail "cannot unpack $wheel (is the disk full?)"
  check "$work/site/torch" "$again"
  (cd "$work/site/torch/lib" && stat -c '%s %n' libc10.so libtorch_cpu.so) > "$work/site/sizes"
  rm -rf "$target"
  mv "$work/site" "$target"
fi
check "$target/torch" "$again"
(cd "$target/torch/lib" && stat -c '%s %n' libc10.so libtorch_cpu.so) | cmp -s - "$target/sizes" \
  || fail "$target was damaged after it was installed. $again"
missing="$(ldd "$target/torch/lib/libtorch_cpu.so" 2>/dev/null | awk '/not found/ { print $1 }' | sort -u | tr '\n' ' ')"
[ -z "$missing" ] || fail "this libtorch also needs: $missing(a CUDA build without its libraries). \
Set LIBTORCH to the torch folder of a complete installation, such as a virtual environment with torch $TORCH_VERSION."
printf '%s\n' "$target/torch"
