#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the programs in Examples/, a package that depends on this one by path.
. "$(dirname "$0")/common.sh"
cd "$ROOT/Examples"
swift build -c release >&2 || fail "the examples did not build; the compiler's message is above"
for example in Sources/*/; do
  name="$(basename "$example")"
  say "example $name"
  ".build/release/$name" || fail "example $name failed"
done

# Those in Python need torch of the version the operator was built for, and transformers.
built="$(torch_version_of "$("$ROOT/scripts/libtorch.sh")")"
usable() { "$1" -c "import torch, transformers; assert torch.__version__.startswith('$built')" 2>/dev/null; }
python=""
for candidate in "${DIST2_PYTHON:-}" python3 "$CACHE/bench-venv/bin/python"; do
  if [ -n "$candidate" ] && usable "$candidate"; then python="$candidate"; break; fi
done
if [ -z "$python" ]; then
  say "skipped the examples in Python: no Python with torch $built and transformers (DIST2_PYTHON names one)"
  exit 0
fi
for example in python/test_operators.py python/test_dist2_loss.py python/train_hf.py; do
  say "example $example"
  "$python" "$example" || fail "example $example failed"
done
