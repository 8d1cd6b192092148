/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/shamir.h"

#include <string.h>

#include "core/crypto.h"
#include "unit/core/test.h"

static const uint8_t secret[SHARE_LEN] = { 0, 1, 2, 0x80, 0xff, 42, [31] = 7 };

static void any_threshold_of_shares_gives_the_secret(void **state)
{
	struct seal_share all[5], some[3];
	uint8_t got[SHARE_LEN];

	(void)state;
	for (size_t i = 0; i < 5; i++)
		all[i].index = (uint8_t)(i * 61 + 1);
	shamir_split(secret, 3, all, 5);
	for (size_t a = 0; a < 5; a++) {
		for (size_t b = a + 1; b < 5; b++) {
			for (size_t c = b + 1; c < 5; c++) {
				some[0] = all[c];
				some[1] = all[a];
				some[2] = all[b];
				shamir_join(some, 3, got);
				assert_memory_equal(got, secret, SHARE_LEN);
			}
		}
	}
}

static void fewer_give_something_else(void **state)
{
	struct seal_share all[3] = { { .index = 1 }, { .index = 2 }, { .index = 3 } };
	uint8_t got[SHARE_LEN];

	(void)state;
	shamir_split(secret, 3, all, 3);
	shamir_join(all, 2, got);
	assert_memory_not_equal(got, secret, SHARE_LEN);
}

static void a_further_share_lies_on_the_polynomial(void **state)
{
	struct seal_share all[4] = {
		{ .index = 1 }, { .index = 2 }, { .index = 200 }, { .index = 255 }
	};
	uint8_t got[SHARE_LEN];

	(void)state;
	shamir_split(secret, 2, all, 4);
	for (size_t i = 2; i < 4; i++) {
		shamir_at(all, 2, all[i].index, got);
		assert_memory_equal(got, all[i].bytes, SHARE_LEN);
	}
}

static void a_threshold_of_one_is_the_secret_itself(void **state)
{
	struct seal_share one = { .index = 9 };

	(void)state;
	shamir_split(secret, 1, &one, 1);
	assert_memory_equal(one.bytes, secret, SHARE_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_threshold_of_shares_gives_the_secret),
		cmocka_unit_test(fewer_give_something_else),
		cmocka_unit_test(a_further_share_lies_on_the_polynomial),
		cmocka_unit_test(a_threshold_of_one_is_the_secret_itself),
	};

	return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
