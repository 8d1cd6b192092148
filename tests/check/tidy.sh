#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy-19 over product code with the flags it is built with; .clang-tidy says what is asked and why not more.
set -u
# shellcheck disable=SC2016 # the inner shell expands, and is meant to split the flags
git ls-files -co --exclude-standard 'user/*.c' 'k8s/*.c' 'chain/*.c' 'walrus/*.c' |
	xargs -P2 -n8 sh -c 'clang-tidy-19 --quiet "$@" -- $CHECK_CFLAGS -Wno-unknown-warning-option 2>/dev/null' sh |
	sed -n 's/^\(.*:[0-9]*\):[0-9]*: \(warning\|error\): \(.*\)/\1: \3; mend it, or NOLINT(check) with its reason/p' |
	sed "s|^$PWD/||" | sort -u | awk '{ print; bad = 1 } END { exit bad }'
