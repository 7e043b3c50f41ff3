#!/usr/bin/env bash
# Builds everything in release mode. Arguments go to `swift build`.
. "$(dirname "$0")/common.sh"
need swift "see https://www.swift.org/install (6.2 or newer)"
"$ROOT/scripts/native.sh"
cd "$ROOT"
say "building (a few minutes the first time)"
swift build -c release --explicit-target-dependency-import-check error "$@" >&2 \
  || fail "the build failed; the compiler's message is above"
