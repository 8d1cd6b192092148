#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fresh.sh [SUITE] [TARGET...]: what a stranger sees. Makes a bare Debian (bookworm unless named) by
# debootstrap, with git and make and nothing else of ours, clones HEAD into it, and runs `make demo` and
# `make test` there, as root, each from the start. All mounts are in a namespace of the script's own.
set -eu

suite=${1:-bookworm}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- demo test
[ "$(id -u)" -eq 0 ] || { echo "fresh: needs root, for debootstrap and chroot" >&2; exit 1; }
if [ "${WEIR_FRESH_MOUNTS:-}" != own ]; then
	command -v debootstrap >/dev/null || apt-get -qq install -y debootstrap >/dev/null
	WEIR_FRESH_MOUNTS=own exec unshare --mount "$0" "$suite" "$@"
fi

root=$(mktemp -d /var/tmp/weir-fresh-XXXXXX)
chmod 755 "$root" # it becomes "/", where everybody may pass
clean() {
	for at in dev sys proc; do umount -R -l "$root/$at" 2>/dev/null || :; done
	rm -rf --one-file-system "$root"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

echo "fresh: making a bare Debian $suite in $root"
debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$root" \
	http://deb.debian.org/debian >"$root.log" 2>&1 || { tail "$root.log" >&2; exit 1; }
rm -f "$root.log"
# what a machine has and a chroot has not: its mounts, its resolver, its own authorities
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"
if [ "$suite" = bookworm ]; then
	cat >"$root/etc/apt/sources.list" <<-LIST
	deb http://deb.debian.org/debian bookworm main
	deb http://deb.debian.org/debian bookworm-updates main
	deb http://deb.debian.org/debian-security bookworm-security main
	LIST
fi
ca=/etc/ssl/certs/ca-certificates.crt
[ -r $ca ] && cp $ca "$root/etc/machine-ca.crt"
git clone -q --no-hardlinks . "$root/weir"

for target in "$@"; do
	echo "fresh: make $target"
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" \
		WEIR_REQUIRE_KERNEL=1 NODE_EXTRA_CA_CERTS=/etc/machine-ca.crt npm_config_cafile=/etc/machine-ca.crt \
		chroot "$root" sh -c "cd /weir && make $target"
done
echo "fresh: Debian $suite: $* passed"
