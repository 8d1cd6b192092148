/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover/kernel.h"

#include <netinet/in.h>

#include "unit/takeover/space.h"

/* The names that came, each with a blank behind it. */
struct heard {
	char names[4096];
	int family;
};

static int hear(void *ctx, const struct kernel_name *n)
{
	struct heard *h = ctx;
	size_t len = strlen(h->names);

	if (!h->family || n->family == h->family)
		snprintf(h->names + len, sizeof(h->names) - len, "%s%s%s ",
			 n->table ? n->table : "", n->table ? "/" : "", n->name);
	return 0;
}

static int refuse(void *ctx, const struct kernel_name *n)
{
	(void)n;
	++*(int *)ctx;
	return -E2BIG;
}

static void a_new_namespace_has_nothing(void **state)
{
	struct heard h = {};
	struct kernel_service *services = NULL;
	unsigned int index = 7;
	size_t n = 7;

	enter_space(state);
	must(kernel_tables(hear, &h, &why));
	must(kernel_chains(hear, &h, &why));
	must(kernel_sets(hear, &h, &why));
	assert_string_equal(h.names, "");
	must(kernel_services(&services, &n, &why));
	assert_int_equal(n, 0);
	free(services);
	must(kernel_dummy("kube-ipvs0", &index, &why));
	assert_int_equal(index, 0);
}

static void tables_and_chains_are_listed_and_a_table_goes_whole(void **state)
{
	struct heard v4 = { .family = AF_INET }, all = {}, chains = {}, left = {};
	struct err err = {};

	enter_space(state);
	assert_int_equal(
		command("nft add table ip kube-proxy; nft add table ip6 mine; "
			"nft add chain ip kube-proxy services; "
			"nft add chain ip6 mine own '{ type nat hook output priority 0; }'; "
			"nft add rule ip kube-proxy services counter"),
		0);
	must(kernel_tables(hear, &v4, &why));
	assert_string_equal(v4.names, "kube-proxy ");
	must(kernel_tables(hear, &all, &why));
	assert_string_equal(all.names, "kube-proxy mine ");
	must(kernel_chains(hear, &chains, &why));
	assert_string_equal(chains.names, "kube-proxy/services mine/own ");
	assert_int_equal(kernel_table_delete(AF_INET6, "kube-proxy", &err), -ENOENT);
	assert_non_null(strstr(err.text, "No such file"));
	must(kernel_table_delete(AF_INET, "kube-proxy", &why));
	must(kernel_chains(hear, &left, &why));
	assert_string_equal(left.names, "mine/own ");
}

static void a_listing_ends_with_the_first_refusal(void **state)
{
	struct err err = {};
	int calls = 0;

	enter_space(state);
	assert_int_equal(command("nft add table ip a; nft add table ip b"), 0);
	assert_int_equal(kernel_tables(refuse, &calls, &err), -E2BIG);
	assert_int_equal(calls, 1);
}

static void a_long_listing_comes_whole(void **state)
{
	int calls = 0;

	enter_space(state);
	/* more than one datagram of the kernel's, which has up to 32 KiB */
	assert_int_equal(
		command("{ echo 'add table ip t'; for i in $(seq 2000); do "
			"echo \"add chain ip t a-chain-with-a-rather-long-name-$i\"; done; "
			"} | nft -f -"),
		0);
	struct heard h = {};

	must(kernel_chains(hear, &h, &why));
	assert_non_null(strstr(h.names, "t/a-chain-with-a-rather-long-name-1 "));
	assert_int_equal(kernel_chains(refuse, &calls, NULL), -E2BIG);
	must(kernel_table_delete(AF_INET, "t", &why));
}

static void sets_are_listed_and_go_unless_a_rule_uses_them(void **state)
{
	struct heard h = {}, left = {};
	struct err err = {};

	enter_space(state);
	assert_int_equal(command("ipset create A hash:ip; ipset create B hash:ip,port; "
				 "iptables-legacy -A INPUT -m set --match-set B dst,dst"),
			 0);
	must(kernel_sets(hear, &h, &why));
	assert_string_equal(h.names, "A B ");
	must(kernel_set_delete("A", &why));
	must(kernel_set_delete("A", &why)); /* it is gone */
	assert_int_equal(kernel_set_delete("B", &err), -EBUSY);
	assert_non_null(strstr(err.text, "rule"));
	must(kernel_sets(hear, &left, &why));
	assert_string_equal(left.names, "B ");
}

static bool in_set(const char *set, const char *addr, uint16_t port, uint16_t protocol)
{
	struct kernel_service s = { .port = port, .protocol = protocol };
	bool has = false;

	assert_int_equal(addr_parse(addr, &s.addr), 0);
	must(kernel_set_has(set, &s, &has, &why));
	return has;
}

static void ports_are_found_in_sets_of_both_kinds(void **state)
{
	enter_space(state);
	assert_int_equal(command("ipset create T bitmap:port range 0-65535; ipset add T 30080; "
				 "ipset create S hash:ip,port; ipset add S 192.0.2.1,sctp:30090; "
				 "ipset create S6 hash:ip,port family inet6; "
				 "ipset add S6 2001:db8::1,sctp:30091"),
			 0);
	assert_true(in_set("T", "192.0.2.1", 30080, IPPROTO_TCP));
	assert_true(in_set("T", "2001:db8::1", 30080, IPPROTO_UDP));
	assert_false(in_set("T", "192.0.2.1", 30081, IPPROTO_TCP));
	assert_true(in_set("S", "192.0.2.1", 30090, IPPROTO_SCTP));
	assert_false(in_set("S", "192.0.2.2", 30090, IPPROTO_SCTP));
	assert_false(in_set("S", "192.0.2.1", 30091, IPPROTO_SCTP));
	assert_true(in_set("S6", "2001:db8::1", 30091, IPPROTO_SCTP));
	assert_false(in_set("no-such-set", "192.0.2.1", 30080, IPPROTO_TCP));
}

/* A bridge has the name, but it is not what kube-proxy makes. */
static void a_device_of_another_kind_is_not_found(void **state)
{
	unsigned int index = 7;

	enter_space(state);
	assert_int_equal(command("ip link add kube-ipvs0 type bridge"), 0);
	must(kernel_dummy("kube-ipvs0", &index, &why));
	assert_int_equal(index, 0);
}

static void a_dummy_device_is_found_and_goes(void **state)
{
	unsigned int index = 0;
	struct err err = {};

	enter_space(state);
	if (command("ip link add kube-ipvs0 type dummy") != 0) {
		print_message("skipped: needs a kernel with dummy devices\n");
		skip();
	}
	must(kernel_dummy("kube-ipvs0", &index, &why));
	assert_true(index > 0);
	must(kernel_device_delete(index, &why));
	assert_int_equal(kernel_device_delete(index, &err), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_namespace_has_nothing),
		TEST(tables_and_chains_are_listed_and_a_table_goes_whole),
		TEST(a_listing_ends_with_the_first_refusal),
		TEST(a_long_listing_comes_whole),
		TEST(sets_are_listed_and_go_unless_a_rule_uses_them),
		TEST(ports_are_found_in_sets_of_both_kinds),
		TEST(a_device_of_another_kind_is_not_found),
		TEST(a_dummy_device_is_found_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
