#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The flags keep their promises: with them, a call of each function named here does not compile (user/core/banned.h),
# nor does a unit test that is missing from its table; and what is right does compile.
set -u
calls='strcpy strcat strncpy strncat sprintf vsprintf strtok strtok_r atoi atol atoll atof strtol strtoul strtoll
	strtoull strtod strtof gets tmpnam tempnam mktemp gmtime localtime ctime asctime alloca system'
bad=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

compile() { # FILE; says on $dir/log
	# shellcheck disable=SC2086 # flags are meant to split
	"$CHECK_CC" $CHECK_CFLAGS -c -o /dev/null "$1" >"$dir/log" 2>&1
}
fail() {
	bad=1
	echo "$1"
}

for call in $calls; do
	printf 'int f(void);\nint f(void)\n{\n\treturn !!%s(0);\n}\n' "$call" >"$dir/f.c"
	if compile "$dir/f.c" || ! grep -q "${call}_is_banned" "$dir/log"; then
		fail "user/core/banned.h:1: $call() compiles; ban it there"
	fi
done
sed -n "s/^#define \([a-z_0-9]*\)(.*BANNED(.*/\1/p" user/core/banned.h >"$dir/banned"
while read -r call; do
	case " $(echo "$calls" | tr '\n\t' '  ') " in
	*" $call "*) ;;
	*) fail "tests/check/banned.sh:1: $call is banned but not in the list here; add it" ;;
	esac
done <"$dir/banned"

unit_test() { # REGISTERED...
	cat <<-'C'
		#include <setjmp.h>
		#include <stdarg.h>
		#include <stdint.h>
		#include <cmocka.h>
		static void one_is_one(void **state) { (void)state; assert_int_equal(1, 1); }
		static void two_is_two(void **state) { (void)state; assert_int_equal(2, 2); }
	C
	echo "int main(void) { const struct CMUnitTest tests[] = {"
	for t in "$@"; do echo "cmocka_unit_test($t),"; done
	echo "}; return cmocka_run_group_tests(tests, 0, 0); }"
}
unit_test one_is_one two_is_two >"$dir/t.c"
compile "$dir/t.c" || fail "tests/check/banned.sh:1: a right unit test does not compile: $(head -1 "$dir/log"); see to the flags"
unit_test one_is_one >"$dir/t.c"
if compile "$dir/t.c" || ! grep -q 'two_is_two.*unused\|unused.*two_is_two' "$dir/log"; then
	fail "Makefile:1: a unit test that no table names compiles; keep -Wunused-function and -Werror in WARN"
fi
exit $bad
