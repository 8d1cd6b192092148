#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh "SERIES..." BINARY...: the kernel tests under each kernel, one after the other, then one line a kernel and a
# total. A guest that died is tried once more; tests that failed are not. A skipped test counts as failed: a guest has
# all that a test may want.
set -u
cd "$(dirname "$0")/../.." || exit 1

kernels=$1
shift
[ $# -gt 0 ] || { echo "vm: no tests to run" >&2; exit 1; }
passed=0 failed=0 lines=''
for series in $kernels; do
	tests/vm/kernel.sh "$series" || exit 1
	release=$(cat "build/vm/$series/release")
	echo "vm: Linux $release"
	start=$(date +%s)
	tests/vm/boot.sh "$series" "$@"
	rc=$?
	if [ $rc -eq 125 ]; then
		echo "vm: the guest died; once more"
		tests/vm/boot.sh "$series" "$@"
		rc=$?
	fi
	# tests/run.sh closes with these three; a guest that died says none of them
	read -r ok bad skipped <<-COUNTS
	$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "build/vm/$series/log")
	COUNTS
	ok=${ok:-0} bad=$((${bad:-0} + ${skipped:-0}))
	[ $rc -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	passed=$((passed + ok)) failed=$((failed + bad))
	lines="$lines$(printf '%-28s %3s passed, %s failed, %3s s' "$release" "$ok" "$bad" $(($(date +%s) - start)))
"
done
printf '%s%s passed, %s failed\n' "$lines" "$passed" "$failed"
[ "$failed" -eq 0 ]
