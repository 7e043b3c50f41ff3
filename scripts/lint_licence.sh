#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every source file of ours begins with its licence (SPDX). --fix adds the line where it is missing: first, or after what
# must be first (#!, swift-tools-version). Generated files have none.
. "$(dirname "$0")/common.sh"
cd "$ROOT"
line="SPDX-License-Identifier: Apache-2.0"
generated='\.pb\.swift$|TokenData/Tokenizer/Unicode(Class|Normalization|Script)Tables\.swift$'

missing="$(
  git ls-files --cached --others --exclude-standard '*.swift' '*.c' '*.cpp' '*.h' '*.hpp' '*.py' '*.sh' .ci/run | grep -vE "$generated" \
    | xargs grep -LE "^(//|#) $line\$" || true
)"

if [ "${1:-}" = --fix ]; then
  # Where the line goes: first, or second where something else must be first.
  declare -A places=()
  for file in $missing; do
    case "$file" in *.swift | *.c | *.cpp | *.h | *.hpp) mark="//" ;; *) mark="#" ;; esac
    read -r first < "$file" || true
    case "$first" in "#!"* | "// swift-tools-version"*) place="1a" ;; *) place="1i" ;; esac
    places["$place $mark"]+="$file "
  done
  for place in "${!places[@]}"; do
    # shellcheck disable=SC2086
    sed -i "$place $line" ${places[$place]}
  done
  say "licence lines added: $(wc -w <<< "$missing")"
elif [ -n "$missing" ]; then
  fail "$(printf 'files without "%s"; scripts/lint_licence.sh --fix adds it:\n%s' "$line" "$missing")"
fi
