#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rooted.sh COMMAND...: runs it where "/" is a mount point, which runc needs. In a plain chroot it is not:
# there the root is bound onto /mnt in a mount namespace of the command's own, and entered again.
set -eu
if awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo; then
	exec "$@"
fi
here=$PWD
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --mount sh -c 'mount --rbind / /mnt && here=$1 && shift && exec chroot /mnt sh -c '\''cd "$1" && shift && exec "$@"'\'' sh "$here" "$@"' sh "$here" "$@"
