#!/usr/bin/env bash
# Every test, one at a time: several measure memory or use both cores through libtorch.
. "$(dirname "$0")/common.sh"
cd "$ROOT"
"$ROOT/scripts/build.sh" --build-tests
swift test -c release --skip-build --no-parallel "$@"
# Not with a filter: the scripts, and a short round of changed input, always the same; `make fuzz` is the long one.
[ $# -eq 0 ] || exit 0
for test in Tests/Scripts/*_test.sh; do "$test" || fail "$test failed"; done
"$ROOT/.build/release/Fuzz" --seconds 20
