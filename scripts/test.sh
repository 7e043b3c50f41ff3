#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test, one at a time: several measure memory, time or page faults of the process, set its working folder, streams,
# limits or libtorch's threads and seeds, or use every core through libtorch. What was skipped is listed at the end.
. "$(dirname "$0")/common.sh"
cd "$ROOT"
"$ROOT/scripts/build.sh" --build-tests
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
status=0
swift test -c release --skip-build --no-parallel "$@" 2>&1 | tee "$log" || status=$?
# As on a GPU, on the device that stands in for one: it has to be there before a process's first backward pass.
if [ $# -eq 0 ] && [ $status -eq 0 ]; then
  DIST2_STAND_IN=1 swift test -c release --skip-build --no-parallel --filter StandInTests || status=$?
fi
# Ranks as threads of one process (Sources/TestSupport/ProcessThreads.swift says why apart). What crashes, for which no
# expectation failed, is run once more.
ranks() {
  DIST2_RANKS_AS_THREADS=1 swift test -c release --skip-build --no-parallel \
    --filter '(ProcessGroupTests|DistributedTests|ShardingTests|ShardedCheckpointTests)' 2>&1 | tee "$1"
}
if [ $# -eq 0 ] && [ $status -eq 0 ]; then
  ranks="$(mktemp)"
  if ! ranks "$ranks"; then
    if grep -q '✘' "$ranks"; then
      status=1
    else
      say "several ranks in one process crashed; once more"
      ranks "$ranks" || status=$?
    fi
  fi
  rm -f "$ranks"
fi

sed 's/\x1b\[[0-9;]*m//g' "$log" | sed -nE 's/^[^A-Za-z]*(Test|Suite) (.+) skipped(: "(.*)")?\.?$/\4\t\2/p' | sort \
  | awk -F '\t' '
    { names[$1] = names[$1] (names[$1] == "" ? "" : ", ") $2; count++ }
    END {
      printf "dist2: %d tests and suites skipped%s\n", count, (count ? ":" : "")
      for (reason in names) printf "dist2:   %s: %s\n", (reason == "" ? "no reason given" : reason), names[reason]
    }' >&2
if [ $status -ne 0 ]; then
  # Thousands of lines above, and what ran beside it comes last: what failed is said once more.
  sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -A 3 -E '^[^A-Za-z]*Test .* recorded an issue' | cut -c 1-600 >&2 || true
  exit $status
fi
# Not with a filter: the scripts, and a short round of changed input, always the same; `make fuzz` is the long one.
[ $# -eq 0 ] || exit 0
for test in Tests/Scripts/*_test.sh; do "$test" || fail "$test failed"; done
"$ROOT/.build/release/Fuzz" --seconds 20
