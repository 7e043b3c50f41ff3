#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An installation that is moved and started with an empty environment; one without libtorch says how to get it.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
command -v patchelf > /dev/null || { echo "install_test: skipped, there is no patchelf (sudo apt-get install patchelf)"; exit 0; }
[ -x "$root/.build/release/dist2" ] || { echo "install_test: skipped, dist2 is not built"; exit 0; }
lab="$(mktemp -d)"
trap 'rm -rf "$lab"' EXIT
. "$(dirname "$0")/expectations.sh"
matches() { [[ "$output" =~ $1 ]]; }

output="$("$root/scripts/install.sh" "$lab/first" 2>&1)"
expect "it installs" test -x "$lab/first/bin/dist2"
mkdir "$lab/another place"
mv "$lab/first" "$lab/another place/moved"
moved="$lab/another place/moved"
mkdir "$lab/links" "$lab/work"
ln -s "$moved/bin/dist2" "$lab/links/dist2"
dist2() { output="$(cd "$lab/work" && env -i "$lab/links/dist2" "$@" 2>&1)"; }

dist2 --version
expect "version, commit and libtorch are said" matches '^0\.[0-9]+\.[0-9]+ \(commit [0-9a-z-]+, libtorch 2\.[0-9]+\.[0-9]+\)$'
dist2 doctor --json
output="${output//\\\//\/}"
expect "the libtorch in use is the one beside it" says "in $moved/lib/dist2/torch"

# What the loader finds, and what the files name.
output="$(env -i ldd "$moved/lib/dist2/dist2" | awk '$2 == "=>" { $1 = $2 = ""; print }' | grep -v "$moved/")"
expect "the rest is the system's" test -z "$(printf '%s\n' "$output" | grep -vE '^ *(/usr)?/lib(64)?/.*/(ld-linux[^/]*|libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s)\.so')"
output="$(for file in "$moved"/lib/dist2/dist2 "$moved"/lib/dist2/*.so*; do
  patchelf --print-needed --print-rpath "$file"
  patchelf --print-soname "$file" 2> /dev/null
done | tr ':' '\n' | grep '^/')"
expect "no library is named by an absolute path" test -z "$output"

dist2 new-lm --width 16 --layers 1 --heads 2 --context 64 -o m
for n in 1 2 3 4; do echo "{\"prompt\": \"$n+$n=\", \"completion\": \"$((2 * n))\"}"; done > "$lab/work/train.jsonl"
cat > "$lab/work/run.yaml" <<'RUN'
model: m
data: { train: train.jsonl, valid: train.jsonl, test: train.jsonl }
metrics: [{ tokens: digits }]
train: { steps: 2, batch: 2, samples: 0 }
RUN
dist2 train run.yaml -o out
expect "it trains" test "$(tail -n 1 "$lab/work/out/metrics.jsonl" | grep -c '"step":2')" = 1
dist2 compare run.yaml -o both --objectives sft,dist --seeds 1
expect "it starts itself for runs side by side" test -e "$lab/work/both/report.html"

bash -n "$moved/share/bash-completion/completions/dist2"
expect "bash reads its completions" test $? = 0
expect "the manual page has the subcommands" grep -q '^.SS "train"' "$moved/share/man/man1/dist2.1"

# Without libtorch beside it.
torch="$(dirname "$(dirname "$(ldd "$root/.native/libctorch.so" | awk '/libtorch_cpu.so/ { print $3 }')")")"
rm -r "$moved/lib/dist2/torch"
mkdir "$lab/bin"
printf '#!/bin/sh\nexit 1\n' > "$lab/bin/python3"
chmod +x "$lab/bin/python3"
bare() { output="$(env -i PATH="$lab/bin:/usr/bin:/bin" HOME="$lab" "$@" "$moved/bin/dist2" --version 2>&1)"; code=$?; }
bare
expect "a missing libtorch ends it" test "$code" = 1
expect "and is said, with what brings it" matches 'libtorch 2\.[0-9.]+ is missing\. Install it with python3 -m pip install torch==2'
bare LIBTORCH="$torch"
expect "LIBTORCH is taken" test "$code" = 0
mkdir -p "$lab/old/include/torch"
printf '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 9\n#define TORCH_VERSION_PATCH 1\n' > "$lab/old/include/torch/version.h"
bare LIBTORCH="$lab/old"
expect "another version is refused" says "holds libtorch 2.9.1; this dist2 was built for"
mkdir -p "$lab/.cache/dist2" && ln -s "$(dirname "$torch")" "$lab/.cache/dist2/libtorch-$(cat "$moved/lib/dist2/libtorch")"
bare
expect "the cache's libtorch is taken" test "$code" = 0

echo "install_test: $passed passed, $failed failed"
[ "$failed" = 0 ]
