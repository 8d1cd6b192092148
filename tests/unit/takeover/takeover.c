/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover/takeover.h"

#include "core/json.h"
#include "unit/takeover/space.h"

static struct json *run(bool dry_run, int want_errors)
{
	struct json *list = NULL;
	int errors = takeover_run(dry_run, &list, &why);

	must(errors);
	if (errors != want_errors) {
		cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);

		json_print(list, true, &text);
		fail_msg("%d errors: %s", errors, text.data);
	}
	return list;
}

/* The member of the first element with these, or NULL. */
static const struct json *find(const struct json *list, const char *kind, const char *what,
			       const char *name)
{
	json_foreach(item, list) {
		if (!strcmp(json_str(item, "kind", ""), kind) &&
		    !strcmp(json_str(item, "what", ""), what) &&
		    !strcmp(json_str(item, "name", ""), name))
			return item;
	}
	return NULL;
}

static void a_clean_namespace_has_nothing_to_remove(void **state)
{
	cleanup(json_free) struct json *list = NULL, *again = NULL;

	enter_space(state);
	list = run(false, 0);
	assert_int_equal(json_type(list), JSON_ARRAY);
	assert_int_equal(json_len(list), 0);
	/* looking has not made a table, nor the program that lists them */
	assert_int_equal(command("test -z \"$(cat /proc/self/net/ip_tables_names)\" && "
				 "test -z \"$(nft list tables)\""),
			 0);
}

static void each_kind_is_found_then_removed_then_not_found(void **state)
{
	static const struct {
		const char *kind, *what, *name;
	} want[] = {
		{ "nftables", "table", "kube-proxy" },
		{ "iptables-legacy", "chain", "KUBE-PROXY-CANARY" },
		{ "iptables-nft", "chain", "KUBE-FORWARD" },
		{ "ipset", "set", "KUBE-CLUSTER-IP" },
	};
	cleanup(json_free) struct json *dry = NULL, *done = NULL, *again = NULL;

	enter_space(state);
	assert_int_equal(command("nft add table ip6 kube-proxy; "
				 "iptables-legacy -t mangle -N KUBE-PROXY-CANARY; "
				 "ip6tables-nft -N KUBE-FORWARD; "
				 "ipset create KUBE-CLUSTER-IP hash:ip,port"),
			 0);
	dry = run(true, 0);
	done = run(false, 0);
	assert_int_equal(json_len(dry), ARRAY_LEN(want));
	assert_int_equal(json_len(done), ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct json *before = find(dry, want[i].kind, want[i].what, want[i].name);
		const struct json *after = find(done, want[i].kind, want[i].what, want[i].name);

		assert_string_equal(json_str(before, "action", ""), "delete");
		assert_false(json_bool(before, "done", true));
		assert_true(json_bool(after, "done", false));
		assert_int_equal(json_type(json_get(after, "error")), JSON_NULL);
	}
	again = run(false, 0);
	assert_int_equal(json_len(again), 0);
}

/* An ipset that somebody else's rule uses can't go; all that is before and behind it goes. */
static void what_fails_is_told_and_the_others_go(void **state)
{
	cleanup(json_free) struct json *list = NULL;
	const struct json *failed;

	enter_space(state);
	assert_int_equal(
		command("ipset create KUBE-CLUSTER-IP hash:ip,port; "
			"ipset create KUBE-LOOP-BACK hash:ip,port,ip; "
			"iptables-legacy -A INPUT -m set --match-set KUBE-CLUSTER-IP dst,dst; "
			"iptables-legacy -N KUBE-FORWARD"),
		0);
	list = run(false, 1);
	assert_int_equal(json_len(list), 3);
	assert_true(
		json_bool(find(list, "iptables-legacy", "chain", "KUBE-FORWARD"), "done", false));
	assert_true(json_bool(find(list, "ipset", "set", "KUBE-LOOP-BACK"), "done", false));
	failed = find(list, "ipset", "set", "KUBE-CLUSTER-IP");
	assert_false(json_bool(failed, "done", true));
	assert_non_null(strstr(json_str(failed, "error", ""), "a rule uses the set"));
}

/* iptables-nft-save leaves out a table with a rule that it has no words for. */
static void a_table_that_only_nft_can_show_is_told(void **state)
{
	cleanup(json_free) struct json *list = NULL;
	const struct json *item;

	enter_space(state);
	assert_int_equal(
		command("iptables-nft -t nat -N KUBE-SERVICES; iptables-nft -N KUBE-FORWARD; "
			"nft add chain ip nat KUBE-SERVICES; "
			"nft add rule ip nat KUBE-SERVICES numgen random mod 2 0 accept"),
		0);
	list = run(false, 1);
	assert_int_equal(json_len(list), 2);
	item = json_at(list, 0);
	assert_string_equal(json_str(item, "table", ""), "nat");
	assert_string_equal(json_str(item, "action", ""), "look");
	assert_non_null(strstr(json_str(item, "error", ""), "nft"));
	assert_true(json_bool(find(list, "iptables-nft", "chain", "KUBE-FORWARD"), "done", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_clean_namespace_has_nothing_to_remove),
		TEST(each_kind_is_found_then_removed_then_not_found),
		TEST(what_fails_is_told_and_the_others_go),
		TEST(a_table_that_only_nft_can_show_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
