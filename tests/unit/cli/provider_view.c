/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/provider_view.h"

#include "core/crypto.h"
#include "unit/cli/sample.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define MARKET "{\"params\":{\"min_stake\":\"1000\",\"unbond_ms\":\"86400000\"}}"
#define CAPACITY "{\"cpu_millis\":\"4000\",\"memory_bytes\":\"5\",\"net_bytes_s\":\"6\"}"
#define PROVIDER(stake, keys, jailed)                                                                \
	"{\"id\":\"0x1\",\"market\":\"0x2\",\"owner\":\"0x3\",\"agent\":\"0x4\",\"payout\":\"0x5\"," \
	"\"endpoint\":\"\",\"stake\":\"" stake "\",\"unbonding\":["                                  \
	"{\"amount\":\"7\",\"release_ms\":\"1000000000000\"},"                                       \
	"{\"amount\":\"8\",\"release_ms\":\"1000000000001\"}],\"keys\":[" keys                       \
	"],\"capacities\":[{}," CAPACITY "],\"jailed\":" jailed "}"
#define OLD "{\"key\":\"" KEY_A "\",\"retired_ms\":\"999999999000\",\"slashed\":true}"
#define NEW "{\"key\":\"" KEY_B "\",\"retired_ms\":null,\"slashed\":false}"
#define NOW_MS 1000000000000ULL

static struct json *view(const char *text, const uint8_t *key)
{
	cleanup(json_free) struct json *provider = sample_json(text);
	cleanup(json_free) struct json *market = sample_json(MARKET);
	struct json *ret = NULL;
	struct err err = {};

	if (provider_view(provider, market, key, NOW_MS, &ret, &err) < 0)
		fail_msg("%s", err.text);
	return ret;
}

static void keys_stakes_and_the_newest_capacity_are_told(void **state)
{
	cleanup(json_free) struct json *o = view(PROVIDER("1000", OLD "," NEW, "false"), NULL);
	const struct json *keys = json_get(o, "keys"), *unbonding = json_get(o, "unbonding");
	uint64_t cpu = 0;

	(void)state;
	assert_string_equal(json_str(o, "stake", ""), "1000");
	assert_true(json_bool(o, "backed", false));
	assert_int_equal(json_u64(json_get(o, "capacity"), "cpu_millis", &cpu), 0);
	assert_int_equal(cpu, 4000);
	assert_string_equal(json_str(json_at(keys, 0), "state", ""), "retired");
	/* a day after it retired */
	assert_string_equal(json_str(json_at(keys, 0), "counts_until", ""), "2001-09-10T01:46:39Z");
	assert_true(json_bool(json_at(keys, 0), "slashed", false));
	assert_string_equal(json_str(json_at(keys, 1), "state", ""), "current");
	assert_int_equal(json_type(json_get(json_at(keys, 1), "retired")), JSON_NULL);
	assert_true(json_bool(json_at(unbonding, 0), "free", false));
	assert_false(json_bool(json_at(unbonding, 1), "free", true));
	assert_int_equal(json_type(json_get(o, "report_key")), JSON_NULL);
}

static void the_own_key_is_looked_for_among_them(void **state)
{
	const uint8_t old[PUBKEY_LEN] = {}, other[PUBKEY_LEN] = { 9 };
	uint8_t new[PUBKEY_LEN];
	const struct {
		const uint8_t *key;
		const char *what;
	} cases[] = { { old, "retired" }, { new, "current" }, { other, "none of its keys" } };

	(void)state;
	memset(new, 1, sizeof(new));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(json_free) struct json *o =
			view(PROVIDER("1", OLD "," NEW, "false"), cases[i].key);

		assert_string_equal(json_str(o, "report_key", ""), cases[i].what);
	}
}

static void the_last_key_is_the_current_one(void **state)
{
	cleanup(json_free) struct json *provider = sample_json(PROVIDER("1", OLD "," NEW, "false"));
	cleanup(json_free) struct json *none = sample_json("{\"keys\":[]}");
	uint8_t key[PUBKEY_LEN] = {};

	(void)state;
	assert_int_equal(provider_current_key(provider, key, NULL), 0);
	assert_int_equal(key[0], 1);
	assert_int_equal(provider_current_key(none, key, NULL), -EBADMSG);
}

static void jailed_or_under_the_minimum_it_is_not_backed(void **state)
{
	cleanup(json_free) struct json *poor = view(PROVIDER("999", NEW, "false"), NULL);
	cleanup(json_free) struct json *jailed = view(PROVIDER("1000", NEW, "true"), NULL);

	(void)state;
	assert_false(json_bool(poor, "backed", true));
	assert_false(json_bool(jailed, "backed", true));
}

static void what_is_no_provider_is_refused_by_name(void **state)
{
	static const struct {
		const char *provider, *part;
	} cases[] = {
		{ "{}", "stake" },
		{ "{\"stake\":\"1\"}", "owner" },
		{ "{\"stake\":\"x\",\"owner\":\"0x1\"}", "stake" },
		{ PROVIDER("1", "", "false"), "keys" },
		{ PROVIDER("1", "{\"key\":\"AAAA\"}", "false"), "keys" },
		{ PROVIDER("1", "{\"key\":\"" KEY_A "\"}," NEW, "false"), "retired_ms" },
	};
	cleanup(json_free) struct json *market = sample_json(MARKET);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(json_free) struct json *provider = sample_json(cases[i].provider);
		struct json *ret = NULL;
		struct err err = {};

		assert_int_equal(provider_view(provider, market, NULL, NOW_MS, &ret, &err),
				 -EBADMSG);
		assert_null(ret);
		if (!strstr(err.text, cases[i].part))
			fail_msg("'%s' is not in '%s'", cases[i].part, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_stakes_and_the_newest_capacity_are_told),
		cmocka_unit_test(the_own_key_is_looked_for_among_them),
		cmocka_unit_test(the_last_key_is_the_current_one),
		cmocka_unit_test(jailed_or_under_the_minimum_it_is_not_backed),
		cmocka_unit_test(what_is_no_provider_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
