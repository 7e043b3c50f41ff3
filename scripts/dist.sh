#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packs an installation into .build/dist2-VERSION-PLATFORM.tar.gz; CARRY=no leaves libtorch out (32 MB, not 142).
. "$(dirname "$0")/common.sh"
version="$("$ROOT/.build/release/dist2" --version | cut -d' ' -f1)"
name="dist2-$version-$(uname -m)-linux"
[ "${CARRY:-yes}" = yes ] || name="$name-without-libtorch"
stage="$(mktemp -d "$ROOT/.build/stage.XXXXXX")"
trap 'rm -rf "$stage"' EXIT
"$ROOT/scripts/install.sh" "$stage/$name"
say "packing"
tar -C "$stage" --owner=0 --group=0 --numeric-owner -czf "$stage/archive" "$name" || fail "cannot pack (is the disk full?)"
mv "$stage/archive" "$ROOT/.build/$name.tar.gz"
say "$ROOT/.build/$name.tar.gz, $(du -h "$ROOT/.build/$name.tar.gz" | cut -f1)B"
