#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first and only process tree of the guest: pure cgroup2 with the controllers that pods need, a disk with a
# real file system (page cache of tmpfs is not file cache), the tests, and a last line that says how they ended.
# boot.sh packs it, and busybox, as the root.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo "+cpu +memory" >/sys/fs/cgroup/cgroup.subtree_control
for module in /modules/*.ko; do insmod "$module"; done
mount -t ext4 /dev/vda /var/tmp

cd /weir || exit
WEIR_EMULATED=1 WEIR_PROGRESS=1 WEIR_REQUIRE_KERNEL=1 tests/run.sh build/tests/*
echo "VM-EXIT $?"
reboot -f
