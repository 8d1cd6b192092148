/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/config.h"
#include "agent/links.h"
#include "agent/nodeaddr.h"
#include "k8s/object.h"

#define MAX 8

struct fixture {
	struct option_cidr_word places[MAX];
	struct option_cidr_words list;
	struct addr own_addrs[MAX], internal[MAX], external[MAX], addrs[MAX];
	struct option_addrs own;
	struct kube_node node;
	struct nodeaddr_want want;
	struct link_info links[3];
	char text[512];
};

static size_t read_addrs(const char *list, struct addr *ret)
{
	char one[ADDR_TEXT_MAX];
	size_t n = 0;
	int len;

	for (; sscanf(list, " %45s%n", one, &len) == 1; list += len)
		assert_int_equal(addr_parse(one, &ret[n++]), 0);
	assert_true(n <= MAX);
	return n;
}

/* lo, a link without addresses, and eth0, which the default routes go out of. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	size_t n_lo;

	if (!f)
		return -1;
	n_lo = read_addrs("127.0.0.1 127.0.0.53 ::1", f->addrs);
	f->links[0] = (struct link_info){ .ifindex = 1, .addrs = f->addrs, .n_addrs = n_lo };
	f->links[1] = (struct link_info){ .ifindex = 2, .default_v4 = true, .default_v6 = true };
	f->links[2] = (struct link_info){
		.ifindex = 3,
		.default_v4 = true,
		.default_v6 = true,
		.addrs = f->addrs + n_lo,
		.n_addrs = read_addrs("192.0.2.10 198.51.100.7 fe80::1 2001:db8::1 2001:db8::2",
				      f->addrs + n_lo),
	};
	f->list.v = f->places;
	f->own.v = f->own_addrs;
	f->node.internal_ips = f->internal;
	f->node.external_ips = f->external;
	f->want = (struct nodeaddr_want){ .places = &f->list, .own = &f->own };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Asks for one more: a prefix, or primary. */
static void add(struct fixture *f, const char *place)
{
	struct option_cidr_word w = { .word = -1 };

	if (strcmp(place, "primary") == 0)
		w.word = CONFIG_NODE_PORT_PRIMARY;
	else
		assert_int_equal(cidr_parse(place, &w.cidr), 0);
	f->places[f->list.n++] = w;
}

static const char *selected(struct fixture *f)
{
	cleanup(free_ptr) struct addr *got = NULL;
	char one[ADDR_TEXT_MAX];
	size_t n = 0, used = 0;

	assert_int_equal(nodeaddr_select(&f->want, f->links, ARRAY_LEN(f->links), &got, &n), 0);
	f->text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(f->text + used, sizeof(f->text) - used, "%s%s",
					 i ? " " : "", addr_format(&got[i], one));
	return f->text;
}

static void without_a_wish_all_that_can_serve_are_selected(void **state)
{
	assert_string_equal(selected(*state),
			    "127.0.0.1 192.0.2.10 198.51.100.7 2001:db8::1 2001:db8::2");
}

static void prefixes_select_what_is_inside_of_one(void **state)
{
	struct fixture *f = *state;

	add(f, "192.0.2.0/24"); /* says nothing of IPv6 */
	assert_string_equal(selected(f), "192.0.2.10 2001:db8::1 2001:db8::2");
	add(f, "2001:db8::2/128");
	assert_string_equal(selected(f), "192.0.2.10 2001:db8::2");
	add(f, "127.0.0.0/8");
	assert_string_equal(selected(f), "127.0.0.1 192.0.2.10 2001:db8::2");
}

static void no_prefix_selects_what_nobody_else_could_dial(void **state)
{
	struct fixture *f = *state;

	add(f, "::1/128");
	add(f, "fe80::/10");
	add(f, "127.0.0.53/32");
	assert_string_equal(selected(f), "");
}

static void primary_is_what_the_configuration_says_first(void **state)
{
	struct fixture *f = *state;

	add(f, "primary");
	f->want.self = &f->node;
	f->node.n_internal_ips = read_addrs("192.0.2.10 2001:db8::1", f->internal);
	f->own.n = read_addrs("2001:db8::2 198.51.100.7 192.0.2.10", f->own_addrs);
	assert_string_equal(selected(f), "198.51.100.7 2001:db8::2");
}

static void primary_is_the_node_objects_internal_address_else_its_external(void **state)
{
	struct fixture *f = *state;

	add(f, "primary");
	f->want.self = &f->node;
	f->node.n_external_ips = read_addrs("198.51.100.7 2001:db8::2", f->external);
	assert_string_equal(selected(f), "198.51.100.7 2001:db8::2");
	f->node.n_internal_ips = read_addrs("192.0.2.10", f->internal);
	assert_string_equal(selected(f), "192.0.2.10 2001:db8::2");
}

static void primary_is_else_where_the_default_route_goes_out(void **state)
{
	struct fixture *f = *state;

	add(f, "primary");
	assert_string_equal(selected(f), "192.0.2.10 2001:db8::1");
	f->want.self = &f->node; /* says nothing of addresses */
	f->links[2].default_v6 = false;
	assert_string_equal(selected(f), "192.0.2.10");
	f->links[2].default_v4 = false;
	assert_string_equal(selected(f), "");
}

static void primary_is_never_loopback_nor_on_another_machine(void **state)
{
	struct fixture *f = *state;

	add(f, "primary");
	f->own.n = read_addrs("127.0.0.1 203.0.113.9 fe80::1", f->own_addrs);
	assert_string_equal(selected(f), "2001:db8::1");
}

static void primary_and_prefixes_add_up(void **state)
{
	struct fixture *f = *state;

	add(f, "primary");
	add(f, "127.0.0.0/8");
	assert_string_equal(selected(f), "127.0.0.1 192.0.2.10 2001:db8::1");
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_wish_all_that_can_serve_are_selected),
		TEST(prefixes_select_what_is_inside_of_one),
		TEST(no_prefix_selects_what_nobody_else_could_dial),
		TEST(primary_is_what_the_configuration_says_first),
		TEST(primary_is_the_node_objects_internal_address_else_its_external),
		TEST(primary_is_else_where_the_default_route_goes_out),
		TEST(primary_is_never_loopback_nor_on_another_machine),
		TEST(primary_and_prefixes_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
