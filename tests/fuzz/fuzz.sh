#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh SECONDS HARNESS...: looks for inputs that break a harness, SECONDS each, from its corpus on.
# What it learns goes to build/fuzz/corpus, not into the tree; a crash is kept as build/fuzz/crash-*.
set -u
seconds=$1
shift
passed=0 failed=0
for bin in "$@"; do
	name=${bin##*/}
	learned=build/fuzz/corpus/$name
	log=build/fuzz/$name.log
	mkdir -p "$learned"
	if "$bin" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/crash-$name-" "$learned" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs tried, none broke it"
	else
		failed=$((failed + 1))
		tail -n 60 "$log"
		echo "$name: broken; put the input (named above) into tests/fuzz/corpus/$name with the fix"
	fi
done
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
