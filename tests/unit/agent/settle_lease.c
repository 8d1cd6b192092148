/* SPDX-License-Identifier: Apache-2.0 */
/* What GraphQL shows of a lease, and what of that can't be. */
#include "agent/settle_lease.h"

#include <errno.h>

#include "core/buf.h"
#include "core/crypto.h"
#include "core/json.h"
#include "unit/core/must.h"

#define SEVENS "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=" /* 32 bytes */

/* 1000 deposited; 400 due, of which 150 waits, 50 is struck and 200 is paid. Set by hand. */
/* clang-format off */
static const char text[] =
	"{'id':'0xbb','market':'0xaa','provider':'0xcc','tenant':'0xdd','tenant_key':'',"
	"'prices':{'core_s':'1','gib_s':'2','rx_gib':['3','4','5'],'tx_gib':['6','7','8'],'cap_s':'9'},"
	"'terms':{'challenge_ms':'100','dispute_ms':'200','bond_bps':'5000','grace_ms':'50'},"
	"'opened_ms':'1000','escrow':'800','deposited':'1000','refunded':'0','paid':'200','struck':'50',"
	"'released':'250','total_due':'400','seq':'4','last_to_ms':'5000','last_hash':'" SEVENS "',"
	"'claims':[{'total_due':'300','release_ms':'6000'},{'total_due':'400','release_ms':'7000'}],"
	"'dispute':null,'closing_ms':null,'closed':false}";
/* clang-format on */

/* Without one of them, unless NULL: under another name, that is. */
static struct json *fields_without(const char *name)
{
	struct json *j = NULL;
	char quoted[sizeof(text)], *at;

	for (size_t i = 0; i < sizeof(text); i++)
		quoted[i] = text[i] == '\'' ? '"' : text[i];
	at = name ? strstr(quoted, name) : NULL;
	if (at)
		*at = '_';
	must(json_parse(quoted, strlen(quoted), sizeof(quoted), "lease", &j, &why));
	return j;
}

static struct json *fields(void)
{
	return fields_without(NULL);
}

static struct lease taken(const struct json *j)
{
	struct settle_view view = {};

	must(settle_read_lease(j, &view, &why));
	snprintf(view.lease.terms.label, sizeof(view.lease.terms.label), "shop");
	must(lease_check(&view.lease, &why));
	return view.lease;
}

static void all_of_it_is_read(void **state)
{
	cleanup(json_free) struct json *j = fields();
	struct settle_view view = {};
	uint8_t sevens[HASH_LEN];
	struct lease l;

	(void)state;
	must(settle_read_lease(j, &view, &why));
	assert_int_equal(view.provider[31], 0xcc);
	l = taken(j);
	assert_int_equal(l.terms.id[31], 0xbb);
	assert_int_equal(l.terms.market[31], 0xaa);
	assert_int_equal(l.terms.tenant[31], 0xdd);
	assert_int_equal(l.terms.prices.core_s, 1);
	assert_int_equal(l.terms.prices.rx_gib[USAGE_LOCAL], 5);
	assert_int_equal(l.terms.prices.tx_gib[0], 6);
	assert_int_equal(l.terms.prices.cap_s, 9);
	assert_int_equal(l.terms.opened_ms, 1000);
	assert_int_equal(l.terms.grace_ms, 50);
	assert_int_equal(l.deposited, 1000);
	assert_int_equal(l.paid, 200);
	assert_int_equal(l.total_due, 400);
	assert_int_equal(l.seq, 4);
	assert_int_equal(l.last_to_ms, 5000);
	memset(sevens, 7, sizeof(sevens));
	assert_memory_equal(l.last_hash, sevens, sizeof(sevens));
	assert_int_equal(l.chain.waiting, 150);
	assert_int_equal(l.chain.struck, 50);
	assert_int_equal(l.chain.nclaims, 2);
	assert_int_equal(l.chain.claims[1].release_ms, 7000);
	assert_int_equal(l.closing_ms, 0);
	assert_int_equal(l.state, LEASE_OPEN);
}

static void dispute_and_end_are_read(void **state)
{
	cleanup(json_free) struct json *j = fields();
	struct json *dispute = json_new_object();
	struct lease l;

	(void)state;
	json_set_str(dispute, "amount", "150");
	json_set_str(dispute, "until_ms", "9000");
	json_set(j, "claims", json_new_array());
	json_set(j, "dispute", dispute);
	json_set_str(j, "closing_ms", "6500");
	l = taken(j);
	assert_int_equal(l.chain.disputed_until_ms, 9000);
	assert_int_equal(l.chain.waiting, 150);
	assert_int_equal(l.closing_ms, 6500);
	assert_int_equal(l.state, LEASE_CLOSING);
}

static void the_state_follows_from_what_there_is(void **state)
{
	cleanup(json_free) struct json *j = fields();

	(void)state;
	json_set_str(j, "deposited", "349");
	json_set_str(j, "escrow", "149");
	assert_int_equal(taken(j).state, LEASE_EXHAUSTED);
	json_set_str(j, "released", "400");
	json_set(j, "claims", json_new_array());
	json_set_str(j, "paid", "349");
	json_set_str(j, "escrow", "0");
	assert_int_equal(taken(j).state, LEASE_EXHAUSTED);
	json_set_str(j, "closing_ms", "6500");
	json_set_bool(j, "closed", true);
	assert_int_equal(taken(j).state, LEASE_CLOSED);
}

static void refused(const struct json *j, const char *word)
{
	struct settle_view view = { .lease.seq = 4242 };
	struct err err = {};

	assert_int_equal(settle_read_lease(j, &view, &err), -EBADMSG);
	if (!strstr(err.text, word))
		fail_msg("\"%s\" does not say %s", err.text, word);
	assert_int_equal(view.lease.seq, 4242);
}

static void what_is_missing_is_named(void **state)
{
	static const char *const names[] = { "id",	  "market",    "provider",  "tenant",
					     "opened_ms", "escrow",    "deposited", "refunded",
					     "paid",	  "struck",    "released",  "total_due",
					     "seq",	  "last_to_ms" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup(json_free) struct json *j = fields();

		json_set_null(j, names[i]);
		refused(j, names[i]);
		json_set_str(j, names[i], "18446744073709551616");
		refused(j, names[i]);
	}
}

/* null says that there is none; nothing says nothing. */
static void what_may_be_null_may_not_be_missing(void **state)
{
	static const struct {
		const char *name, *word;
	} cases[] = {
		{ "dispute\":null", "until_ms" },
		{ "closing_ms", "closing_ms" },
		{ "closed", "closed" },
		{ "claims", "claims" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(json_free) struct json *j = fields_without(cases[i].name);

		refused(j, cases[i].word);
	}
}

static void what_can_not_be_is_refused(void **state)
{
	static const struct {
		const char *name, *value, *word;
	} cases[] = {
		{ "last_hash", "BwcH", "last_hash" }, /* 3 bytes */
		{ "last_hash", "*", "last_hash" },
		{ "prices", "9", "core_s" },
		{ "terms", "9", "grace_ms" },
		{ "claims", "9", "claims" },
		{ "dispute", "9", "until_ms" },
		{ "released", "401", "claims" },
		{ "escrow", "801", "escrow" },
		{ "paid", "1001", "escrow" }, /* and no underflow */
		{ "closing_ms", "soon", "closing_ms" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(json_free) struct json *j = fields();

		json_set_str(j, cases[i].name, cases[i].value);
		refused(j, cases[i].word);
	}
}

static void claims_have_a_limit(void **state)
{
	cleanup(json_free) struct json *j = fields();
	struct json *list = json_new_array();

	(void)state;
	for (int i = 0; i <= LEASE_CLAIMS_MAX; i++)
		json_add(list, json_dup(json_at(json_get(j, "claims"), 0)));
	json_set(j, "claims", list);
	refused(j, "claims");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_is_read),
		cmocka_unit_test(dispute_and_end_are_read),
		cmocka_unit_test(the_state_follows_from_what_there_is),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(what_may_be_null_may_not_be_missing),
		cmocka_unit_test(what_can_not_be_is_refused),
		cmocka_unit_test(claims_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
