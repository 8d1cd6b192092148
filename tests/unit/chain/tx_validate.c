/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/chain/tx_sample.h"

#include <errno.h>

static void expect(struct tx *tx, int rc, const char *says)
{
	struct err err = {};

	assert_int_equal(tx_validate(tx, &err), rc);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	tx_fini(tx);
}

/* One that passes: nothing but its gas. */
static struct tx paid(void)
{
	struct tx tx = {};
	struct tx_window window = sample_window(SAMPLE_TESTNET, 10, 1);

	tx_pay_from_balance(&tx, ID(SAMPLE_ALICE), 1000, 5000000, &window);
	return tx;
}

static struct tx paid_by_coins(size_t n)
{
	static struct object_ref coins[TX_PAYMENT_MAX + 1];
	struct tx tx = {};

	for (size_t i = 0; i < n; i++) {
		coins[i].id[0] = (uint8_t)i;
		coins[i].id[1] = (uint8_t)(i >> 8);
	}
	tx_pay_from_coins(&tx, ID(SAMPLE_ALICE), 1000, 5000000, coins, n);
	return tx;
}

static void the_plainest_transaction_passes(void **state)
{
	struct tx tx = paid();

	(void)state;
	assert_int_equal(tx_validate(&tx, NULL), 0);
	tx_fini(&tx);
	tx = paid_by_coins(TX_PAYMENT_MAX);
	assert_int_equal(tx_validate(&tx, NULL), 0);
	tx_fini(&tx);
}

static void every_limit_of_the_protocol_holds(void **state)
{
	static struct tx_arg args[TX_ARGS_MAX + 1];
	static uint8_t pure[TX_PURE_MAX + 1];
	static const char *types[TX_TYPE_ARGS_MAX + 1];
	struct tx tx = paid();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		types[i] = "u8";
	tx_pure(&tx, pure, TX_PURE_MAX);
	tx_call(&tx, ID("0x2"), "m", "f", types, TX_TYPE_ARGS_MAX, args, TX_ARGS_MAX);
	assert_int_equal(tx_validate(&tx, NULL), 0);
	tx_pure(&tx, pure, sizeof(pure));
	expect(&tx, -E2BIG, "16384 bytes in a pure input, at most 16383");
	tx = paid();
	tx_call(&tx, ID("0x2"), "m", "f", types, ARRAY_LEN(types), NULL, 0);
	expect(&tx, -E2BIG, "17 type arguments, at most 16");
	tx = paid();
	tx_call(&tx, ID("0x2"), "m", "f", NULL, 0, args, ARRAY_LEN(args));
	expect(&tx, -E2BIG, "512 arguments, at most 511");
	tx = paid_by_coins(TX_PAYMENT_MAX + 1);
	expect(&tx, -E2BIG, "257 gas coins, at most 256");
	tx = paid();
	for (int i = 0; i <= TX_COMMANDS_MAX; i++)
		tx_make_vec(&tx, "u8", NULL, 0);
	expect(&tx, -E2BIG, "1024 commands, at most 1023");
}

static void objects_and_bytes_have_limits(void **state)
{
	static uint8_t pure[TX_PURE_MAX];
	uint8_t id[OBJECT_ID_LEN] = {};
	struct tx tx = paid();

	(void)state;
	for (unsigned int i = 0; i <= TX_OBJECTS_MAX; i++) {
		id[0] = (uint8_t)i;
		id[1] = (uint8_t)(i >> 8);
		tx_shared(&tx, id, 1, true);
	}
	expect(&tx, -E2BIG, "2049 objects, at most 2048");
	tx = paid();
	for (int i = 0; i < 8; i++)
		tx_pure(&tx, pure, sizeof(pure));
	expect(&tx, -E2BIG, "over 131072 bytes");
}

static void an_object_is_named_once(void **state)
{
	struct object_ref ref = sample_ref(SAMPLE_GAS, 3, SAMPLE_GAS_DIGEST);
	struct tx tx = paid();

	(void)state;
	tx_owned(&tx, &ref);
	tx_receiving(&tx, &ref);
	expect(&tx, -EINVAL, SAMPLE_GAS " is there twice");
	tx = paid();
	tx_owned(&tx, &ref);
	tx_pay_from_coins(&tx, ID(SAMPLE_ALICE), 1000, 5000000, &ref, 1);
	expect(&tx, -EINVAL, SAMPLE_GAS " is there twice");
}

static void an_argument_is_there_before_it_is_used(void **state)
{
	struct tx_arg later = { TX_RESULT, 1, 0 }, nested = { TX_NESTED, 0, 0 };
	struct tx_arg input = { TX_INPUT, 0, 0 }, own = { TX_RESULT, 0, 0 };
	struct tx tx = paid();

	(void)state;
	tx_call(&tx, ID("0x2"), "m", "f", NULL, 0, &input, 1);
	expect(&tx, -EINVAL, "command 0 uses input 0, which is not there");
	tx = paid();
	tx_call(&tx, ID("0x2"), "m", "f", NULL, 0, &own, 1);
	expect(&tx, -EINVAL, "command 0 uses the result of command 0");
	tx = paid();
	tx_call(&tx, ID("0x2"), "m", "f", NULL, 0, NULL, 0);
	tx_call(&tx, ID("0x2"), "m", "f", NULL, 0, &nested, 1);
	tx_split(&tx, later, NULL, 0);
	assert_int_equal(tx_validate(&tx, NULL), 0);
	tx_transfer(&tx, &later, 1, (struct tx_arg){ TX_RESULT, 3, 0 });
	expect(&tx, -EINVAL, "command 3 uses the result of command 3");
}

static void gas_from_a_balance_needs_a_narrow_window(void **state)
{
	static const struct tx_bound none = {};
	struct tx tx = paid();

	(void)state;
	tx.expiration.max_epoch.value = 10;
	assert_int_equal(tx_validate(&tx, NULL), 0);
	tx.expiration.max_epoch.value = 12;
	expect(&tx, -EINVAL, "a window of one or two epochs");
	tx = paid();
	tx.expiration.max_epoch.value = 9;
	expect(&tx, -EINVAL, "a window of one or two epochs");
	tx = paid();
	tx.expiration.min_epoch = none;
	expect(&tx, -EINVAL, "a window of one or two epochs");
	tx = paid();
	tx.expiration.max_epoch = none;
	expect(&tx, -EINVAL, "a window of one or two epochs");
	tx = paid();
	tx.expiration.kind = TX_UNTIL_EPOCH;
	expect(&tx, -EINVAL, "a window of one or two epochs");
	tx = paid_by_coins(1);
	tx.expiration.kind = TX_NEVER;
	assert_int_equal(tx_validate(&tx, NULL), 0);
	tx_fini(&tx);
}

static void an_empty_vector_has_a_type(void **state)
{
	struct tx tx = paid();

	(void)state;
	tx_make_vec(&tx, NULL, NULL, 0);
	expect(&tx, -EINVAL, "command 0: an empty vector of no type");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plainest_transaction_passes),
		cmocka_unit_test(every_limit_of_the_protocol_holds),
		cmocka_unit_test(objects_and_bytes_have_limits),
		cmocka_unit_test(an_object_is_named_once),
		cmocka_unit_test(an_argument_is_there_before_it_is_used),
		cmocka_unit_test(gas_from_a_balance_needs_a_narrow_window),
		cmocka_unit_test(an_empty_vector_has_a_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
