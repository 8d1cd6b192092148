/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover/names.h"

#include <netinet/in.h>

#include "unit/core/test.h"

static void chains_are_told_by_table_and_name(void **state)
{
	static const struct {
		const char *table, *chain;
		bool ours;
	} cases[] = {
		{ "nat", "KUBE-SERVICES", true },
		{ "filter", "KUBE-SERVICES", true },
		{ "mangle", "KUBE-SERVICES", false },
		{ "mangle", "KUBE-PROXY-CANARY", true },
		{ "raw", "KUBE-PROXY-CANARY", false },
		{ "filter", "KUBE-IPVS-OUT-FILTER", true },
		{ "nat", "KUBE-SEP-ABCDEFGHIJKLM234", true },
		{ "nat", "KUBE-XLB-ABCDEFGHIJKLM567", true },
		{ "filter", "KUBE-SEP-ABCDEFGHIJKLM234", false },
		/* the kubelet's */
		{ "nat", "KUBE-KUBELET-CANARY", false },
		{ "nat", "KUBE-MARK-DROP", false },
		{ "filter", "KUBE-FIREWALL", false },
		{ "mangle", "KUBE-IPTABLES-HINT", false },
		/* other people's */
		{ "filter", "KUBE-ROUTER-INPUT", false },
		{ "filter", "KUBE-POD-FW-ABCDEFGHIJKLMNOP", false },
		{ "nat", "KUBE-SERVICES-MINE", false },
		{ "nat", "kube-services", false },
		{ "nat", "KUBE-SVC-", false },
		{ "nat", "KUBE-SVC-ABCDEFGHIJKLMNO", false },
		{ "nat", "KUBE-SVC-ABCDEFGHIJKLMNOPQ", false },
		{ "nat", "KUBE-SVC-ABCDEFGHIJKLMNO1", false },
		{ "nat", "KUBE-SVC-ABCDEFGHIJKLMNOP-MINE", false },
		{ "nat", "KUBE-SVC-abcdefghijklmnop", false },
		{ "nat", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (names_chain(cases[i].table, cases[i].chain) != cases[i].ours)
			fail_msg("%s %s", cases[i].table, cases[i].chain);
	}
}

static void a_jump_is_told_by_all_that_it_has(void **state)
{
	(void)state;
	assert_true(names_jump("filter", "INPUT", "KUBE-NODEPORTS",
			       "kubernetes health check service ports"));
	assert_false(names_jump("nat", "INPUT", "KUBE-NODEPORTS",
				"kubernetes health check service ports"));
	assert_false(names_jump("filter", "OUTPUT", "KUBE-NODEPORTS",
				"kubernetes health check service ports"));
	assert_false(names_jump("filter", "INPUT", "KUBE-FORWARD",
				"kubernetes health check service ports"));
	assert_false(names_jump("filter", "INPUT", "KUBE-NODEPORTS", "kubernetes service portals"));
}

/* kube-proxy cuts a name that "KUBE-6-" makes longer than 31 characters. */
static void sets_are_told_by_name_and_family(void **state)
{
	(void)state;
	assert_true(names_set("KUBE-CLUSTER-IP"));
	assert_true(names_set("KUBE-6-CLUSTER-IP"));
	assert_true(names_set("KUBE-LOAD-BALANCER-SOURCE-CIDR"));
	assert_true(names_set("KUBE-6-LOAD-BALANCER-SOURCE-CID"));
	assert_true(names_set("KUBE-6-NODE-PORT-LOCAL-SCTP-HAS"));
	assert_false(names_set("KUBE-6-NODE-PORT-LOCAL-SCTP-HASH"));
	assert_false(names_set("KUBE-NODE-PORT-LOCAL-SCTP-HAS"));
	assert_false(names_set("KUBE-LOAD-BALANCER-SOURCE"));
	assert_false(names_set("KUBE-CLUSTER-IPS"));
	assert_false(names_set("KUBE-SRC-ABCDEFGHIJKLMNOP"));
	assert_false(names_set("CLUSTER-IP"));
	assert_false(names_set("KUBE-"));
}

static void node_ports_have_a_set_of_their_own(void **state)
{
	static const int protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		assert_true(names_set(names_node_ports(false, protocols[i])));
		assert_true(names_set(names_node_ports(true, protocols[i])));
	}
	assert_null(names_node_ports(false, IPPROTO_ICMP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chains_are_told_by_table_and_name),
		TEST(a_jump_is_told_by_all_that_it_has),
		TEST(sets_are_told_by_name_and_family),
		TEST(node_ports_have_a_set_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
