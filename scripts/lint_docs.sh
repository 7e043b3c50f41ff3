#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Documents that keep to the tree: every relative link leads to a file; files that docs/architecture.md names are there, and
# files, suites and types that docs/paper-map.md names; what comments cite of it (docs/paper-map.md Q12) stands in it.
. "$(dirname "$0")/common.sh"
cd "$ROOT"
problems=""
note() { problems+="$1"$'\n'; }

while IFS= read -r document; do
  folder="$(dirname "$document")"
  while IFS= read -r target; do
    target="${target%%#*}"
    case "$target" in "" | *://* | mailto:*) continue ;; esac
    [ -e "$folder/$target" ] || note "$document: no file $target"
  done < <(grep -oE '\]\([^) ]+\)' "$document" | sed 's/^](//; s/)$//')
done < <(git ls-files '*.md')

map=docs/paper-map.md
while IFS= read -r name; do
  case "$name" in
    */ | *.swift) [ -e "Sources/$name" ] || note "$map: no Sources/$name" ;;
    *Tests) grep -rqE "(struct|class|enum|extension) $name\b" Tests || note "$map: no suite $name" ;;
    *) name="${name##*.}"
      grep -rqE "(struct|class|enum|protocol|extension|func|case|let|var) $name\b" Sources || note "$map: nothing called $name" ;;
  esac
done < <(sed '/^## Settings/,$d' "$map" | grep '^|' | cut -d '|' -f 3- | grep -oE '`[A-Za-z0-9/]+(\.[a-zA-Z]+|/)?`' | tr -d '`' | grep -vE '^(data|Configs)' | sort -u)

while IFS= read -r path; do
  [ -e "Sources/$path" ] || [ -e "Tests/$path" ] || [ -e "$path" ] || note "docs/architecture.md: no file $path"
done < <(grep -oE '`[A-Za-z0-9]+/[A-Za-z0-9/]*\.(swift|cpp|md)`' docs/architecture.md | tr -d '`' | grep -v NAME | sort -u)

while IFS= read -r reading; do
  grep -qE "^\| ([^|]*, )?$reading(,[^|]*)? \|" "$map" || note "$map: no reading $reading, which comments cite"
done < <(grep -rhoE 'paper-map\.md,? Q[0-9]+(, Q[0-9]+)*' Sources Tests docs --include=*.swift --include=*.md | grep -oE 'Q[0-9]+' | sort -u)

[ -z "$problems" ] || fail "$(printf 'documents that lead nowhere (scripts/lint_docs.sh):\n%s' "$problems")"
