#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs, from Debian alone, what Weir needs to be built, tested and shown. Safe to run again: when every
# package is there it asks apt nothing. Debian 12 has libbpf 1.1 and QEMU 7.2; the ones we need come from
# bookworm-backports, which this script adds (and only this).
set -eu

BUILD="gcc make pkg-config clang-19 llvm-19 libc6-dev linux-libc-dev libelf-dev zlib1g-dev libcurl4-openssl-dev libssl-dev
	libcjson-dev libsodium-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libuv1-dev libsqlite3-dev libarchive-dev libfyaml-dev
	uthash-dev libmicrohttpd-dev"
RUN="runc iproute2 curl ca-certificates openssl xz-utils"
TEST="ethtool libcmocka-dev libfaketime python3-h2 python3-pytest python3-pytest-xdist python3-yaml sqlite3 shellcheck cppcheck clang-tidy-19 clang-format-19 libclang-rt-19-dev
	man-db git procps nftables iptables ipset ipvsadm umoci"
BACKPORTS="libbpf-dev bpftool"
MIN_LIBBPF=1.4

[ -r /etc/os-release ] || { echo "deps: /etc/os-release is missing; this needs Debian 12 or 13" >&2; exit 1; }
# shellcheck disable=SC1091 # a file of the machine, not of the tree
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
case "$codename" in
bookworm | trixie) ;;
*) echo "deps: '$codename' is not known here; this needs Debian 12 (bookworm) or 13 (trixie)" >&2; exit 1 ;;
esac

export DEBIAN_FRONTEND=noninteractive

have() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
missing() { for p in "$@"; do have "$p" || printf '%s ' "$p"; done; }
libbpf_old() { ! dpkg --compare-versions "$(dpkg-query -W -f '${Version}' libbpf-dev 2>/dev/null || echo 0)" ge 1:$MIN_LIBBPF; }
apt() { apt-get -qq -o=Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" >/dev/null; }

# npm comes with some builds of node and is a package of its own in Debian's
command -v npm >/dev/null 2>&1 || RUN="$RUN nodejs npm"

# The programs alone, out of their package: with the package comes a daemon that starts.
install_prometheus() {
	dir=$(mktemp -d)
	(cd "$dir" && apt -o APT::Sandbox::User=root download prometheus &&
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool ./usr/bin/prometheus &&
		install -m 755 usr/bin/promtool usr/bin/prometheus /usr/local/bin)
	rm -rf "$dir"
}

# shellcheck disable=SC2086 # the lists are meant to split
todo=$(missing $BUILD $RUN $TEST)
libbpf_old && todo="$todo $BACKPORTS"
[ -n "$todo" ] || todo=$(missing bpftool)
command -v prometheus >/dev/null 2>&1 || todo="$todo prometheus"
[ -n "$todo" ] || exit 0

[ "$(id -u)" -eq 0 ] || { echo "deps: needs root to install $todo; run: sudo make deps" >&2; exit 1; }
echo "deps: installing $todo"
if [ "$codename" = bookworm ] && libbpf_old; then
	list=/etc/apt/sources.list.d/weir-backports.list
	echo "deb http://deb.debian.org/debian bookworm-backports main" >$list
fi
apt update
# shellcheck disable=SC2046,SC2086
apt install --no-install-recommends $(missing $BUILD $RUN $TEST)
if [ "$codename" = bookworm ]; then
	# shellcheck disable=SC2086
	apt install --no-install-recommends -t bookworm-backports $BACKPORTS
else
	# shellcheck disable=SC2086
	apt install --no-install-recommends $BACKPORTS
fi
command -v prometheus >/dev/null 2>&1 || install_prometheus
echo "deps: ready"
