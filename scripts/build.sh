#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds everything in release mode. Arguments go to `swift build`.
. "$(dirname "$0")/common.sh"
need swift "see https://www.swift.org/install (6.2 or newer)"
missing=()
for library in zlib.h:zlib1g-dev png.h:libpng-dev jpeglib.h:libjpeg-dev; do
  printf '#include <stdio.h>\n#include <%s>\n' "${library%%:*}" | cc -E - >/dev/null 2>&1 || missing+=("${library##*:}")
done
[ ${#missing[@]} -eq 0 ] || fail "headers of system libraries are missing. Install them: sudo apt-get install ${missing[*]}"
"$ROOT/scripts/native.sh"
cd "$ROOT"
say "building (a few minutes the first time)"
swift build -c release --explicit-target-dependency-import-check error "$@" >&2 \
  || fail "the build failed; the compiler's message is above"
# What `dist2 --version` says; a file, so that a commit has nothing compiled anew.
git describe --always --dirty --exclude '*' > .native/commit 2>/dev/null || rm -f .native/commit
