#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# boot.sh SERIES BINARY...: runs kernel tests under the kernel that kernel.sh put into build/vm/SERIES/, and prints
# what the guest prints, also to build/vm/SERIES/log. Exits as tests/run.sh in the guest did, and 125 when the guest
# died before it could tell.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin

vm=build/vm/$1
shift
TIMEOUT=1500 # on two CPUs that eight others wanted, 6.1 took 300 s
root=$vm/root

# the same paths as in this tree, since tests open files by them
rm -rf "$root" "$vm/disk" "$vm/log"
mkdir -p "$root/bin" "$root/sbin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/var/tmp" "$root/weir/tests/bpf" \
	"$root/weir/build/tests"
cp tests/vm/init.sh "$root/init"
cp /bin/busybox "$root/bin/"
ln -s busybox "$root/bin/sh"
cp -L /sbin/ip "$root/sbin/" # busybox's makes no veth pairs
cp -r "$vm/modules" "$root/"
cp tests/run.sh "$root/weir/tests/"
cp tests/bpf/budget.tsv "$root/weir/tests/bpf/"
cp "$@" "$root/weir/build/tests/"
ldd "$@" /sbin/ip | grep -o '/[^ :]*' | grep -F .so | sort -u | xargs cp -L --parents -t "$root"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$vm/initramfs"
rm -rf "$root"
truncate -s 32M "$vm/disk"
mke2fs -q -t ext4 "$vm/disk"

# Emulated, for nested KVM is rarely to be had and not always sound. A panic ends QEMU (panic=-1 with -no-reboot), so
# nothing waits for a dead guest.
timeout -k 5 $TIMEOUT qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 512 -nodefaults -display none -no-reboot \
	-kernel "$vm/vmlinuz" -initrd "$vm/initramfs" -serial stdio \
	-drive "file=$vm/disk,if=virtio,format=raw,cache=unsafe" \
	-append "console=ttyS0 quiet oops=panic panic=-1 rdinit=/init" </dev/null | sed -u 's/\r//g' | tee "$vm/log"
said=$(sed -n 's/^VM-EXIT \([0-9]*\)$/\1/p' "$vm/log")
exit "${said:-125}"
