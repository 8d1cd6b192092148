/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of a key server of our own. */
#include "walrus/seal/answer.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"
#include "unit/core/test.h"

struct bed {
	uint8_t master[BLS_SCALAR_LEN];
	uint8_t full_id[SEAL_OBJECT_ID_LEN + 3];
	struct seal_server server;
	struct seal_request request;
	struct seal_query query;
	struct seal_user_key got;
	char why[SEAL_WHY_MAX];
};

static struct bed *bed_new(void)
{
	static struct bed b;

	b = (struct bed){ .full_id = { 5 }, .server = { .id = { 1 } } };
	b.query = (struct seal_query){ &b.request, &b.server, b.full_id, sizeof(b.full_id) };
	bls_scalar_random(b.master);
	bls_scalar_random(b.request.secret);
	bls_g2_of(b.master, b.server.public_key);
	return &b;
}

/* The reply with the key of this master key: with r = 1, c0 = g1, c1 = key + enc_key = key - (-enc_key). */
static void reply_of(const struct bed *b, const uint8_t master[BLS_SCALAR_LEN], struct buf *out)
{
	uint8_t one[BLS_SCALAR_LEN] = { [BLS_SCALAR_LEN - 1] = 1 };
	uint8_t h1[BLS_G1_LEN], key[BLS_G1_LEN], c0[BLS_G1_LEN], enc[BLS_G1_LEN], c1[BLS_G1_LEN];
	char text0[BASE64_LEN(BLS_G1_LEN)], text1[BASE64_LEN(BLS_G1_LEN)];

	seal_hash_id(b->full_id, sizeof(b->full_id), h1);
	assert_int_equal(bls_g1_mul(h1, master, key), 0);
	bls_g1_of(one, c0);
	bls_g1_of(b->request.secret, enc);
	enc[0] ^= 0x20; /* the negative point, in ZCash's form */
	assert_int_equal(bls_g1_sub(key, enc, c1), 0);
	base64_encode(c0, sizeof(c0), text0);
	base64_encode(c1, sizeof(c1), text1);
	buf_puts(out, "{\"decryption_keys\":[{\"id\":[");
	for (size_t i = 0; i < sizeof(b->full_id); i++)
		buf_printf(out, "%s%u", i ? "," : "", b->full_id[i]);
	buf_printf(out, "],\"encrypted_key\":[\"%s\",\"%s\"]}]}", text0, text1);
}

static void its_own_key_is_taken(void **state)
{
	cleanup(buf_fini) struct buf reply = BUF_INIT(SEAL_REPLY_MAX);
	struct bed *b = bed_new();

	(void)state;
	reply_of(b, b->master, &reply);
	assert_int_equal(seal_answer_read(200, reply.data, reply.len, &b->query, &b->got, b->why),
			 SEAL_GAVE);
	assert_memory_equal(b->got.server, b->server.id, sizeof(b->got.server));
	assert_int_equal(
		seal_key_check(&b->server, b->full_id, sizeof(b->full_id), b->got.key, NULL), 0);
}

static void another_key_is_a_lie_and_not_taken(void **state)
{
	cleanup(buf_fini) struct buf reply = BUF_INIT(SEAL_REPLY_MAX);
	uint8_t other[BLS_SCALAR_LEN];
	struct bed *b = bed_new();
	const struct seal_user_key none = {};

	(void)state;
	bls_scalar_random(other);
	reply_of(b, other, &reply);
	assert_int_equal(seal_answer_read(200, reply.data, reply.len, &b->query, &b->got, b->why),
			 SEAL_WRONG);
	assert_string_equal(b->why, "the key server gave another key than its own for this id");
	assert_memory_equal(&b->got, &none, sizeof(none));
}

static void what_else_comes_is_told_in_a_line(void **state)
{
	static const struct {
		unsigned int status;
		const char *text;
		enum seal_answer answer;
		const char *why;
	} cases[] = {
		{ 403, "{\"error\":\"NoAccess\",\"message\":\"EKey\"}", SEAL_REFUSED,
		  "status 403 NoAccess: EKey" },
		{ 403, "{\"error\":\"InvalidParameter\"}", SEAL_BUSY,
		  "status 403 InvalidParameter" },
		{ 400, "", SEAL_REFUSED, "status 400" },
		{ 426, "<html>", SEAL_REFUSED, "status 426" },
		{ 302, "", SEAL_REFUSED, "status 302: redirects are not followed" },
		{ 429, "slow down", SEAL_BUSY, "status 429" },
		{ 503, "{\"error\":\"Failure\"}", SEAL_BUSY, "status 503 Failure" },
		{ 0, "", SEAL_REFUSED, "status 0" },
		{ 200, "", SEAL_REFUSED, "its reply is empty" },
		{ 200, "{}", SEAL_REFUSED, "the key server's answer holds no key for this id" },
		{ 200, "{\"decryption_keys\":[{\"id\":[5,0]}]}", SEAL_REFUSED,
		  "the key server's answer holds no key for this id" },
	};
	struct bed *b = bed_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(seal_answer_read(cases[i].status, cases[i].text,
						  strlen(cases[i].text), &b->query, &b->got,
						  b->why),
				 cases[i].answer);
		assert_string_equal(b->why, cases[i].why);
	}
	assert_int_equal(seal_answer_read(200, "[", 1, &b->query, &b->got, b->why), SEAL_REFUSED);
	assert_non_null(strstr(b->why, "its reply"));
}

static void without_a_reply_only_what_can_pass_is_busy(void **state)
{
	(void)state;
	assert_int_equal(seal_answer_of_fault(-ETIMEDOUT), SEAL_BUSY);
	assert_int_equal(seal_answer_of_fault(-ECONNREFUSED), SEAL_BUSY);
	assert_int_equal(seal_answer_of_fault(-EKEYREJECTED), SEAL_REFUSED);
	assert_int_equal(seal_answer_of_fault(-E2BIG), SEAL_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_own_key_is_taken),
		TEST(another_key_is_a_lie_and_not_taken),
		TEST(what_else_comes_is_told_in_a_line),
		TEST(without_a_reply_only_what_can_pass_is_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
