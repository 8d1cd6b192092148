/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "workload/workload.h"

static void names_are_dns_labels(void **state)
{
	static char longest[64], over[65];
	static const char *const good[] = { "a", "a-b", "9", "a--9", longest };
	static const char *const bad[] = { "",	  "-a", "a-",  "A",  "a.b",	"a_b",
					   "a/b", "..", "a b", over, "\xc3\xa9" };

	(void)state;
	memset(longest, 'a', 63);
	memset(over, 'a', 64);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(spec_check_name(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {};

		assert_int_equal(spec_check_name(bad[i], &err), -EINVAL);
		assert_non_null(strstr(err.text, "DNS label"));
	}
}

static struct workload_spec good_spec(void)
{
	return (struct workload_spec){ .name = "app", .cgroup = "/weir/app", .port = 80 };
}

static void cgroup_is_a_plain_path_below_the_mount(void **state)
{
	static const char *const bad[] = { "",	    "/",     "app",   "//a",  "/a/",
					   "/a//b", "/a/..", "/../a", "/a/.", "/./a" };
	struct workload_spec spec = good_spec();

	(void)state;
	assert_int_equal(spec_check(&spec, NULL), 0);
	spec.cgroup = "/...";
	assert_int_equal(spec_check(&spec, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		spec.cgroup = bad[i];
		assert_int_equal(spec_check(&spec, NULL), -EINVAL);
	}
}

static void every_member_is_checked(void **state)
{
	static char text[2 * WORKLOAD_PATH_MAX];
	static const char *const env[] = { "PORT=1", NULL };
	struct workload_spec spec = good_spec();

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	spec.port = 0;
	assert_int_equal(spec_check(&spec, NULL), -EINVAL);
	spec = good_spec();
	spec.lease = text;
	assert_int_equal(spec_check(&spec, NULL), -EINVAL);
	spec = good_spec();
	spec.netns = text;
	assert_int_equal(spec_check(&spec, NULL), -EINVAL);
	spec = good_spec();
	spec.host = text;
	assert_int_equal(spec_check(&spec, NULL), -EINVAL);
	spec = good_spec();
	spec.env = env;
	assert_int_equal(spec_check(&spec, NULL), -EINVAL);
	spec = good_spec();
	spec.limits.memory_bytes = UINT64_MAX;
	assert_int_equal(spec_check(&spec, NULL), -EINVAL);
}

static void probes_are_of_three_kinds(void **state)
{
	struct workload_spec spec = good_spec();

	(void)state;
	static const char *const ready[] = { "udp",	 "http:", "http:x", "http:/a b",
					     "http:/\n", "TCP",	  "" };

	for (size_t i = 0; i < ARRAY_LEN(ready); i++) {
		spec.ready = ready[i];
		assert_int_equal(spec_check(&spec, NULL), -EINVAL);
	}
	static const char *const well[] = { NULL, "tcp", "none", "http:/", "http:/up?x=1" };

	for (size_t i = 0; i < ARRAY_LEN(well); i++) {
		spec.ready = well[i];
		assert_int_equal(spec_check(&spec, NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_dns_labels),
		cmocka_unit_test(cgroup_is_a_plain_path_below_the_mount),
		cmocka_unit_test(every_member_is_checked),
		cmocka_unit_test(probes_are_of_three_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
