#!/usr/bin/env bash
# Builds everything in release mode. Arguments go to `swift build`.
. "$(dirname "$0")/common.sh"
need swift "see https://www.swift.org/install (6.2 or newer)"
printf '#include <zlib.h>\n' | cc -E - >/dev/null 2>&1 || fail "zlib's header is missing. Install it: sudo apt-get install zlib1g-dev"
"$ROOT/scripts/native.sh"
cd "$ROOT"
say "building (a few minutes the first time)"
swift build -c release --explicit-target-dependency-import-check error "$@" >&2 \
  || fail "the build failed; the compiler's message is above"
