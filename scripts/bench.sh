#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Side by side with PyTorch: builds Benchmarks/, makes a virtual environment for the peers, prints ratios and writes
# Benchmarks/results/latest.json; a whole run is kept there by date, commit and machine, and drawn into docs/images/bench.svg.
# QUICK=1 takes two rounds each; ONLY="step startup" names the cases.
. "$(dirname "$0")/common.sh"
need_pip
"$ROOT/scripts/native.sh"
model="$("$ROOT/scripts/model.sh")"
cd "$ROOT"
say "building the benchmarks"
swift build -c release --package-path Benchmarks >&2 || fail "the benchmarks did not build; the message is above"
venv="$CACHE/bench-venv"
if ! cmp -s Benchmarks/requirements.txt "$venv/ready"; then
  say "making a virtual environment with the peers (once)"
  rm -f "$venv/ready"
  python3 -m venv "$venv" \
    && "$venv/bin/pip" install --quiet --disable-pip-version-check -r Benchmarks/requirements.txt >&2 \
    || fail "the peers could not be installed into $venv"
  cp Benchmarks/requirements.txt "$venv/ready"
fi
arguments=()
[ -z "${QUICK:-}" ] || arguments+=(--quick)
for name in ${ONLY:-}; do arguments+=(--only "$name"); done
cd Benchmarks
"$venv/bin/python" -m suite "$model" "${arguments[@]}"
# What is the same on every machine: instructions and allocations, beside their thresholds.
if [ -z "${ONLY:-}${QUICK:-}" ]; then
  if command -v valgrind > /dev/null; then "$venv/bin/python" -m suite.counts
  else say "instructions and allocations not counted: no valgrind (sudo apt-get install valgrind)"; fi
fi
