#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every public declaration has a documentation comment right above it or its attributes. Generated code is left out.
. "$(dirname "$0")/common.sh"
cd "$ROOT"
bare=$(
  find Sources -name '*.swift' ! -name '*.pb.swift' | sort | xargs awk '
    function words(list) { return "((" list ")(\\([a-z]+\\))? +)*" }
    BEGIN {
      attributes = "(@[A-Za-z_]+(\\([^)]*\\))? *)*"
      modifiers = words("static|class|final|nonisolated|convenience|required|mutating|indirect|prefix|weak|lazy|private")
      kinds = "(var|let|func|init|struct|class|enum|protocol|subscript|typealias|actor|associatedtype)"
      declaration = "^ *" attributes modifiers "(public|open) +" modifiers kinds "[^A-Za-z]"
    }
    FNR == 1 { documented = 0 }
    /^ *\/\/\// { documented = 1; next }
    $0 ~ "^ *" attributes "$" { next }
    $0 ~ declaration && !documented { print FILENAME ":" FNR ": " $0 }
    { documented = 0 }'
)
[ -z "$bare" ] || fail "$(printf 'public declarations without a documentation comment (scripts/lint_public.sh):\n%s' "$bare")"
