# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of scripts: counts what is as it should be, and says what is not, with what was last written.
passed=0 failed=0 output=""
expect() { # what, command…
  local what="$1"
  shift
  if "$@"; then passed=$((passed + 1)); return; fi
  failed=$((failed + 1))
  printf '%s: not so: %s\n%s\n' "$(basename "$0" .sh)" "$what" "$output"
}
says() { case "$output" in *"$1"*) true ;; *) false ;; esac; }
