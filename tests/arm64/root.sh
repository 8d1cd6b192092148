#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# root.sh: makes build/arm64/ of Debian's packages:
#
#	root	headers and libraries of an arm64 machine; written last
#	cc	clang that compiles and links for it
#
# The package lists are our own, so the machine's apt does not learn of another architecture. Installs (root) the
# emulator and the linker when they are not there.
set -eu
cd "$(dirname "$0")/../.."

top=$PWD/build/arm64
LIBRARIES="libc6-dev libgcc-14-dev libcurl4-openssl-dev libssl-dev libcjson-dev libsodium-dev libsqlite3-dev libarchive-dev
	libfyaml-dev uthash-dev zlib1g-dev libuv1-dev libcmocka-dev libmicrohttpd-dev libnl-3-dev libnl-genl-3-dev
	libnl-route-3-dev libelf-dev libbpf-dev"

missing=$(for p in qemu-user lld-19; do dpkg -s "$p" >/dev/null 2>&1 || printf '%s ' "$p"; done)
if [ -n "$missing" ]; then
	[ "$(id -u)" -eq 0 ] || { echo "arm64: needs root to install $missing; run: sudo make test-arm64" >&2; exit 1; }
	echo "arm64: installing $missing"
	apt-get -qq update
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o=Dpkg::Use-Pty=0 install --no-install-recommends $missing >/dev/null
fi
[ ! -d "$top/root" ] || exit 0

echo "arm64: fetching libraries"
rm -rf "$top"
mkdir -p "$top/apt/lists/partial" "$top/apt/cache/archives/partial" "$top/new"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" >"$top/apt/sources.list"
cat >"$top/apt/conf" <<CONF
APT::Architecture "arm64";
APT::Architectures "arm64";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Dir::State "$top/apt";
Dir::State::status "/dev/null";
Dir::Cache "$top/apt/cache";
Dir::Etc::sourcelist "$top/apt/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
export APT_CONFIG="$top/apt/conf"
apt-get -qq update
# shellcheck disable=SC2086 # a list of words
apt-get -qq -y --download-only install $LIBRARIES
for deb in "$top"/apt/cache/archives/*.deb; do dpkg-deb -x "$deb" "$top/new"; done
[ -d "$top/new/lib" ] || ln -s usr/lib "$top/new/lib"
cat >"$top/cc" <<CC
#!/bin/sh
exec clang-19 --target=aarch64-linux-gnu --sysroot=$top/root -fuse-ld=lld -Wno-unused-command-line-argument "\$@"
CC
chmod +x "$top/cc"
rm -rf "$top/apt"
mv "$top/new" "$top/root"
