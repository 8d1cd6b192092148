/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settle_said.h"

#include "agent/book.h"
#include "core/crypto.h"
#include "core/json.h"
#include "unit/core/must.h"

static struct json *parsed(const char *text)
{
	struct json *j = NULL;

	must(json_parse(text, strlen(text), 4096, "json", &j, &why));
	return j;
}

#define SEVENS "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
#define EIGHTS "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="

static void a_leases_last_report_is_read(void **state)
{
	cleanup(json_free) struct json *none = parsed("{\"seq\":\"0\",\"last_hash\":\"\"}");
	cleanup(json_free) struct json *some =
		parsed("{\"seq\":\"18446744073709551615\",\"last_hash\":\"" SEVENS "\"}");
	uint8_t hash[HASH_LEN] = { 1 }, sevens[HASH_LEN];
	uint64_t seq = 9;

	(void)state;
	must(settle_last_report(none, &seq, hash, &why));
	assert_int_equal(seq, 0);
	must(settle_last_report(some, &seq, hash, &why));
	assert_int_equal(seq, UINT64_MAX);
	memset(sevens, 7, sizeof(sevens));
	assert_memory_equal(hash, sevens, sizeof(hash));
}

static void a_lease_that_does_not_say_it_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"seq\":\"1\"}",
		"{\"seq\":\"-1\",\"last_hash\":\"" SEVENS "\"}",
		"{\"seq\":\"1\",\"last_hash\":\"\"}",
		"{\"seq\":\"1\",\"last_hash\":\"BwcH\"}",
		"{\"seq\":\"1\",\"last_hash\":[7]}",
	};
	uint8_t hash[HASH_LEN];
	uint64_t seq = 9;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cleanup(json_free) struct json *j = parsed(bad[i]);

		assert_int_equal(settle_last_report(j, &seq, hash, &why), -EBADMSG);
		assert_non_null(strstr(why.text, "does not say its"));
		assert_int_equal(seq, 9);
	}
}

static void only_the_providers_current_key_will_do(void **state)
{
	cleanup(json_free) struct json *p =
		parsed("{\"keys\":[{\"key\":\"" EIGHTS "\",\"retired_ms\":\"5\",\"slashed\":false},"
		       "{\"key\":\"" SEVENS "\",\"retired_ms\":null,\"slashed\":false}]}");
	cleanup(json_free) struct json *slashed = parsed(
		"{\"keys\":[{\"key\":\"" SEVENS "\",\"retired_ms\":null,\"slashed\":true}]}");
	cleanup(json_free) struct json *none = parsed("{\"keys\":[]}");
	uint8_t key[PUBKEY_LEN];

	(void)state;
	memset(key, 7, sizeof(key));
	must(settle_check_key(p, key, &why));
	assert_int_equal(settle_check_key(slashed, key, &why), -EKEYREJECTED);
	assert_non_null(strstr(why.text, "cost its stake"));
	assert_int_equal(settle_check_key(none, key, &why), -EBADMSG);
	memset(key, 8, sizeof(key)); /* retired */
	assert_int_equal(settle_check_key(p, key, &why), -EKEYREJECTED);
	assert_non_null(strstr(why.text, "0707"));
	assert_non_null(strstr(why.text, "0808"));
}

static void the_capacity_is_the_last_one_registered(void **state)
{
	cleanup(json_free) struct json *p = parsed(
		"{\"capacities\":[{\"cpu_millis\":\"1\",\"memory_bytes\":\"2\",\"net_bytes_s\":\"3\"},"
		"{\"cpu_millis\":\"4000\",\"memory_bytes\":\"5\",\"net_bytes_s\":\"6\"}]}");
	cleanup(json_free) struct json *none = parsed("{\"capacities\":[]}");
	cleanup(json_free) struct json *bad = parsed("{\"capacities\":[{\"cpu_millis\":\"1\"}]}");
	struct book_capacity c = {};

	(void)state;
	must(settle_capacity(p, &c, &why));
	assert_true(c.bounds);
	assert_int_equal(c.cpu_millis, 4000);
	assert_int_equal(c.memory_bytes, 5);
	assert_int_equal(c.net_bytes_s, 6);
	assert_int_equal(settle_capacity(none, &c, &why), -EBADMSG);
	assert_int_equal(settle_capacity(bad, &c, &why), -EBADMSG);
	assert_int_equal(c.cpu_millis, 4000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leases_last_report_is_read),
		cmocka_unit_test(a_lease_that_does_not_say_it_is_refused),
		cmocka_unit_test(the_capacity_is_the_last_one_registered),
		cmocka_unit_test(only_the_providers_current_key_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
