#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the checks beside it (and vmlinux/check.sh), or those named, and closes with "N passed, N failed". A check
# prints one line a finding, "file:line: what; what to do", and exits 1 when it had any. `make check` calls this.
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
[ $# -gt 0 ] || set -- layers headers twins banned size names docs maps vmlinux shell python format cppcheck tidy
for name in "$@"; do
	for script in "tests/check/$name.py" "tests/check/$name.sh" "$name/check.sh"; do
		[ -f "$script" ] && break
	done
	case $script in
	*.py) set_python=/usr/bin/python3 ;;
	*) set_python='' ;;
	esac
	start=$(date +%s)
	# shellcheck disable=SC2086 # empty for a script that names its own interpreter
	if $set_python "$script"; then
		passed=$((passed + 1))
		printf '  %-8s ok, %s s\n' "$name" "$(($(date +%s) - start))"
	else
		failed=$((failed + 1))
		printf '  %-8s FAILED\n' "$name"
	fi
done
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
