#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Finds what traps on values from outside: Int(…) of a Double that was computed, Foundation's FileHandle, whose calls raise
# instead of throwing, products of sizes that a file claims.
#
# A line that is safe for a reason says so in a comment `// bounded: why`, or stands in scripts/lint_traps.allow, as
# `path: code` (values of our own: charts, tables, schedules).
. "$(dirname "$0")/common.sh"
cd "$ROOT"
allowed="$(dirname "$0")/lint_traps.allow"
patterns='Int\([^)]*\.(rounded|squareRoot)\(|Int\(\(.*\.rounded\(|Int\(log10|[^a-zA-Z]Int\(Double\('
patterns+='|FileHandle|availableData|Data\(contentsOf'
found=$(
  {
    grep -rnE "$patterns" Sources --include=*.swift
    grep -rnE 'reduce\(1, \*\)' Sources/Files Sources/TokenData --include=*.swift
  } | grep -vE '// bounded: |Sources/Fuzz/' | sed -E 's/^([^:]*):[0-9]+: */\1: /' | grep -vxFf "$allowed" || true
)
[ -z "$found" ] || fail "$(printf 'these may trap on values from outside (scripts/lint_traps.sh):\n%s' "$found")"
