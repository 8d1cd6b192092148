#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what booting kernels needs, from Debian alone: QEMU, and tools to unpack modules and to pack a root.
# QEMU 7.2, bookworm's own, gets the flags wrong after cmpxchg16b, and kernels crash on it at random; 10 does not.
set -eu

MIN_QEMU=1:10.0
PACKAGES="busybox-static cpio e2fsprogs kmod xz-utils"

version() { dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p'; }
# shellcheck disable=SC2086 # the list is meant to split
missing=$(for p in $PACKAGES; do [ -n "$(version "$p")" ] || printf '%s ' "$p"; done)
dpkg --compare-versions "$(version qemu-system-x86)" ge $MIN_QEMU || missing="$missing qemu-system-x86"
[ -n "$missing" ] || exit 0
[ "$(id -u)" -eq 0 ] || { echo "vm: needs root to install $missing; run: sudo make test-vm" >&2; exit 1; }

export DEBIAN_FRONTEND=noninteractive
echo "vm: installing $missing"
# shellcheck disable=SC1091 # a file of the machine, not of the tree
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
if [ "$release" = bookworm ]; then
	if ! grep -rqs bookworm-backports /etc/apt/sources.list /etc/apt/sources.list.d; then
		echo "deb http://deb.debian.org/debian bookworm-backports main" >/etc/apt/sources.list.d/weir-backports.list
	fi
	suite="-t bookworm-backports"
fi
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq -o=Dpkg::Use-Pty=0 install --no-install-recommends ${suite:-} $missing >/dev/null
