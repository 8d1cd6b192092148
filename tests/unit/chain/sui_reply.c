/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "chain/sui_int.h"
#include "core/buf.h"

#define GAS                                                                                    \
	"\"gasEffects\":{\"gasSummary\":{\"computationCost\":1000000,\"storageCost\":2280000," \
	"\"storageRebate\":2279000,\"nonRefundableStorageFee\":7}}"
#define ID "0x00000000000000000000000000000000000000000000000000000000000000aa"
#define DIGEST "69WiPg3DAQiwdxfncX6wYQ2siKwAe6L9BZthQea3JNMD"

static struct json *parse(const char *text)
{
	struct json *j = NULL;
	struct err err = {};

	if (json_parse(text, strlen(text), 1 << 20, "reply", &j, &err) < 0)
		fail_msg("%s", err.text);
	return j;
}

static int data_of(const char *text, struct json **ret, struct err *err)
{
	return sui_reply_data(text, strlen(text), "https://sui", "object", ret, err);
}

static void each_class_of_error_has_its_code(void **state)
{
	static const struct {
		const char *name;
		int rc;
	} classes[] = {
		{ "BAD_USER_INPUT", -EINVAL },
		{ "GRAPHQL_PARSE_FAILED", -EPROTO },
		{ "GRAPHQL_VALIDATION_FAILED", -EPROTO },
		{ "FEATURE_UNAVAILABLE", -EPROTO },
		{ "INTERNAL_SERVER_ERROR", -EIO },
		{ "REQUEST_TIMEOUT", -ETIMEDOUT },
		{ "RESOURCE_EXHAUSTED", -EAGAIN },
		{ "OF_TOMORROW", -EIO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		cleanup(buf_fini) struct buf text = BUF_INIT(1000);
		struct json *data = NULL;
		struct err err = {};

		buf_printf(&text,
			   "{\"data\":null,\"errors\":[{\"message\":\"no\",\"extensions\":"
			   "{\"code\":\"%s\",\"chain\":[\"the cause\"]}},{\"message\":\"x\"}]}",
			   classes[i].name);
		assert_int_equal(data_of(text.data, &data, &err), classes[i].rc);
		assert_string_equal(err.text, "https://sui: no: the cause");
		assert_null(data);
	}
}

static void what_was_asked_for_counts_although_something_else_failed(void **state)
{
	cleanup(json_free) struct json *data = NULL;

	(void)state;
	assert_int_equal(
		data_of("{\"data\":{\"object\":{}},\"errors\":[{\"message\":\"x\"}]}", &data, NULL),
		0);
	assert_int_equal(json_type(json_get(data, "object")), JSON_OBJECT);
}

static void null_without_an_error_is_nothing_there(void **state)
{
	cleanup(json_free) struct json *data = NULL;

	(void)state;
	assert_int_equal(data_of("{\"data\":{\"object\":null}}", &data, NULL), 0);
	assert_int_equal(json_type(json_get(data, "object")), JSON_NULL);
}

static void what_is_no_reply_is_malformed(void **state)
{
	static const char *const wrong[] = {
		"", "{}", "[]", "{\"data\":", "{\"data\":null}", "<html>429</html>"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct json *data = NULL;
		struct err err = {};

		assert_int_equal(data_of(wrong[i], &data, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "https://sui"));
		assert_null(data);
	}
}

static void effects_tell_success_failure_and_cost(void **state)
{
	cleanup(json_free) struct json *ok =
		parse("{\"status\":\"SUCCESS\",\"checkpoint\":{\"sequenceNumber\":5}," GAS "}");
	cleanup(json_free) struct json *bad = parse(
		"{\"status\":\"FAILURE\",\"executionError\":{\"message\":\"m\",\"abortCode\":"
		"\"13906834328962203649\",\"identifier\":\"EOpen\",\"constant\":\"still open\","
		"\"module\":{\"name\":\"lease\"},\"function\":{\"name\":\"close\"}}," GAS "}");
	cleanup(json_free) struct json *plain = parse(
		"{\"status\":\"FAILURE\",\"executionError\":{\"message\":\"InsufficientGas\"}," GAS
		"}");
	struct sui_effects e = {};

	(void)state;
	assert_int_equal(sui_reply_effects(ok, &e, NULL), 0);
	assert_true(e.success);
	assert_int_equal(e.checkpoint, 5);
	assert_int_equal(e.gas.computation + e.gas.storage + e.gas.rebate + e.gas.kept,
			 1000000 + 2280000 + 2279000 + 7);
	assert_int_equal(sui_reply_effects(bad, &e, NULL), 0);
	assert_false(e.success);
	assert_int_equal(e.checkpoint, 0);
	assert_string_equal(e.error, "lease::close: EOpen: still open");
	assert_string_equal(e.abort_code, "13906834328962203649");
	assert_int_equal(sui_reply_effects(plain, &e, NULL), 0);
	assert_string_equal(e.error, "InsufficientGas");
	assert_string_equal(e.abort_code, "");
}

static void effects_without_status_or_cost_are_malformed(void **state)
{
	static const char *const wrong[] = { "{\"status\":\"SUCCESS\"}", "{" GAS "}",
					     "{\"status\":\"PERHAPS\"," GAS "}", "null" };
	struct sui_effects e = { .checkpoint = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		cleanup(json_free) struct json *j = parse(wrong[i]);

		assert_int_equal(sui_reply_effects(j, &e, NULL), -EBADMSG);
	}
	assert_int_equal(sui_reply_effects(NULL, &e, NULL), -EBADMSG);
	assert_int_equal(e.checkpoint, 77);
}

static void objects_are_owned_shared_or_neither(void **state)
{
	static const struct {
		const char *owner;
		enum sui_owner want;
		uint64_t initial_version;
	} cases[] = {
		{ "{\"__typename\":\"Shared\",\"initialSharedVersion\":9}", SUI_SHARED, 9 },
		{ "{\"__typename\":\"ConsensusAddressOwner\",\"startVersion\":8}", SUI_SHARED, 8 },
		{ "{\"__typename\":\"AddressOwner\",\"address\":{\"address\":\"" ID "\"}}",
		  SUI_OWNED, 0 },
		{ "{\"__typename\":\"Immutable\"}", SUI_OTHER, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(buf_fini) struct buf text = BUF_INIT(1000);
		cleanup(sui_object_fini) struct sui_object o = {};
		cleanup(json_free) struct json *node = NULL;

		buf_printf(&text,
			   "{\"address\":\"" ID "\",\"version\":3,\"digest\":\"" DIGEST
			   "\",\"owner\":%s,\"asMoveObject\":{\"contents\":{\"json\":{\"a\":1}}}}",
			   cases[i].owner);
		node = parse(text.data);
		assert_int_equal(sui_reply_object(node, &o, NULL), 0);
		assert_int_equal(o.owner, cases[i].want);
		assert_int_equal(o.initial_version, cases[i].initial_version);
		assert_int_equal(o.ref.version, 3);
		assert_int_equal(o.ref.id[31], 0xaa);
		assert_non_null(json_get(o.json, "a"));
	}
}

static void an_object_that_lacks_a_part_is_malformed(void **state)
{
	static const char *const wrong[] = {
		"{}",
		"{\"address\":\"" ID "\",\"version\":3}",
		"{\"address\":\"0x\",\"version\":3,\"digest\":\"" DIGEST "\"}",
		"{\"address\":\"" ID "\",\"version\":\"x\",\"digest\":\"" DIGEST "\"}",
		"{\"address\":\"" ID "\",\"version\":3,\"digest\":\"" DIGEST
		"\",\"owner\":{\"__typename\":\"Shared\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		cleanup(json_free) struct json *node = parse(wrong[i]);
		struct sui_object o = {};

		assert_int_equal(sui_reply_object(node, &o, NULL), -EBADMSG);
		assert_null(o.json);
	}
}

static void a_page_leads_on_or_ends(void **state)
{
	cleanup(json_free) struct json *more =
		parse("{\"pageInfo\":{\"hasNextPage\":true,\"endCursor\":\"b\"}}");
	cleanup(json_free) struct json *last =
		parse("{\"pageInfo\":{\"hasNextPage\":false,\"endCursor\":\"c\"}}");
	cleanup(json_free) struct json *lost = parse("{\"pageInfo\":{\"hasNextPage\":true}}");
	char cursor[SUI_CURSOR_SIZE] = "a";

	(void)state;
	assert_int_equal(sui_reply_page(more, cursor, NULL), 1);
	assert_string_equal(cursor, "b");
	/* the same place again would go round for ever */
	assert_int_equal(sui_reply_page(more, cursor, NULL), -EBADMSG);
	assert_int_equal(sui_reply_page(lost, cursor, NULL), -EBADMSG);
	assert_int_equal(sui_reply_page(last, cursor, NULL), 0);
	assert_string_equal(cursor, "c");
	assert_int_equal(sui_reply_page(NULL, cursor, NULL), 0);
	assert_string_equal(cursor, "c");
}

static void what_a_transaction_made_is_told_by_the_name_of_its_type(void **state)
{
	static const char text[] =
		"{\"status\":\"SUCCESS\"," GAS ",\"objectChanges\":{\"nodes\":["
		"{\"address\":\"0x1\",\"idCreated\":false,\"outputState\":null},"
		"{\"address\":\"" ID "\",\"idCreated\":true,\"outputState\":{\"asMoveObject\":"
		"{\"contents\":{\"type\":{\"repr\":\"0x7::lease::Lease<0x2::sui::SUI>\"}}}}},"
		"{\"address\":\"0x3\",\"idCreated\":true,\"outputState\":{\"asMoveObject\":null}}]}}";
	cleanup(json_free) struct json *j = parse(text);
	struct sui_effects e = {};

	(void)state;
	assert_int_equal(sui_reply_effects(j, &e, NULL), 0);
	assert_int_equal(e.ncreated, 1);
	assert_string_equal(e.created[0].name, "lease::Lease");
	assert_int_equal(e.created[0].id[OBJECT_ID_LEN - 1], 0xaa);
}

static void more_objects_than_there_is_room_for_are_left_out(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 16);
	cleanup(json_free) struct json *j = NULL;
	struct sui_effects e = {};

	(void)state;
	buf_puts(&text, "{\"status\":\"SUCCESS\"," GAS ",\"objectChanges\":{\"nodes\":[");
	for (int i = 0; i < 2 * SUI_CREATED_MAX; i++)
		buf_printf(
			&text,
			"%s{\"address\":\"0x%x\",\"idCreated\":true,\"outputState\":{\"asMoveObject\":"
			"{\"contents\":{\"type\":{\"repr\":\"0x2::coin::Coin\"}}}}}",
			i ? "," : "", i + 1);
	buf_puts(&text, "]}}");
	j = parse(text.data);
	assert_int_equal(sui_reply_effects(j, &e, NULL), 0);
	assert_int_equal(e.ncreated, SUI_CREATED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_class_of_error_has_its_code),
		TEST(what_was_asked_for_counts_although_something_else_failed),
		TEST(null_without_an_error_is_nothing_there),
		TEST(what_is_no_reply_is_malformed),
		TEST(effects_tell_success_failure_and_cost),
		TEST(effects_without_status_or_cost_are_malformed),
		TEST(objects_are_owned_shared_or_neither),
		TEST(an_object_that_lacks_a_part_is_malformed),
		TEST(a_page_leads_on_or_ends),
		TEST(what_a_transaction_made_is_told_by_the_name_of_its_type),
		TEST(more_objects_than_there_is_room_for_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
