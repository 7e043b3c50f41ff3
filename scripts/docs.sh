#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# DocC pages of the libraries with the articles beside them (Sources/*/*.docc), into .build/docs/<module>. Symbols are read
# from the modules of the release build, so after `make build` or `make test` this takes seconds.
. "$(dirname "$0")/common.sh"
need docc "it comes with the Swift toolchain"
"$ROOT/scripts/build.sh" --product dist2
cd "$ROOT"
modules=(Files Torch TorchNN TokenModels MetricTokens TokenData Tabletop Objectives Training Evaluation Reports Recipes
  ModelImport TaskData Experiments Server)
built="$(cd .build/release && pwd -P)"
maps=()
for map in "$ROOT"/Sources/C*/module.modulemap "$built"/*.build/module.modulemap \
  "$ROOT"/.build/checkouts/*/Sources/*/include/module.modulemap; do
  maps+=(-Xcc "-fmodule-map-file=$map")
done
log=.native/docs.log
: > "$log"
mkdir -p .build/docs
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for module in "${modules[@]}"; do
  mkdir "$work/$module"
  swift symbolgraph-extract -module-name "$module" -I "$built/Modules" "${maps[@]}" \
    -target "$(swiftc -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)",/\1/p')" \
    -minimum-access-level public -skip-synthesized-members -output-dir "$work/$module" >> "$log" 2>&1 \
    || { tail -n 20 "$log" >&2; fail "no symbols of $module were extracted"; }
  catalogue=()
  [ ! -d "Sources/$module/$module.docc" ] || catalogue=("Sources/$module/$module.docc")
  docc convert "${catalogue[@]}" --additional-symbol-graph-dir "$work/$module" --fallback-display-name "$module" \
    --fallback-bundle-identifier "dist2.$module" --output-path ".build/docs/$module" >> "$log" 2>&1 \
    || { tail -n 20 "$log" >&2; fail "docc could not convert $module"; }
done
# Links that lead nowhere are errors; that some parameters speak for themselves is not.
if grep -A 3 -E "^(warning|error): .*(doesn't exist|No symbol|Unable to resolve|couldn't be resolved|ambiguous)" "$log" >&2; then
  fail "links of documentation comments or articles lead nowhere; they are above, the whole log is in $log"
fi
say "docs: .build/docs/<module>; look at one with \`python3 -m http.server -d .build/docs/Objectives\`"
