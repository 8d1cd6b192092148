/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of tests/vectors/iptables are iptables' own, with kube-proxy's rules and without. */
#include "takeover/iptables.h"

#include "core/buf.h"
#include "core/file.h"
#include "unit/core/must.h"
#include "unit/takeover/ruleset.h"

static struct iptables_plan *plan_of(const char *text)
{
	struct iptables_plan *plan = NULL;

	must(iptables_plan_read(text, strlen(text), &plan, &why));
	return plan;
}

static size_t items(const struct iptables_plan *plan)
{
	size_t n = 0;

	for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++)
		n += plan->table[t].n_items;
	return n;
}

/* What is left when the plan is carried out; text is its own on return. */
static void carry_out(const struct iptables_plan *plan, struct ruleset *rs, struct buf *text)
{
	for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++) {
		cleanup(buf_fini) struct buf restore = BUF_INIT(1 << 20);

		if (plan->table[t].n_items == 0)
			continue;
		assert_int_equal(iptables_plan_print(plan, t, &restore), 0);
		ruleset_apply(rs, restore.data);
	}
	for (size_t i = 0; i < rs->n; i++)
		buf_printf(text, "%s\n", rs->line[i]);
	assert_int_equal(buf_error(text), 0);
}

/* kube-proxy's rules go, what is left is `after`, and a second look finds nothing. */
static void check_removal(const char *before, const char *after)
{
	cleanup(iptables_plan_free) struct iptables_plan *plan = plan_of(before), *again = NULL;
	cleanup(ruleset_free) struct ruleset have = {}, want = {};
	cleanup(buf_fini) struct buf left = BUF_INIT(1 << 20);

	ruleset_read(&have, before);
	ruleset_read(&want, after);
	carry_out(plan, &have, &left);
	assert_same(&have, &want);
	again = plan_of(left.data);
	assert_int_equal(items(again), 0);
}

static void recorded_rules_go_and_those_of_others_stay(void **state)
{
	static const char *const names[] = { "legacy", "nft6", "large", "ipvs" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup(buf_fini) struct buf before = BUF_INIT(1 << 20), after = BUF_INIT(1 << 20);
		char path[128];

		snprintf(path, sizeof(path), "tests/vectors/iptables/%s.txt", names[i]);
		must(file_read(path, &before, &why));
		snprintf(path, sizeof(path), "tests/vectors/iptables/%s.after.txt", names[i]);
		must(file_read(path, &after, &why));
		assert_true(before.len > after.len);
		check_removal(before.data, after.data);
	}
}

static void rules_of_others_alone_leave_nothing_to_do(void **state)
{
	cleanup(iptables_plan_free) struct iptables_plan *plan = NULL;
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);

	(void)state;
	must(file_read("tests/vectors/iptables/legacy.after.txt", &text, &why));
	plan = plan_of(text.data);
	assert_int_equal(items(plan), 0);
	for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++)
		assert_true(plan->table[t].seen);
}

static void an_empty_text_has_no_table(void **state)
{
	cleanup(iptables_plan_free) struct iptables_plan *plan = plan_of("");
	cleanup(iptables_plan_free) struct iptables_plan *nat = plan_of("*nat\nCOMMIT\n");

	(void)state;
	assert_int_equal(items(plan), 0);
	assert_false(plan->table[IPTABLES_NAT].seen);
	assert_true(nat->table[IPTABLES_NAT].seen);
	assert_false(nat->table[IPTABLES_FILTER].seen);
}

/* All chains are emptied before the first is deleted: they lead to each other. */
static void a_plan_prints_as_one_transaction(void **state)
{
	cleanup(iptables_plan_free) struct iptables_plan *plan =
		plan_of("*nat\n:OUTPUT ACCEPT [7:420]\n:MINE - [0:0]\n:KUBE-SERVICES - [0:0]\n"
			":KUBE-MARK-MASQ - [0:0]\n:KUBE-SVC-ABCDEFGHIJKLMN27 - [0:0]\n"
			"-A OUTPUT -m comment --comment \"kubernetes service portals\" "
			"-j KUBE-SERVICES\n-A MINE -j KUBE-MARK-MASQ\n"
			"-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n"
			"-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-ABCDEFGHIJKLMN27\nCOMMIT\n");
	const struct iptables_table *nat = &plan->table[IPTABLES_NAT];
	cleanup(buf_fini) struct buf out = BUF_INIT(4096);

	(void)state;
	assert_int_equal(nat->n_items, 4);
	assert_true(nat->items[0].jump);
	assert_string_equal(nat->items[0].name,
			    "-A OUTPUT -m comment --comment \"kubernetes service portals\" "
			    "-j KUBE-SERVICES");
	assert_string_equal(nat->items[2].name, "KUBE-MARK-MASQ");
	assert_string_equal(nat->items[2].kept_for, "MINE");
	assert_null(nat->items[1].kept_for);
	assert_int_equal(iptables_plan_print(plan, IPTABLES_NAT, &out), 0);
	assert_string_equal(out.data,
			    "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n"
			    ":KUBE-SVC-ABCDEFGHIJKLMN27 - [0:0]\n"
			    "-D OUTPUT -m comment --comment \"kubernetes service portals\" "
			    "-j KUBE-SERVICES\n"
			    "-X KUBE-SERVICES\n-X KUBE-SVC-ABCDEFGHIJKLMN27\nCOMMIT\n");
}

#define NAT(rules) \
	"*nat\n:OUTPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:MINE - [0:0]\n" rules "COMMIT\n"
#define JUMP "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n"
#define RULE "-A KUBE-SERVICES -d 10.96.0.1/32 -j ACCEPT\n"

/* What is only like a jump of kube-proxy's stays, and the chain it leads to with it, but empty. */
static void jumps_of_others_stay(void **state)
{
	static const char *const rules[] = {
		"-A OUTPUT -j KUBE-SERVICES\n",
		"-A OUTPUT -m comment --comment \"kubernetes service portal\" -j KUBE-SERVICES\n",
		"-A OUTPUT -m comment --comment \"kubernetes service portals\" -g KUBE-SERVICES\n",
		"-A OUTPUT -o eth0 -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n",
		"-A OUTPUT -m comment --comment \"kubernetes service portals\" -m mark --mark 0x1 -j KUBE-SERVICES\n",
		"-A OUTPUT -m conntrack --ctstate NEW -m conntrack --ctstate NEW -m comment --comment x -j KUBE-SERVICES\n",
		"-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES -g KUBE-SERVICES\n",
		"-A MINE -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n",
		"-A MINE -m comment --comment -j -j KUBE-SERVICES\n",
		"-A MINE -m comment --comment \"two\nlines\" -g KUBE-SERVICES\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		cleanup(iptables_plan_free) struct iptables_plan *plan = NULL, *done = NULL;
		cleanup(buf_fini) struct buf text = BUF_INIT(4096), left = BUF_INIT(4096);
		const struct iptables_table *nat;

		buf_printf(&text, NAT("%s" RULE), rules[i]);
		buf_printf(&left, NAT("%s"), rules[i]);
		plan = plan_of(text.data);
		nat = &plan->table[IPTABLES_NAT];
		assert_int_equal(nat->n_items, 1);
		assert_string_equal(nat->items[0].name, "KUBE-SERVICES");
		assert_int_equal(strncmp(rules[i] + 3, nat->items[0].kept_for,
					 strlen(nat->items[0].kept_for)),
				 0);
		done = plan_of(left.data);
		assert_int_equal(items(done), 0);
	}
}

static void what_only_names_a_chain_does_not_keep_it(void **state)
{
	static const char *const rules[] = {
		"-A MINE -m comment --comment \"-j KUBE-SERVICES\" -j ACCEPT\n",
		"-A MINE -m comment --comment \"a \\\" -j KUBE-SERVICES\" -j ACCEPT\n",
		"-A MINE -m set --match-set KUBE-SERVICES dst -j ACCEPT\n",
		"-A MINE -j LOG --log-prefix KUBE-SERVICES\n",
		"-A MINE -m recent --name KUBE-SERVICES --rcheck -j KUBE-SERVICES2\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		cleanup(buf_fini) struct buf text = BUF_INIT(4096), left = BUF_INIT(4096);

		buf_printf(&text, NAT(JUMP "%s" RULE), rules[i]);
		buf_printf(&left, "*nat\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\n%sCOMMIT\n",
			   rules[i]);
		check_removal(text.data, left.data);
	}
}

static void a_jump_that_is_there_twice_goes_twice(void **state)
{
	(void)state;
	check_removal(NAT(JUMP JUMP RULE), "*nat\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\nCOMMIT\n");
}

/* The tables are each their own: a name of nat is nobody's in filter, and other tables are others'. */
static void tables_are_told_apart(void **state)
{
	cleanup(iptables_plan_free) struct iptables_plan *plan = plan_of(
		"*filter\n:KUBE-MARK-MASQ - [0:0]\n:KUBE-SEP-ABCDEFGHIJKLMNOP - [0:0]\nCOMMIT\n"
		"*mangle\n:KUBE-SERVICES - [0:0]\n:KUBE-PROXY-CANARY - [0:0]\nCOMMIT\n"
		"*raw\n:KUBE-PROXY-CANARY - [0:0]\n-A OUTPUT -j KUBE-PROXY-CANARY\nCOMMIT\n");

	(void)state;
	assert_int_equal(items(plan), 1);
	assert_string_equal(plan->table[IPTABLES_MANGLE].items[0].name, "KUBE-PROXY-CANARY");
}

static void bad_texts_are_refused_by_line(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "-A OUTPUT -j ACCEPT\n", "line 1:" },
		{ ":OUTPUT ACCEPT [0:0]\n", "line 1:" },
		{ "# remark\nCOMMIT\n", "line 2:" },
		{ "*nat\n*filter\n", "line 2:" },
		{ "*\n", "line 1:" },
		{ "*nat\nCOMMIT\n*nat\nCOMMIT\n", "line 3:" },
		{ "*nat\n:\nCOMMIT\n", "line 2:" },
		{ "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-SERVICES - [0:0]\nCOMMIT\n", "line 3:" },
		{ "*nat\n-A\nCOMMIT\n", "line 2:" },
		{ "*nat\n-X KUBE-SERVICES\nCOMMIT\n", "line 2:" },
		{ "*nat\n-A X -m comment --comment \"a\nb -j ACCEPT\nCOMMIT\n", "line 2:" },
		{ "*nat\n-A X -j ACCEPT\n", "line 3:" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct iptables_plan *plan = (void *)1;
		struct err err = {};

		assert_int_equal(
			iptables_plan_read(cases[i].text, strlen(cases[i].text), &plan, &err),
			-EBADMSG);
		assert_ptr_equal(plan, (void *)1);
		if (!strstr(err.text, cases[i].line))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void nul_bytes_and_endless_texts_are_refused(void **state)
{
	static const char nul[] = "*nat\n:KUBE-SERVICES\0 - [0:0]\nCOMMIT\n";
	struct iptables_plan *plan = NULL;
	struct err err = {};

	(void)state;
	assert_int_equal(iptables_plan_read(nul, sizeof(nul) - 1, &plan, &err), -EBADMSG);
	assert_int_equal(iptables_plan_read("", IPTABLES_TEXT_MAX + 1, &plan, &err), -E2BIG);
	assert_null(plan);
}

/* Names of any length: nobody's, if they are longer than a chain's can be. */
static void long_words_are_others(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	cleanup(iptables_plan_free) struct iptables_plan *plan = NULL;

	(void)state;
	buf_puts(&text, "*nat\n:KUBE-SERVICES");
	for (int i = 0; i < 2000; i++)
		buf_puts(&text, "long");
	buf_puts(&text, " - [0:0]\n-A KUBE-SERVICES");
	for (int i = 0; i < 2000; i++)
		buf_puts(&text, " --word word");
	buf_puts(&text, " -j KUBE-SERVICES\nCOMMIT\n");
	assert_int_equal(buf_error(&text), 0);
	plan = plan_of(text.data);
	assert_int_equal(items(plan), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recorded_rules_go_and_those_of_others_stay),
		TEST(rules_of_others_alone_leave_nothing_to_do),
		TEST(an_empty_text_has_no_table),
		TEST(a_plan_prints_as_one_transaction),
		TEST(jumps_of_others_stay),
		TEST(what_only_names_a_chain_does_not_keep_it),
		TEST(a_jump_that_is_there_twice_goes_twice),
		TEST(tables_are_told_apart),
		TEST(bad_texts_are_refused_by_line),
		TEST(nul_bytes_and_endless_texts_are_refused),
		TEST(long_words_are_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
