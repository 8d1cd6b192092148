/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/chain/tx_sample.h"

#include <errno.h>

static const char *const sui[] = { "0x2::sui::SUI" };

/* Checked and encoded, it is what the SDK made. */
static void expect_bytes(const struct tx *tx, const char *name)
{
	cleanup(buf_fini) struct buf got = BUF_INIT(TX_LEN_MAX), want = BUF_INIT(TX_LEN_MAX);
	struct err err = {};

	sample_tx(name, &want);
	if (tx_validate(tx, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(tx_encode(tx, &got), 0);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.data, want.data, want.len);
}

static void send_from(struct tx *tx, const char *sender)
{
	assert_int_equal(address_parse(sender, tx->sender), 0);
}

static void coins_are_split_from_the_gas_coin_and_sent(void **state)
{
	cleanup(tx_fini) struct tx tx = {};
	struct object_ref gas = sample_ref(SAMPLE_GAS, 7, SAMPLE_GAS_DIGEST);
	struct tx_arg amount = tx_pure_u64(&tx, 1000000000), to, coin;

	(void)state;
	to = tx_pure_id(&tx, ID(SAMPLE_BOB));
	coin = tx_nested(tx_split(&tx, tx_gas_coin(), &amount, 1), 0);
	tx_transfer(&tx, &coin, 1, to);
	send_from(&tx, SAMPLE_ALICE);
	tx_pay_from_coins(&tx, ID(SAMPLE_ALICE), 1000, 5000000, &gas, 1);
	expect_bytes(&tx, "01_");
}

static void a_call_over_shared_objects_pays_from_the_balance(void **state)
{
	cleanup(tx_fini) struct tx tx = {};
	struct tx_window window = sample_window(SAMPLE_TESTNET, 1234, 1);
	struct tx_arg args[4];

	(void)state;
	args[0] = tx_shared(&tx, ID(SAMPLE_MARKET), 4821, true);
	args[1] = tx_shared(
		&tx, ID("0xfdd3ee3d7765a0e6188418837e06d1194276bdfcd60f15b27ea2837cbba9a37c"),
		900017, true);
	args[2] = tx_clock(&tx);
	args[3] = tx_pure_u64(&tx, 42);
	tx_call(&tx, ID(SAMPLE_PACKAGE), "market", "settle", sui, 1, args, 4);
	send_from(&tx, SAMPLE_NODE1);
	tx_pay_from_balance(&tx, ID(SAMPLE_NODE1), 1000, 5000000, &window);
	expect_bytes(&tx, "03_");
}

static void coins_are_merged_and_split_by_nested_results(void **state)
{
	cleanup(tx_fini) struct tx tx = {};
	struct object_ref coins[] = {
		sample_ref("0x5f972592bde2d90a9bf6f7ca54f9fc1b937401fc88a1850a0d27d7ec2eee6c4c", 11,
			   "211irdCpLyCJXuyUP1wV3C7BRS2bukiiDBw53F4KRUKD"),
		sample_ref("0x90e947597fee4702092d16cc20d654087a31eab48b97ab6e03a9e0cb6ae2e5a2", 12,
			   "GdvZi1pwZ65nYiXAWGwiFSq4QYCaqPcmC4X5s6B9yrjr"),
		sample_ref("0xf2b7bd53975a70cf9b20a6568b4a2901c6e7ed915334646b6365d757e596c8a2", 13,
			   "ApF9YNJ5fK3TJZ6ZsEEBrPxuPwM1tx5MXZh3Ug1zo7fw"),
	};
	struct object_ref gas[] = {
		sample_ref(SAMPLE_GAS, 3, SAMPLE_GAS_DIGEST),
		sample_ref("0x340272de9199188ca130b3ad8b4a4bf012fed0daf636b2ec33dd41bc8633ab34", 4,
			   "3vrXsgqvzyem85S4pVmNcd1Qn3RKn3pcWhgEtJj8vMPC"),
		sample_ref("0x1a05d2d0cc2814a3e6999c82701df9e159b456de0ba4af2853d3e31e7cbfc072", 5,
			   "9t9Ri4UP93M1dKKQrMABVCgC5yH2hvFbBDgxJymqH9kR"),
	};
	struct tx_arg coin[3], amounts[3], split, bob, carol, sent[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		coin[i] = tx_owned(&tx, &coins[i]);
	for (size_t i = 0; i < 3; i++)
		amounts[i] = tx_pure_u64(&tx, i + 1);
	bob = tx_pure_id(&tx, ID(SAMPLE_BOB));
	carol = tx_pure_id(
		&tx, ID("0x1d3b818a827ddb294ccca93e069c4f9cab48b87dc07e7a0ca0958ee9e764f34e"));
	tx_merge(&tx, coin[0], coin + 1, 2);
	split = tx_split(&tx, coin[0], amounts, 3);
	sent[0] = tx_nested(split, 0);
	sent[1] = tx_nested(split, 2);
	sent[2] = coin[0];
	tx_transfer(&tx, sent, 3, bob);
	sent[0] = tx_nested(split, 1);
	tx_transfer(&tx, sent, 1, carol);
	send_from(&tx, SAMPLE_ALICE);
	tx_pay_from_coins(&tx, ID(SAMPLE_ALICE), 1000, 5000000, gas, ARRAY_LEN(gas));
	expect_bytes(&tx, "05_");
}

static void vectors_have_a_type_or_that_of_their_elements(void **state)
{
	static const char node2[] =
		"0xcb5f4c81c677aafcd3917d0dbbc2b1b209e34be93541e00bdea74f6d83022e9f";
	cleanup(tx_fini) struct tx tx = {};
	struct object_ref objects[] = {
		sample_ref("0x198148c8c0f7098e83a118146c1ab68bb28dc5910270ae101e300664543176c4", 2,
			   "2xodHBaPTYPX1UFEsRA2aqaGV6AaijRRR5LkFWz16x8D"),
		sample_ref("0xac994a0c4eac3d742249eb1c5e74df2081b09537c38351401a43ecb9ffd1ff5d", 2,
			   "6tUkVhL8ArT2p11cp5zAfcmsWNT2PGXnU7twRr1hbNd"),
		sample_ref("0x5d1dc1b6e0f57424f4a4b34cd920e22bfdd378b573129e57e044537d2cb072da", 2,
			   "EwsvBESbRCVfX5ofDgSz8NzpybsdQxYfCgsQ7hDCSfGP"),
	};
	struct tx_window window =
		sample_window("4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S", 77, UINT32_MAX);
	struct tx_arg in[3], made[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		in[i] = tx_owned(&tx, &objects[i]);
	made[0] = tx_make_vec(&tx, SAMPLE_PACKAGE "::market::Report", in, 2);
	made[1] = tx_make_vec(&tx, NULL, in + 2, 1);
	made[2] = tx_make_vec(&tx, "u64", NULL, 0);
	tx_call(&tx, ID(SAMPLE_PACKAGE), "market", "take", NULL, 0, made, 3);
	send_from(&tx, node2);
	tx_pay_from_balance(&tx, ID(node2), 1000, 5000000, &window);
	expect_bytes(&tx, "06_");
}

static void an_object_is_received_and_a_balance_drawn_on(void **state)
{
	static const char node2[] =
		"0xcb5f4c81c677aafcd3917d0dbbc2b1b209e34be93541e00bdea74f6d83022e9f";
	cleanup(tx_fini) struct tx tx = {};
	struct object_ref box =
		sample_ref("0xd47997e497ff609feb0a7464df2e74bf4a6f907eeba1f5459719fc3c99d2341e", 21,
			   "BFjXTLQFV3PM6cVvhf5BnmgKJWTr7fxLqFeYPE7kVmnx");
	struct object_ref sent =
		sample_ref("0xb93bc064b24787fb6a1b5949cb00bd020704ac8d58f9efe4cda35d62413a36d5", 22,
			   "6zHqVNFHN2wD2CiqYP2cycLozX59WfSGiZZhJGVm2deF");
	struct object_ref gas =
		sample_ref("0x478a8118692d019cd5a1d13dc22c711e887fb9075c610a657587761d0ea5987d", 1,
			   "CHNmUWBFemnaguQCLF48HJWXrcMz2JcRXVXdHj7G2HgP");
	struct tx_arg args[2], to;

	(void)state;
	args[0] = tx_owned(&tx, &box);
	args[1] = tx_receiving(&tx, &sent);
	to = tx_pure_id(&tx, ID(node2));
	args[0] = tx_call(&tx, ID(SAMPLE_PACKAGE), "mailbox", "receive_coin", sui, 1, args, 2);
	args[1] = to;
	tx_call(&tx, ID("0x2"), "coin", "send_funds", sui, 1, args, 2);
	send_from(&tx, node2);
	tx_pay_from_coins(&tx, ID(node2), 1000, 5000000, &gas, 1);
	expect_bytes(&tx, "07_");
}

static void escrow_is_drawn_from_the_address_balance(void **state)
{
	static const char tenant[] =
		"0x7842241d1a087301f839eaa9847717a3c1e098f60f90f2ba17343e30cb7fd9a8";
	cleanup(tx_fini) struct tx tx = {};
	struct tx_window window = sample_window(SAMPLE_TESTNET, 1234, 99);
	struct tx_arg funds = tx_funds(&tx, sui[0], 25000000000), args[5];

	(void)state;
	args[0] = tx_shared(&tx, ID(SAMPLE_MARKET), 4821, true);
	args[1] = tx_pure_id(
		&tx, ID("0x63300dc46486ad657b8bcc2f9508dc96c1fdf8a01d9398d70f1d53925610cd68"));
	args[3] = tx_pure_u64(&tx, 3600);
	args[4] = tx_clock(&tx);
	args[2] = tx_call(&tx, ID("0x2"), "coin", "redeem_funds", sui, 1, &funds, 1);
	tx_call(&tx, ID(SAMPLE_PACKAGE), "market", "open_lease", sui, 1, args, 5);
	send_from(&tx, tenant);
	tx_pay_from_balance(&tx, ID(tenant), 1005, 12345678, &window);
	expect_bytes(&tx, "08_");
}

static void a_shared_object_is_one_input_and_mutable_when_any_wants_it(void **state)
{
	cleanup(tx_fini) struct tx tx = {};
	struct tx_arg first = tx_shared(&tx, ID(SAMPLE_MARKET), 5, false);
	struct tx_arg other = tx_clock(&tx);
	struct tx_arg again = tx_shared(&tx, ID(SAMPLE_MARKET), 5, true);

	(void)state;
	assert_int_equal(tx.ninputs, 2);
	assert_int_equal(again.index, first.index);
	assert_true(tx.inputs[first.index].shared.mutable);
	tx_shared(&tx, ID(SAMPLE_MARKET), 5, false);
	assert_true(tx.inputs[first.index].shared.mutable);
	assert_false(tx.inputs[other.index].shared.mutable);
}

static void pure_values_are_in_bcs(void **state)
{
	cleanup(tx_fini) struct tx tx = {};

	(void)state;
	tx_pure_bool(&tx, true);
	tx_pure_bytes(&tx, "abc", 3);
	tx_pure_bytes(&tx, NULL, 0);
	tx_pure(&tx, "raw", 3);
	assert_int_equal(tx.inputs[0].pure.len, 1);
	assert_memory_equal(tx.inputs[0].pure.at, "\1", 1);
	assert_memory_equal(tx.inputs[1].pure.at, "\3abc", 4);
	assert_int_equal(tx.inputs[2].pure.len, 1);
	assert_memory_equal(tx.inputs[2].pure.at, "\0", 1);
	assert_memory_equal(tx.inputs[3].pure.at, "raw", 3);
}

static void the_first_failure_stays(void **state)
{
	cleanup(tx_fini) struct tx tx = {};
	cleanup(buf_fini) struct buf out = BUF_INIT(TX_LEN_MAX);
	static const char *const wrong[] = { "0x2::sui" };

	(void)state;
	tx_call(&tx, ID("0x2"), "m", "f", wrong, 1, NULL, 0);
	assert_int_equal(tx.error, -EINVAL);
	tx_pure_bytes(&tx, NULL, TX_LEN_MAX + (size_t)1);
	assert_int_equal(tx_validate(&tx, NULL), -EINVAL);
	assert_int_equal(tx_encode(&tx, &out), -EINVAL);
	tx_fini(&tx);
	tx_pure(&tx, "", TX_LEN_MAX + (size_t)1);
	assert_int_equal(tx.error, -E2BIG);
}

static void inputs_and_commands_have_16_bit_names(void **state)
{
	cleanup(tx_fini) struct tx tx = {};

	(void)state;
	for (int i = 0; i <= UINT16_MAX; i++)
		assert_int_equal(tx_pure(&tx, "", 0).index, i);
	assert_int_equal(tx.error, 0);
	tx_pure(&tx, "", 0);
	assert_int_equal(tx.error, -E2BIG);
	assert_int_equal(tx.ninputs, UINT16_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coins_are_split_from_the_gas_coin_and_sent),
		cmocka_unit_test(a_call_over_shared_objects_pays_from_the_balance),
		cmocka_unit_test(coins_are_merged_and_split_by_nested_results),
		cmocka_unit_test(vectors_have_a_type_or_that_of_their_elements),
		cmocka_unit_test(an_object_is_received_and_a_balance_drawn_on),
		cmocka_unit_test(escrow_is_drawn_from_the_address_balance),
		cmocka_unit_test(a_shared_object_is_one_input_and_mutable_when_any_wants_it),
		cmocka_unit_test(pure_values_are_in_bcs),
		cmocka_unit_test(the_first_failure_stays),
		cmocka_unit_test(inputs_and_commands_have_16_bit_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
