#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what `make build` built into a folder that may be moved: the command, the libraries it needs, libtorch,
# completions for shells and a manual page. CARRY=no leaves libtorch out: it is then looked for at each start.
# usage: install.sh PREFIX
. "$(dirname "$0")/common.sh"
prefix="${1:?usage: install.sh PREFIX}"
need patchelf "sudo apt-get install patchelf"
need strip "sudo apt-get install binutils"
built="$ROOT/.build/release/dist2"
native="$ROOT/.native/libctorch.so"
[ -x "$built" ] || fail "$built is missing. Run make build first."
library="$prefix/lib/dist2"
mkdir -p "$prefix/bin" "$library" || fail "cannot create $prefix. Set PREFIX to a folder you can write to."
torch="$(ldd "$native" | awk '/libtorch_cpu.so/ { print $3 }' | xargs -r dirname)"
[ -n "$torch" ] || fail "$native finds no libtorch any more. Run make native."

# Files are written beside their place and renamed, since what is there may be running.
place() { # file, target
  cp -L "$1" "$2.new"
  chmod u+w "$2.new"
}
placed() { mv "$1.new" "$1"; }

# What the system itself brings on every Linux: never carried.
system='^(linux-vdso|ld-linux.*|libc|libm|libdl|librt|libpthread|libstdc[+][+]|libgcc_s)[.]so'
needed() { ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | awk -F/ -v skip="$system" '$NF !~ skip'; }

say "installing into $prefix"
place "$built" "$library/dist2"
strip "$library/dist2.new"
# One change a call: patchelf 0.14 makes only the first of two.
patchelf --replace-needed "$native" libctorch.so "$library/dist2.new"
patchelf --set-rpath '$ORIGIN' "$library/dist2.new"
placed "$library/dist2"
place "$native" "$library/libctorch.so"
strip "$library/libctorch.so.new"
patchelf --set-soname libctorch.so "$library/libctorch.so.new"
patchelf --set-rpath '$ORIGIN/torch/lib' "$library/libctorch.so.new"
placed "$library/libctorch.so"

# Swift's runtime, libpng, libjpeg, zlib.
needed "$built" | while read -r file; do
  case "$file" in "$native" | "$torch"/* | */nvidia/*) continue ;; esac
  to="$library/$(basename "$file")"
  place "$file" "$to"
  strip --strip-unneeded "$to.new"
  patchelf --set-rpath '$ORIGIN' "$to.new"
  placed "$to"
done

rm -rf "$library/torch"
if [ "${CARRY:-yes}" = yes ]; then
  # libtorch's own libraries as they are: they look for each other in their own folder.
  mkdir -p "$library/torch/lib"
  for file in "$torch/libtorch_cpu.so" $(needed "$torch/libtorch_cpu.so"); do
    cp -L "$file" "$library/torch/lib/"
  done
fi
torch_version_of "$(dirname "$torch")" > "$library/libtorch"
cp "$ROOT/.native/commit" "$library/" 2>/dev/null || rm -f "$library/commit"
install -m 755 "$ROOT/scripts/launcher.sh" "$prefix/bin/dist2"

bash="$prefix/share/bash-completion/completions" zsh="$prefix/share/zsh/site-functions"
fish="$prefix/share/fish/vendor_completions.d" manual="$prefix/share/man/man1"
mkdir -p "$bash" "$zsh" "$fish" "$manual"
"$built" --generate-completion-script bash > "$bash/dist2"
"$built" --generate-completion-script zsh > "$zsh/_dist2"
"$built" --generate-completion-script fish > "$fish/dist2.fish"
"$built" --experimental-dump-help | python3 "$ROOT/scripts/manual.py" > "$manual/dist2.1" \
  || { rm -f "$manual/dist2.1"; say "no manual page: it needs python3"; }
[ "${CARRY:-yes}" = yes ] || export LIBTORCH="${torch%/lib}"
version="$("$prefix/bin/dist2" --version)" || fail "what was installed does not start"
say "installed: dist2 $version, $(du -sh "$library" | cut -f1)B in $library"
