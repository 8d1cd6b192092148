#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, with gcc and clang, without the file the Makefile forces in front of all others:
# it includes what it uses. bpf/abi.h also as BPF sees it; the other headers of bpf/ only so.
set -u
flags='-std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -Iuser'
bad=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

alone() { # HEADER COMPILER FLAGS...
	header=$1
	shift
	"$@" -fsyntax-only -include "$header" -x c /dev/null >"$log" 2>&1 && return
	bad=1
	sed -n "/error/{s|^/dev/null|$header|;s|: error: |: does not compile alone with $1: |;s|\$|; include what it uses|;p;q}" "$log"
}

for h in $(git ls-files -co --exclude-standard 'user/*.h' 'k8s/*.h' 'chain/*.h' 'walrus/*.h' 'bpf/abi.h'); do
	for cc in gcc "$CHECK_CLANG"; do
		# shellcheck disable=SC2086 # flags are meant to split
		alone "$h" "$cc" $flags
	done
	grep -q '^#pragma once$' "$h" || { echo "$h:1: no #pragma once; put it behind the opening comment" && bad=1; }
done
for h in $(git ls-files -co --exclude-standard 'bpf/*.h' 'vmlinux/*.h'); do
	# static functions wait for the program that includes them
	# shellcheck disable=SC2086
	alone "$h" "$CHECK_CLANG" $CHECK_BPF_CFLAGS -Wno-unused-function
	grep -q '^#pragma once$' "$h" || { echo "$h:1: no #pragma once; put it behind the opening comment" && bad=1; }
done
exit $bad
