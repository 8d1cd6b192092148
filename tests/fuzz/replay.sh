#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs each harness named over its corpus, shows what failed whole, and closes with "N passed, N failed"
# (inputs). A harness without a corpus proves nothing and fails.
set -u
passed=0 failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for bin in "$@"; do
	name=${bin##*/}
	set -- "tests/fuzz/corpus/$name"/*
	if [ ! -f "$1" ]; then
		echo "tests/fuzz/corpus/$name: no input; add one that the harness accepts, and faulty ones"
		failed=$((failed + 1))
		continue
	fi
	if "$bin" "$@" >"$log" 2>&1; then
		passed=$((passed + $#))
	else
		printf '%s (exit %s), at the last file named here:\n' "$bin" "$?"
		cat "$log"
		failed=$((failed + 1))
	fi
done
[ $((passed + failed)) -gt 0 ] || { echo "no such harness; tests/fuzz/*.c are what there is" && failed=1; }
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
