/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <stdio.h>

#include "agent/links.h"
#include "agent/nodeaddr.h"

/* Which of these links' addresses are selected. */
static const char *selected(const struct nodeaddr_want *want)
{
	static const char *const lo[] = { "127.0.0.1", "127.0.0.53", "::1" };
	static const char *const eth0[] = { "192.0.2.10", "198.51.100.7", "fe80::1",
					    "2001:db8::1" };
	static char text[512];
	cleanup(free_ptr) struct addr *got = NULL;
	struct addr addrs[ARRAY_LEN(lo) + ARRAY_LEN(eth0)];
	const struct link_info links[] = {
		{ .ifindex = 1, .addrs = addrs, .n_addrs = ARRAY_LEN(lo) },
		{ .ifindex = 2 },
		{ .ifindex = 3, .addrs = addrs + ARRAY_LEN(lo), .n_addrs = ARRAY_LEN(eth0) },
	};
	char one[ADDR_TEXT_MAX];
	size_t n = 0, used = 0;

	for (size_t i = 0; i < ARRAY_LEN(lo); i++)
		assert_int_equal(addr_parse(lo[i], &addrs[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(eth0); i++)
		assert_int_equal(addr_parse(eth0[i], &addrs[ARRAY_LEN(lo) + i]), 0);
	assert_int_equal(nodeaddr_select(want, links, ARRAY_LEN(links), &got, &n), 0);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "",
					 addr_format(&got[i], one));
	return text;
}

static void without_prefixes_all_that_can_serve_are_selected(void **state)
{
	(void)state;
	assert_string_equal(selected(&(struct nodeaddr_want){}),
			    "127.0.0.1 192.0.2.10 198.51.100.7 2001:db8::1");
}

static void prefixes_select_what_is_inside_of_one(void **state)
{
	struct cidr cidrs[2];
	const struct nodeaddr_want want = { .cidrs = cidrs, .n_cidrs = 2 };

	(void)state;
	assert_int_equal(cidr_parse("192.0.2.0/24", &cidrs[0]), 0);
	assert_int_equal(cidr_parse("2001:db8::/32", &cidrs[1]), 0);
	assert_string_equal(selected(&want), "192.0.2.10 2001:db8::1");
	assert_int_equal(cidr_parse("127.0.0.0/8", &cidrs[1]), 0);
	assert_string_equal(selected(&want), "127.0.0.1 192.0.2.10");
}

static void no_prefix_selects_what_nobody_else_could_dial(void **state)
{
	struct cidr cidrs[2];
	const struct nodeaddr_want want = { .cidrs = cidrs, .n_cidrs = 2 };

	(void)state;
	assert_int_equal(cidr_parse("::1/128", &cidrs[0]), 0);
	assert_int_equal(cidr_parse("fe80::/10", &cidrs[1]), 0);
	assert_string_equal(selected(&want), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_prefixes_all_that_can_serve_are_selected),
		TEST(prefixes_select_what_is_inside_of_one),
		TEST(no_prefix_selects_what_nobody_else_could_dial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
