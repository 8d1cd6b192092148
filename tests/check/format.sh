#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-format-19 decides how C looks; this only asks whether it was run.
command -v clang-format-19 >/dev/null || { echo "tests/check/format.sh:1: no clang-format-19; make deps" && exit 1; }
git ls-files -co --exclude-standard '*.c' '*.h' | while read -r f; do
	[ -f "$f" ] && clang-format-19 --dry-run -Werror --ferror-limit=1 "$f" 2>&1 |
		sed -n "s/^\(.*:[0-9]*\):[0-9]*: error: .*/\1: not as clang-format-19 writes it; run clang-format-19 -i on the file/p"
done | awk '{ print; bad = 1 } END { exit bad }'
