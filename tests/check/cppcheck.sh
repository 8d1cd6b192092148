#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cppcheck over product code. A false alarm is silenced on its line, with the reason behind it:
#	call(); // cppcheck-suppress name ; why
# Switched off for all:
#	memleak, resourceLeak	it does not know __attribute__((cleanup)); the leak sanitizer and clang-analyzer do
#	readdirCalled		readdir() of a stream of one's own is thread-safe; readdir_r() is obsolete
#	ctunullpointer		it takes sizeof(p->member) for an access; clang-analyzer looks for the real ones
#	missingIncludeSystem	it need not read libc
#	unmatchedSuppression	a suppression for another version of cppcheck is no fault
set -u
mkdir -p build/cppcheck
# shellcheck disable=SC2046 # one word a file
cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j2 --std=c11 \
	--library=gnu,posix --cppcheck-build-dir=build/cppcheck -I. -Iuser \
	--include=tests/check/cppcheck.h \
	--suppress=memleak --suppress=resourceLeak --suppress=readdirCalled --suppress=ctunullpointer \
	--suppress=missingIncludeSystem --suppress=unmatchedSuppression \
	--template='{file}:{line}: {message} ({id}); mend it, or silence this line with its reason' --template-location= \
	$(git ls-files -co --exclude-standard 'user/*.c' 'k8s/*.c' 'chain/*.c' 'walrus/*.c') 2>&1
