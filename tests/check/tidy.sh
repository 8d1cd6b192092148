#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy-19 over product code with the flags it is built with; .clang-tidy says what is asked and why not more.
set -u

# $1: more flags; files come by standard input
# shellcheck disable=SC2016 # the inner shell expands, and is meant to split the flags
tidy() {
	xargs -P2 -n8 sh -c 'tidy=$1 && shift && clang-tidy-19 --quiet "$@" -- $CHECK_CFLAGS -DWEIR_VERSION=\"tidy\" $tidy 2>/dev/null ||
		echo "$1:1:1: error: clang-tidy-19 did not get through this file or one of the seven behind it"' \
		sh "$1"
}

{
	# tidy.h wraps what core/err.c defines
	git ls-files -co --exclude-standard 'user/*.c' 'k8s/*.c' 'chain/*.c' 'walrus/*.c' | grep -v '^user/core/err.c$' |
		tidy '-include tests/check/tidy.h'
	echo user/core/err.c | tidy ''
} | sed -n 's/^\(.*:[0-9]*\):[0-9]*: \(warning\|error\): \(.*\)/\1: \3; mend it, or NOLINT(check) with its reason/p' |
	sed "s|^$PWD/||" | sort -u | awk '{ print; bad = 1 } END { exit bad }'
