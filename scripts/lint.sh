#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formatting as the toolchain's swift-format wants it, scripts that at least parse, and the checks of scripts/lint_*.sh.
. "$(dirname "$0")/common.sh"
need swift "see https://www.swift.org/install (6.2 or newer)"
cd "$ROOT"
folders=(Sources Tests Package.swift)
for extra in Examples Benchmarks; do [ -d "$extra" ] && folders+=("$extra"); done
swift format lint --strict --parallel --recursive "${folders[@]}" || fail "run \`make format\`"
for script in scripts/*.sh Tests/Scripts/*.sh .ci/run; do bash -n "$script"; done
"$ROOT/scripts/lint_traps.sh"
"$ROOT/scripts/lint_docs.sh"
"$ROOT/scripts/lint_public.sh"
"$ROOT/scripts/lint_licence.sh"
say "lint: clean"
