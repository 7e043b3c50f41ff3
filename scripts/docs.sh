#!/usr/bin/env bash
# DocC pages of the public libraries, into .build/docs/<module>.
. "$(dirname "$0")/common.sh"
need docc "it comes with the Swift toolchain"
"$ROOT/scripts/native.sh"
cd "$ROOT"
say "extracting symbols"
# It also tries the test bundle, fails there and says so by its exit code; what counts is the files of the libraries.
swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members > .native/docs.log 2>&1 || true
graphs="$(find -L .build -type d -name symbolgraph | head -n 1)"
mkdir -p .build/docs
for module in Files Torch TorchNN TokenModels MetricTokens TokenData Tabletop Objectives Training Evaluation Reports Recipes ModelImport TaskData Experiments; do
  [ -e "$graphs/$module.symbols.json" ] \
    || { tail -n 20 .native/docs.log >&2; fail "no symbols of $module were extracted"; }
  work="$(mktemp -d)"
  cp "$graphs/$module".symbols.json "$graphs/$module"@*.symbols.json "$work/" 2>/dev/null || true
  docc convert --additional-symbol-graph-dir "$work" --fallback-display-name "$module" \
    --fallback-bundle-identifier "dist2.$module" --output-path ".build/docs/$module" > .native/docs.log 2>&1 \
    || { tail -n 20 .native/docs.log >&2; fail "docc could not convert $module"; }
  rm -rf "$work"
done
say "docs: .build/docs/<module>; look at one with \`python3 -m http.server -d .build/docs/Objectives\`"
