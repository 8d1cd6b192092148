#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kernel.sh SERIES: makes build/vm/SERIES/ of Debian's newest cloud kernel of that series (6.1, 6.12, 7.2):
#
#	release		its full name; written last
#	vmlinuz		as it comes: a guest that wakes up from suspend must not be loaded anew, as a vmlinux is
#	modules/*.ko	MODULES, named in the order of loading
#
# The package lists are our own, below build/vm/apt, so the machine's apt neither learns of other releases nor
# installs a kernel. bookworm has 6.1 and 6.12; trixie-backports keeps all from 6.16 on.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin

series=$1
top=$PWD/build/vm
out=$top/$series
MIRROR=http://deb.debian.org
# a virtio disk's drivers, and what the tests make devices of and ask for sockets
MODULES="virtio_pci virtio_blk ext4 udp_diag veth bridge sch_ingress cls_bpf 8021q"
[ ! -e "$out/release" ] || [ ! -e "$out/vmlinuz" ] || [ "$(cat "$out/modules/list" 2>/dev/null)" != "$MODULES" ] || exit 0

apt_setup() {
	mkdir -p "$top/apt/lists/partial" "$top/apt/cache/archives/partial"
	key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	cat >"$top/apt/sources.list" <<-LIST
	deb $key $MIRROR/debian bookworm main
	deb $key $MIRROR/debian-security bookworm-security main
	deb $key $MIRROR/debian trixie-backports main
	LIST
	cat >"$top/apt/conf" <<-CONF
	Dir::State "$top/apt";
	Dir::State::status "/dev/null";
	Dir::Cache "$top/apt/cache";
	Dir::Etc::sourcelist "$top/apt/sources.list";
	Dir::Etc::sourceparts "-";
	Acquire::Languages "none";
	Acquire::Retries "3";
	APT::Sandbox::User "";
	CONF
	export APT_CONFIG="$top/apt/conf"
	[ -n "$(find "$top/apt/stamp" -mmin -60 2>/dev/null)" ] || { apt-get -qq update && touch "$top/apt/stamp"; }
}

newest() {
	apt-cache pkgnames "linux-image-$series." | sed -n 's/^linux-image-\([0-9.]*[-+0-9a-z]*-cloud-amd64\)$/\1/p' |
		sort -V | tail -1
}

# Up to 6.19 one package has all; from 7.0 on linux-image is empty and these three share it.
packages() {
	for part in image binary modules base; do
		apt-cache pkgnames "linux-$part-$1" | grep -Fx "linux-$part-$1" || :
	done
}

# modprobe says the files to load in order; "builtin" lines need nothing
modules() {
	depmod -b "$1" "$2"
	# shellcheck disable=SC2086 # a list of words
	modprobe -d "$1" -S "$2" -a --show-depends $MODULES | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r file; do
			n=$((${n:-10} + 1))
			name=$(basename "$file" .xz)
			case $file in
			*.xz) xz -dc "$file" ;;
			*) cat "$file" ;;
			esac >"$out/modules/$n-$name"
		done
}

apt_setup
release=$(newest)
[ -n "$release" ] || { echo "vm: Debian has no cloud kernel $series; see apt-cache pkgnames linux-image" >&2; exit 1; }
echo "vm: fetching Linux $release"
rm -rf "$out"
mkdir -p "$out/modules" "$out/deb" "$out/root"
# shellcheck disable=SC2046 # a list of packages
(cd "$out/deb" && apt-get -qq download $(packages "$release"))
for deb in "$out"/deb/*.deb; do dpkg-deb -x "$deb" "$out/root"; done
[ -d "$out/root/lib" ] || ln -s usr/lib "$out/root/lib"
find "$out/root" -name 'vmlinuz*' -type f -exec cp {} "$out/vmlinuz" \;
modules "$out/root" "$release"
rm -rf "$out/deb" "$out/root"
echo "$MODULES" >"$out/modules/list"
echo "$release" >"$out/release"
