#!/usr/bin/env bash
# Side by side with the Python packages: builds Benchmarks/, makes a virtual environment for the peers, prints ratios.
. "$(dirname "$0")/common.sh"
need_pip
"$ROOT/scripts/native.sh"
model="$("$ROOT/scripts/model.sh")"
cd "$ROOT"
swift build -c release --package-path Benchmarks >&2 || fail "the benchmarks did not build; the message is above"
venv="$CACHE/bench-venv"
if [ ! -e "$venv/ready" ]; then
  say "making a virtual environment with the peers (once)"
  python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3 >&2 \
    || fail "the peers could not be installed into $venv"
  touch "$venv/ready"
fi
"$venv/bin/python" Benchmarks/tokenizer/compare.py "$model/tokenizer.json"
