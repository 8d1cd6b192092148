/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "chain/address.h"
#include "chain/type_tag.h"
#include "core/buf.h"

static void short_forms_are_filled_up_with_zeros(void **state)
{
	static const char *const same[] = {
		"0x2", "0x02", "0x0000000000000000000000000000000000000000000000000000000000000002"
	};
	const uint8_t want[OBJECT_ID_LEN] = { [31] = 2 };
	char text[ADDRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		uint8_t id[OBJECT_ID_LEN];

		assert_int_equal(address_parse(same[i], id), 0);
		assert_memory_equal(id, want, sizeof(id));
	}
	address_format(want, text);
	assert_string_equal(text, same[2]);
}

static void capital_digits_are_taken_and_not_given(void **state)
{
	uint8_t id[OBJECT_ID_LEN];
	char text[ADDRESS_SIZE];

	(void)state;
	assert_int_equal(address_parse("0xDEADbeef", id), 0);
	address_format(id, text);
	assert_string_equal(text + ADDRESS_SIZE - 9, "deadbeef");
}

static void what_is_no_address_leaves_the_result_alone(void **state)
{
	static const char *const wrong[] = {
		"",	 "0x",
		"2",	 "0X2",
		"0xg",	 "0x-1",
		" 0x2",	 "0x2 ",
		"0x0x2", "0x10000000000000000000000000000000000000000000000000000000000000002"
	};
	uint8_t id[OBJECT_ID_LEN], before[OBJECT_ID_LEN];

	(void)state;
	memset(id, 0x5a, sizeof(id));
	memcpy(before, id, sizeof(id));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(address_parse(wrong[i], id), -EINVAL);
	assert_memory_equal(id, before, sizeof(id));
}

static void ids_below_an_object_differ_by_parent_type_and_key(void **state)
{
	cleanup(buf_fini) struct buf u8_type = BUF_INIT(16), u64_type = BUF_INIT(16);
	uint8_t ids[6][OBJECT_ID_LEN];
	const uint8_t a[OBJECT_ID_LEN] = { 1 }, b[OBJECT_ID_LEN] = { 2 };

	(void)state;
	assert_int_equal(type_tag_parse("u8", &u8_type, NULL), 0);
	assert_int_equal(type_tag_parse("u64", &u64_type, NULL), 0);
	dynamic_field_id(a, &u8_type, "\1", 1, ids[0]);
	dynamic_field_id(b, &u8_type, "\1", 1, ids[1]);
	dynamic_field_id(a, &u64_type, "\1", 1, ids[2]);
	dynamic_field_id(a, &u8_type, "\2", 1, ids[3]);
	dynamic_field_id(a, &u8_type, "", 0, ids[4]);
	assert_int_equal(derived_object_id(a, &u8_type, "\1", 1, ids[5]), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(ids[i], ids[j], OBJECT_ID_LEN);
}

static void the_key_of_a_derived_object_is_wrapped_in_its_type(void **state)
{
	cleanup(buf_fini) struct buf key = BUF_INIT(TYPE_TAG_LEN_MAX);
	cleanup(buf_fini) struct buf wrapped = BUF_INIT(TYPE_TAG_LEN_MAX);
	const uint8_t parent[OBJECT_ID_LEN] = { 1 };
	uint8_t derived[OBJECT_ID_LEN], field[OBJECT_ID_LEN];

	(void)state;
	assert_int_equal(type_tag_parse("vector<address>", &key, NULL), 0);
	assert_int_equal(type_tag_parse("0x2::derived_object::DerivedObjectKey<vector<address>>",
					&wrapped, NULL),
			 0);
	assert_int_equal(derived_object_id(parent, &key, "k", 1, derived), 0);
	dynamic_field_id(parent, &wrapped, "k", 1, field);
	assert_memory_equal(derived, field, OBJECT_ID_LEN);
}

static void an_address_is_of_one_key(void **state)
{
	uint8_t pub[PUBKEY_LEN] = {}, a[OBJECT_ID_LEN], b[OBJECT_ID_LEN];

	(void)state;
	address_of_key(pub, a);
	pub[31] = 1;
	address_of_key(pub, b);
	assert_memory_not_equal(a, b, OBJECT_ID_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(short_forms_are_filled_up_with_zeros),
		TEST(capital_digits_are_taken_and_not_given),
		TEST(what_is_no_address_leaves_the_result_alone),
		TEST(ids_below_an_object_differ_by_parent_type_and_key),
		TEST(the_key_of_a_derived_object_is_wrapped_in_its_type),
		TEST(an_address_is_of_one_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
