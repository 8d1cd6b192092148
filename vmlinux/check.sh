#!/bin/sh
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# Compares each member in vmlinux.h with the BTF of the running kernel: same struct, same name, same type; array
# bounds aside. Where kernels differ, a struct has flavours (___6_15): one of the two must be there.
set -u
cd "$(dirname "$0")/.." || exit 1
btf=/sys/kernel/btf/vmlinux
if [ ! -r $btf ]; then
	echo "vmlinux/vmlinux.h:1: not compared, no $btf here; use a kernel with CONFIG_DEBUG_INFO_BTF=y"
	[ -z "${WEIR_REQUIRE_KERNEL:-}" ]
	exit
fi
vmlinux/gen.sh >/dev/null || exit 1

# "struct member type" of each line within a struct; file:line behind it for ours
members() {
	awk '
	/^struct [a-z_0-9]+ \{$/ { tag = $2; next }
	/^\}/ { tag = "" }
	tag && /;/ {
		line = $0
		sub(/\/\*.*\*\//, "", line)
		gsub(/\[[^]]*\]|;.*|^[ \t]+/, "", line)
		sub(/:[ 0-9]+$/, "", line)
		sub(/[ \t]+$/, "", line)
		name = line
		sub(/.*[ *]/, "", name)
		type = substr(line, 1, length(line) - length(name))
		sub(/[ \t]+$/, "", type)
		gsub(/___[0-9_]+/, "", type)
		print tag, name, FILENAME ":" FNR, type
	}' "$1" | sed 's/ __\([us][0-9]*\)$/ \1/; s/ long long unsigned int$/ u64/; s/ unsigned long long$/ u64/; s/ long unsigned int$/ unsigned long/; s/ long int$/ long/'
}

members build/vmlinux/vmlinux.h | sort >build/vmlinux/kernel
members vmlinux/vmlinux.h | awk '
	NR == FNR { there[$1 " " $2] = rest($0); next }
	{
		tag = $1
		sub(/___[0-9_]+$/, "", tag)
		where = $3
		got = there[tag " " $2]
		if (got == rest($0)) {
			n++
			if (tag ~ /^cgroup$/ && $2 ~ /^rstat_(base_)?cpu$/) own++
		} else if (tag " " $2 ~ /^cgroup rstat_(base_)?cpu$/ || tag ~ /^cgroup_rstat_(base_)?cpu$/) {
			next
		} else {
			bad = 1
			printf "%s: struct %s has %s here and %s in this kernel; see build/vmlinux/vmlinux.h\n", where, tag,
				rest($0) " " $2, got ? "\"" got " " $2 "\"" : "no such member"
		}
	}
	END {
		if (!own) {
			print "vmlinux/vmlinux.h:1: struct cgroup has neither rstat_base_cpu nor rstat_cpu; add this kernel'\''s flavour"
			bad = 1
		}
		if (n < 15) {
			print "vmlinux/vmlinux.h:1: only " n + 0 " members were compared; mend vmlinux/check.sh"
			bad = 1
		}
		exit bad
	}
	function rest(line) { sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", line); return line }
' build/vmlinux/kernel -
