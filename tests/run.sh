#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs cmocka binaries one after the other, shows what failed whole, and closes with "N passed, N failed". With
# WEIR_PROGRESS a line for each says that it is done, and how long it took.
set -u
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 1
trap 'rm -f "$log" "$log.run"' EXIT
for bin in "$@"; do
	start=$(date +%s)
	# shellcheck disable=SC2086 # an emulator and its words, or nothing
	${WEIR_RUN_BY:-} "$bin" >"$log" 2>&1
	rc=$?
	# cmocka lists what failed or was skipped again behind this line
	sed '/^\[==========\] .*test(s) run/q' "$log" >"$log.run"
	ok=$(grep -c '^\[       OK \]' "$log.run")
	bad=$(grep -c '^\[  FAILED  \]' "$log.run")
	skip=$(grep -c '^\[  SKIPPED \]' "$log.run")
	# a crash prints no FAILED line; a binary without a single test proves nothing
	[ "$rc" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
	[ "$ok" -eq 0 ] && [ "$bad" -eq 0 ] && [ "$skip" -eq 0 ] && bad=1
	if [ "$bad" -ne 0 ]; then
		printf '%s (exit %s):\n' "$bin" "$rc"
		cat "$log"
	fi
	[ -z "${WEIR_PROGRESS:-}" ] || printf '%s: %s s\n' "${bin##*/}" $(($(date +%s) - start))
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
