#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Feeds readers with changed input: SEED makes the inputs, MINUTES bounds the time, ONLY names one reader.
# What ends a reader otherwise than by an error is kept in .build/fuzz, and its path printed.
. "$(dirname "$0")/common.sh"
"$ROOT/scripts/build.sh" --product Fuzz
cd "$ROOT"
.build/release/Fuzz --seed "${SEED:-1}" --seconds $((60 * ${MINUTES:-5})) ${ONLY:+--only "$ONLY"}
