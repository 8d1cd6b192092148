/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/engines.h"

#include "core/child.h"
#include "unit/core/test.h"
#include "workload/package.h"

static void the_node_there_is_must_be_in_the_range(void **state)
{
	static const struct {
		const char *range;
		int code;
		const char *says;
	} cases[] = {
		{ "", 0, "" },
		{ ">=12", 0, "" },
		{ "<2 || >=12.0.0", 0, "" },
		{ "<2", -ENOTSUP, "it wants node <2" },
		{ "lts/*", -EBADMSG, "'lts/*' is no range" },
	};
	char node[256];

	(void)state;
	if (program_find("node", node, sizeof(node)) < 0)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct package p = {};
		struct err err = {};

		snprintf(p.engines_node, sizeof(p.engines_node), "%s", cases[i].range);
		assert_int_equal(engines_check(&p, &err), cases[i].code);
		assert_non_null(strstr(err.text, cases[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(the_node_there_is_must_be_in_the_range) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
