/* SPDX-License-Identifier: Apache-2.0 */
/* What a lease on chain wants to run, and whether it keeps to the provider's terms. */
#include "agent/offers.h"

#include <errno.h>

#include "agent/config.h"
#include "core/json.h"
#include "unit/core/must.h"

#define SEVENS \
	"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw==" /* 64 bytes */

static struct json *fields(void)
{
	struct json *o = json_new_object();

	json_set_str(o, "blob_id", "258"); /* 02 01, little-endian */
	json_set_str(o, "sri", SEVENS);
	json_set_str(o, "entry", "server.js");
	json_set_str(o, "cpu_millis", "500");
	json_set_str(o, "memory_bytes", "1048576");
	json_set_str(o, "pids", "64");
	json_set_str(o, "seal_id", "");
	return o;
}

static void all_of_it_is_read(void **state)
{
	cleanup(json_free) struct json *j = fields();
	struct offer_work w;

	(void)state;
	must(offer_read(j, &w, &why));
	assert_int_equal(w.blob_id[0], 2);
	assert_int_equal(w.blob_id[1], 1);
	assert_int_equal(w.blob_id[2], 0);
	assert_int_equal(w.sri.len, 1);
	assert_int_equal(w.sri.digest[0][63], 7);
	assert_string_equal(w.entry, "server.js");
	assert_int_equal(w.cpu_millis, 500);
	assert_int_equal(w.memory_bytes, 1048576);
	assert_false(w.sealed);
	json_set_str(j, "sri", "");
	json_set_str(j, "entry", "");
	json_set_str(j, "seal_id", "AA==");
	must(offer_read(j, &w, &why));
	assert_int_equal(w.sri.len, 0);
	assert_true(w.sealed);
}

static void what_is_missing_is_named(void **state)
{
	static const char *const names[] = { "blob_id",	   "sri",	   "entry",
					     "cpu_millis", "memory_bytes", "seal_id" };
	char longest[OFFER_ENTRY_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		cleanup(json_free) struct json *j = fields();
		struct offer_work w = { .cpu_millis = 4242 };

		json_set_null(j, names[i]);
		assert_int_equal(offer_read(j, &w, &why), -EBADMSG);
		assert_non_null(strstr(why.text, names[i]));
		assert_int_equal(w.cpu_millis, 4242);
	}
	for (int i = 0; i < 2; i++) {
		cleanup(json_free) struct json *j = fields();
		struct offer_work w;

		memset(longest, 'x', sizeof(longest));
		longest[OFFER_ENTRY_MAX - 1 + i] = '\0';
		json_set_str(j, "entry", longest);
		assert_int_equal(offer_read(j, &w, NULL), i ? -EBADMSG : 0);
	}
}

/* ---- Terms ---------------------------------------------------------------------------------- */

static char any[] = "any", other[] = "0x7e", tenant[] = "0x7f";
static char *nobody[] = { other }, *everybody[] = { other, any }, *named[] = { other, tenant };

struct terms {
	struct config cfg;
	struct lease lease;
	struct offer_work work;
};

/* Everything to the MIST as it is wanted. */
static struct terms agreed(void)
{
	struct terms t = {
		.cfg.offers = { .core_s = 10,
				.gib_s = 20,
				.gib_external = 30,
				.deposit = 40,
				.cpu_millis = 500,
				.memory_bytes = 600 },
		.lease = { .terms.prices = { .core_s = 10, .gib_s = 20 }, .deposited = 40 },
		.work = { .cpu_millis = 500, .memory_bytes = 600 },
	};

	t.cfg.offers.tenants.v = named;
	t.cfg.offers.tenants.n = 2;
	t.lease.terms.prices.tx_gib[USAGE_EXTERNAL] = 30;
	t.lease.terms.tenant[31] = 0x7f;
	return t;
}

static void refused(const struct terms *t, const char *word)
{
	struct err err = {};

	assert_int_equal(offer_check(&t->lease, &t->work, &t->cfg, &err), -EPERM);
	if (!strstr(err.text, word))
		fail_msg("\"%s\" does not say %s", err.text, word);
}

static void every_term_is_kept_to_the_last_mist(void **state)
{
	struct terms t = agreed();

	(void)state;
	must(offer_check(&t.lease, &t.work, &t.cfg, &why));
	t.lease.terms.prices.core_s--;
	refused(&t, "coreSecond");
	t = agreed(), t.lease.terms.prices.gib_s--;
	refused(&t, "gibSecond");
	t = agreed(), t.lease.terms.prices.tx_gib[USAGE_EXTERNAL]--;
	refused(&t, "gibExternal");
	t = agreed(), t.lease.deposited--;
	refused(&t, "deposit");
	t = agreed(), t.work.cpu_millis++;
	refused(&t, "cpu_millis");
	t = agreed(), t.work.memory_bytes++;
	refused(&t, "memory_bytes");
	t = agreed(), t.work.cpu_millis = 0; /* no limit at all */
	refused(&t, "cpu_millis");
	t = agreed(), t.work.sealed = true;
	refused(&t, "encrypted");
}

static void only_named_tenants_start_work(void **state)
{
	struct terms t = agreed();

	(void)state;
	t.cfg.offers.tenants.v = nobody;
	t.cfg.offers.tenants.n = 1;
	refused(&t, "tenant");
	t.cfg.offers.tenants.n = 0;
	refused(&t, "tenant");
	t.cfg.offers.tenants.v = everybody;
	t.cfg.offers.tenants.n = 2;
	must(offer_check(&t.lease, &t.work, &t.cfg, &why));
}

static void the_label_is_of_the_id(void **state)
{
	uint8_t id[OBJECT_ID_LEN];
	char label[LEDGER_LABEL_MAX], key[OFFER_KEY_SIZE];

	(void)state;
	memset(id, 0xab, sizeof(id));
	offer_label(id, label);
	assert_string_equal(label, "lease-abababababababababababababababababababab");
	offer_key(label, key);
	assert_string_equal(key, "offer.lease-abababababababababababababababababababab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_is_read),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(every_term_is_kept_to_the_last_mist),
		cmocka_unit_test(only_named_tenants_start_work),
		cmocka_unit_test(the_label_is_of_the_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
