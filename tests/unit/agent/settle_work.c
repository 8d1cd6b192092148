/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settle_work.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "unit/core/test.h"

#define ID(c) "0x" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
/* "abc" in a committee of ten; its SHA-512. */
#define BLOB "108487515727338064060438300262081453105732839458438638314794357238715916242727"
#define SRI \
	"3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
#define LEASE(blob, sri, seal_id)                                            \
	"{\"market\":\"" ID("aa") "\",\"provider\":\"" ID(                   \
		"cc") "\",\"work\":{\"blob_id\":\"" blob "\",\"sri\":\"" sri \
		      "\",\"entry\":\"\",\"seal_id\":\"" seal_id "\"}}"

static int read_work(const char *text, struct settle_work *ret, struct err *err)
{
	cleanup(json_free) struct json *lease = NULL;

	assert_int_equal(json_parse(text, strlen(text), 4096, "lease", &lease, err), 0);
	return settle_read_work(lease, ret, err);
}

static void a_lease_names_its_package(void **state)
{
	struct settle_work w = {};
	struct err err = {};

	(void)state;
	assert_int_equal(read_work(LEASE(BLOB, SRI, "AQID"), &w, &err), 0);
	assert_int_equal(w.market[31], 0xaa);
	assert_int_equal(w.provider[0], 0xcc);
	assert_int_equal(w.blob_id[0], 0x27); /* J0-c... */
	assert_true(w.has_sri);
	assert_int_equal(w.sri[0], 0xdd);
	assert_int_equal(w.seal_id_len, 3);
	assert_memory_equal(w.seal_id, "\1\2\3", 3);
}

static void integrity_and_seal_id_may_be_empty(void **state)
{
	struct settle_work w = { .has_sri = true, .seal_id_len = 7 };
	struct err err = {};

	(void)state;
	assert_int_equal(read_work(LEASE(BLOB, "", ""), &w, &err), 0);
	assert_false(w.has_sri);
	assert_int_equal(w.seal_id_len, 0);
}

static void what_is_missing_or_none_is_named(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "{}", "its market" },
		{ "{\"market\":\"" ID("aa") "\",\"provider\":7}", "its provider" },
		{ "{\"market\":\"" ID("aa") "\",\"provider\":\"" ID("cc") "\"}", "its blob_id" },
		{ LEASE("x", SRI, ""), "its blob_id" },
		{ LEASE(BLOB, "AQID", ""), "its sri" },
		{ LEASE(BLOB, SRI, "?"), "its seal_id" },
	};
	struct settle_work w = { .seal_id_len = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {};

		assert_int_equal(read_work(cases[i].text, &w, &err), -EBADMSG);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].says, err.text);
		assert_int_equal(w.seal_id_len, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lease_names_its_package),
		TEST(integrity_and_seal_id_may_be_empty),
		TEST(what_is_missing_or_none_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
