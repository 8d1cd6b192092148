/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted for three key servers of our own, of whom two are enough. */
#include "walrus/seal/seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "unit/core/test.h"

#define SERVERS 3
#define BLOB_MAX (1U << 20)

static const uint8_t id[] = "app";
static const char content[] = "what nobody else is to read";

struct bed {
	uint8_t master[SERVERS][BLS_SCALAR_LEN];
	struct seal_server servers[SERVERS];
	struct seal_user_key keys[SERVERS];
	struct buf sealed;
	struct seal_object object;
	struct seal_opened opened;
	struct err err;
};

static struct seal_for for_all(const struct bed *b)
{
	return (struct seal_for){ .package = { 7 },
				  .id = id,
				  .id_len = sizeof(id) - 1,
				  .servers = b->servers,
				  .n_servers = SERVERS,
				  .threshold = 2,
				  .aad = (const uint8_t *)"note",
				  .aad_len = 4 };
}

static int setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));
	uint8_t full_id[SEAL_FULL_ID_MAX], h1[BLS_G1_LEN];
	struct seal_for to;

	if (!b)
		return -1;
	b->sealed = (struct buf)BUF_INIT(BLOB_MAX);
	for (size_t i = 0; i < SERVERS; i++) {
		bls_scalar_random(b->master[i]);
		b->servers[i].id[0] = (uint8_t)(i + 1);
		bls_g2_of(b->master[i], b->servers[i].public_key);
		memcpy(b->keys[i].server, b->servers[i].id, SEAL_OBJECT_ID_LEN);
		to = for_all(b);
		seal_hash_id(full_id, seal_full_id(to.package, id, sizeof(id) - 1, full_id), h1);
		assert_int_equal(bls_g1_mul(h1, b->master[i], b->keys[i].key), 0);
	}
	to = for_all(b);
	assert_int_equal(seal_content(&to, content, sizeof(content), &b->sealed, &b->err), 0);
	*state = b;
	return seal_object_decode(b->sealed.data, b->sealed.len, BLOB_MAX, &b->object, &b->err);
}

static int teardown(void **state)
{
	struct bed *b = *state;

	buf_fini(&b->sealed);
	free(b);
	return 0;
}

#define ON_BED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int open_with(struct bed *b, const struct seal_user_key *keys, size_t n, struct buf *out)
{
	int rc = seal_open_key(&b->object, keys, n, &b->opened, &b->err);

	return rc < 0 ? rc : seal_open(&b->object, b->opened.content_key, out, &b->err);
}

static void two_of_three_open_it(void **state)
{
	struct bed *b = *state;

	for (size_t i = 0; i + 2 <= SERVERS; i++) {
		cleanup(buf_fini) struct buf out = BUF_INIT(BLOB_MAX);

		assert_int_equal(open_with(b, b->keys + i, 2, &out), 0);
		assert_int_equal(out.len, sizeof(content));
		assert_memory_equal(out.data, content, sizeof(content));
	}
}

static void one_does_not(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(BLOB_MAX);
	struct bed *b = *state;

	assert_int_equal(open_with(b, b->keys, 1, &out), -EACCES);
	assert_non_null(strstr(b->err.text, "keys for 1 of 3 shares; 2 are needed"));
	assert_int_equal(out.len, 0);
}

static void a_key_for_another_id_is_found_out(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(BLOB_MAX);
	static const uint8_t other[] = { 1, 2 };
	uint8_t full_id[SEAL_FULL_ID_MAX], h1[BLS_G1_LEN];
	struct bed *b = *state;
	size_t len = seal_full_id(b->object.package, id, sizeof(id) - 1, full_id);

	assert_int_equal(seal_key_check(&b->servers[0], full_id, len, b->keys[0].key, &b->err), 0);
	assert_int_equal(seal_key_check(&b->servers[1], full_id, len, b->keys[0].key, &b->err),
			 -EKEYREJECTED);
	seal_hash_id(other, sizeof(other), h1);
	assert_int_equal(bls_g1_mul(h1, b->master[0], b->keys[0].key), 0);
	assert_int_equal(seal_key_check(&b->servers[0], full_id, len, b->keys[0].key, &b->err),
			 -EKEYREJECTED);
	/* used unchecked it gives an error, not other content: alone with one, and beside two */
	assert_int_equal(open_with(b, b->keys, 2, &out), -EBADMSG);
	assert_int_equal(open_with(b, b->keys, 3, &out), -EBADMSG);
	assert_int_equal(out.len, 0);
}

static void a_changed_byte_anywhere_is_found_out(void **state)
{
	struct bed *b = *state;

	for (size_t i = 0; i < b->sealed.len; i++) {
		cleanup(buf_fini) struct buf out = BUF_INIT(BLOB_MAX);
		int rc;

		b->sealed.data[i] ^= 1;
		rc = seal_object_decode(b->sealed.data, b->sealed.len, BLOB_MAX, &b->object,
					&b->err);
		if (rc == 0)
			rc = open_with(b, b->keys, SERVERS, &out);
		if (rc == 0)
			fail_msg("byte %zu", i);
		b->sealed.data[i] ^= 1;
	}
}

static void a_cut_object_is_refused(void **state)
{
	struct bed *b = *state;

	for (size_t len = 0; len < b->sealed.len; len++)
		assert_int_equal(
			seal_object_decode(b->sealed.data, len, BLOB_MAX, &b->object, &b->err),
			-EBADMSG);
	assert_int_equal(seal_object_decode(b->sealed.data, b->sealed.len, 8, &b->object, &b->err),
			 -EBADMSG);
}

static void what_makes_no_sense_is_not_encrypted(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(BLOB_MAX);
	struct bed *b = *state;
	struct seal_for to = for_all(b);

	to.threshold = 0;
	assert_int_equal(seal_content(&to, content, 1, &out, &b->err), -EINVAL);
	to.threshold = SERVERS + 1;
	assert_int_equal(seal_content(&to, content, 1, &out, &b->err), -EINVAL);
	to.threshold = 1;
	b->servers[1].public_key[5] ^= 1;
	assert_int_equal(seal_content(&to, content, 1, &out, &b->err), -EBADMSG);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BED(two_of_three_open_it),
		ON_BED(one_does_not),
		ON_BED(a_key_for_another_id_is_found_out),
		ON_BED(a_changed_byte_anywhere_is_found_out),
		ON_BED(a_cut_object_is_refused),
		ON_BED(what_makes_no_sense_is_not_encrypted),
	};

	return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
