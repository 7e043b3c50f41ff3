#!/usr/bin/env bash
# Builds and runs the programs in Examples/, a package that depends on this one by path.
. "$(dirname "$0")/common.sh"
cd "$ROOT/Examples"
swift build -c release >&2 || fail "the examples did not build; the compiler's message is above"
for example in Sources/*/; do
  name="$(basename "$example")"
  say "example $name"
  ".build/release/$name" || fail "example $name failed"
done
