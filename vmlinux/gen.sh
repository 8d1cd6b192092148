#!/bin/sh
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# Writes all types of the running kernel to build/vmlinux/vmlinux.h: to look a type up before its few members that
# we read go into the header here by hand. Never included, never committed.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/vmlinux
PATH=$PATH:/usr/sbin
bpftool btf dump file /sys/kernel/btf/vmlinux format c >build/vmlinux/vmlinux.h
echo "build/vmlinux/vmlinux.h: $(grep -c '^struct .* {$' build/vmlinux/vmlinux.h) structs of Linux $(uname -r)"
