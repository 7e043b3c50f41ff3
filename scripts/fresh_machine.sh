#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# README's set-up on a machine that has nothing: a Debian made by debootstrap in a folder, the packages that README names,
# this machine's Swift toolchain, mounted read-only, a clone of this checkout's last commit. Needs root; not for CI.
# usage: fresh_machine.sh [TARGET…] (make's, `demo` unless given); FOLDER keeps the machine for another run.
. "$(dirname "$0")/common.sh"
[ "$(id -u)" = 0 ] || fail "this makes a file system and needs root."
need debootstrap "sudo apt-get install debootstrap"
need unshare "sudo apt-get install util-linux"
need swift "see https://www.swift.org/install (6.2 or newer)"
targets=("${@:-demo}")
machine="${FOLDER:-$(mktemp -d /var/tmp/fresh.XXXXXX)}"
[ -n "${FOLDER:-}" ] || trap 'rm -rf --one-file-system "$machine"' EXIT
toolchain="$(cd "$(dirname "$(readlink -f "$(command -v swift)")")/../.." && pwd)"
seconds() { say "$1: $((SECONDS - began)) s"; began=$SECONDS; }
began=$SECONDS

# The first mirror and the suite of this machine's own apt.
mirror="$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null \
  | awk '$1 == "URIs:" { print $2; exit } $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' || true)"
[ -n "$mirror" ] || fail "no mirror in /etc/apt. This needs a Debian whose apt works."
if [ ! -e "$machine/etc/debian_version" ]; then
  say "a Debian in $machine"
  debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$machine" "$mirror" > "$machine.log" 2>&1 \
    || { tail -n 5 "$machine.log" >&2; fail "debootstrap failed"; }
  rm -f "$machine.log"
  seconds "the base system"
fi

# How this machine reaches the network and package registries is not README's business: names, certificates, settings.
copied() {
  local path
  for path in "$@"; do [ ! -e "$path" ] || install -D -m 644 "$path" "$machine$path"; done
}
copied /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/gitconfig
mkdir -p "$machine/root" "$machine/var/tmp" "$machine$toolchain"
[ ! -e "$HOME/.config/pip/pip.conf" ] || install -D -m 644 "$HOME/.config/pip/pip.conf" "$machine/root/.config/pip/pip.conf"
rm -rf "$machine/root/dist2"
git -c safe.directory='*' clone --quiet "$ROOT" "$machine/root/dist2"
mapfile -t shared < <(git config --system --get-regexp '^url\..*\.insteadof$' 2>/dev/null \
  | sed -n 's/^url\.\(\/.*\)\.insteadof .*/\1/p' | sort -u)
mapfile -t settings < <(env | grep -E '^(PIP_CERT|PIP_INDEX_URL|PIP_EXTRA_INDEX_URL|SSL_CERT_FILE|GIT_SSL_CAINFO|https?_proxy|no_proxy)=')

# The packages: README's first line of apt-get.
packages="$(sed -n 's/^sudo apt-get install //p' "$ROOT/README.md" | head -n 1)"
say "README's packages: $packages"
cat > "$machine/root/set-up" <<E2
set -eu
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y $packages > /dev/null
E2
inside() { # a command of the machine's shell, with its own mounts
  unshare --mount --pid --fork bash -c '
    set -e
    machine="$1" toolchain="$2" command="$3"
    shift 3
    mount -t proc proc "$machine/proc"
    mount --rbind /dev "$machine/dev"
    mount --bind "$toolchain" "$machine$toolchain"
    mount -o remount,bind,ro "$machine$toolchain"
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
      mkdir -p "$machine$1"
      mount --bind "$1" "$machine$1"
      shift
    done
    shift
    exec env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH="$toolchain/usr/bin:/usr/bin:/usr/sbin:/bin:/sbin" "$@" \
      chroot "$machine" /bin/bash -c "$command"
  ' inside "$machine" "$toolchain" "$1" "${shared[@]}" -- "${settings[@]}"
}
inside "bash /root/set-up" || fail "README's packages could not be installed"
copied /etc/ssl/certs/ca-certificates.crt  # after the package that brings others
seconds "the packages"
for target in "${targets[@]}"; do
  inside "cd /root/dist2 && make $target" || fail "make $target failed on a fresh machine"
  seconds "make $target"
done
