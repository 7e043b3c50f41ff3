#!/usr/bin/env bash
# Every test, one at a time: several measure memory or use both cores through libtorch.
. "$(dirname "$0")/common.sh"
cd "$ROOT"
"$ROOT/scripts/build.sh" --build-tests
swift test -c release --skip-build --no-parallel "$@"
# A short round of changed input, always the same; `make fuzz` is the long one. Not with a filter.
[ $# -gt 0 ] || "$ROOT/.build/release/Fuzz" --seconds 20
