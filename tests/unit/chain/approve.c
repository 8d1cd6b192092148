/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/approve.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/parse.h"
#include "unit/core/test.h"

/* By @mysten/sui 2.33.1: Transaction.build({ onlyTransactionKind: true }). */
static const char wanted[] =
	"00040023221111111111111111111111111111111111111111111111111111111111111111010201"
	"01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa84030000000000"
	"00000101cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc85030000"
	"00000000000101bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb86"
	"03000000000000000100abababababababababababababababababababababababababababababab"
	"abab0b7365616c5f706f6c6963790c7365616c5f617070726f766501070000000000000000000000"
	"00000000000000000000000000000000000000000203737569035355490004010000010100010200"
	"010300";

static struct approve_object object(uint8_t byte, uint64_t version)
{
	struct approve_object o = { .initial_version = version };

	memset(o.id, byte, sizeof(o.id));
	return o;
}

static void the_question_is_the_sdks_byte_for_byte(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(4096);
	uint8_t package[OBJECT_ID_LEN], id[OBJECT_ID_LEN + 2], want[sizeof(wanted) / 2];
	struct approve a = {
		.package = package,
		.coin = "0x2::sui::SUI",
		.id = id,
		.id_len = sizeof(id),
		.market = object(0xaa, 900),
		.provider = object(0xcc, 901),
		.lease = object(0xbb, 902),
	};

	(void)state;
	memset(package, 0xab, sizeof(package));
	memset(id, 0x11, OBJECT_ID_LEN);
	id[OBJECT_ID_LEN] = 1;
	id[OBJECT_ID_LEN + 1] = 2;
	assert_int_equal(parse_hex(wanted, want, sizeof(want)), 0);
	assert_int_equal(approve_encode(&a, &out), 0);
	assert_int_equal(out.len, sizeof(want));
	assert_memory_equal(out.data, want, sizeof(want));
}

static void a_coin_that_is_no_type_is_refused(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(4096);
	struct approve a = {
		.package = (const uint8_t[OBJECT_ID_LEN]){ 1 },
		.coin = "SUI",
		.id = (const uint8_t *)"x",
		.id_len = 1,
	};

	(void)state;
	assert_int_equal(approve_encode(&a, &out), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_question_is_the_sdks_byte_for_byte),
		TEST(a_coin_that_is_no_type_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
