#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rooted.sh COMMAND...: runs it where "/" is a mount point, which runc needs. In a plain chroot it is not:
# there the root is bound onto /mnt, in a mount namespace of the command's own, and entered again. Unbound
# by hand at the end, because a mount in a shared tree is seen outside of the namespace as well.
set -eu
if awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo; then
	exec "$@"
fi
if [ "${WEIR_ROOTED:-}" != own ]; then
	WEIR_ROOTED=own exec unshare --mount --propagation unchanged "$0" "$@"
fi
mount --rbind / /mnt
trap 'umount -R -l /mnt' EXIT
trap 'exit 130' INT TERM HUP
mount --make-rprivate /mnt
# shellcheck disable=SC2016 # expanded by the inner shell
chroot /mnt sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
