/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged and foreign bytes; that every lease comes back is part of lease_walk.c. */
#include "chain/lease.h"

#include <errno.h>

#include "unit/chain/sample.h"

/* Another byte in every field. */
static struct lease sample_lease(void)
{
	struct lease l = {
		.terms = { .prices = { .core_s = 1,
				       .gib_s = 2,
				       .rx_gib = { 3, 4, 5 },
				       .tx_gib = { 6, 7, 8 },
				       .cap_s = UINT64_MAX },
			   .opened_ms = SAMPLE_OPENED_MS,
			   .grace_ms = 11 },
		.state = LEASE_CLOSING,
		.deposited = 1000,
		.paid = 600,
		.total_due = 600,
		.seq = 3,
		.last_to_ms = SAMPLE_OPENED_MS + 5,
		.closing_ms = SAMPLE_OPENED_MS + 9,
	};

	memset(l.terms.id, 0xa1, sizeof(l.terms.id));
	memset(l.terms.market, 0xa2, sizeof(l.terms.market));
	memset(l.terms.provider, 0xa3, sizeof(l.terms.provider));
	memset(l.terms.tenant, 0xa4, sizeof(l.terms.tenant));
	memset(l.terms.label, 'x', sizeof(l.terms.label) - 1);
	memset(l.last_hash, 0xa5, sizeof(l.last_hash));
	return l;
}

/* As long as one can be: all claims on chain. */
static struct lease sample_on_chain(void)
{
	struct lease l = sample_lease();

	l.total_due = 660;
	l.chain = (struct lease_on_chain){ .version = 0xb1,
					   .checkpoint = 0xb2,
					   .confirmations = 2,
					   .waiting = 40,
					   .struck = 20,
					   .nclaims = LEASE_CLAIMS_MAX };
	for (uint64_t i = 0; i < LEASE_CLAIMS_MAX; i++)
		l.chain.claims[i] = (struct lease_claim){ 625 + 5 * i, SAMPLE_OPENED_MS + i };
	return l;
}

static void refused(const void *data, size_t len, const char *word)
{
	struct lease l = { .seq = 4711 };
	struct err err = {};

	assert_int_equal(lease_decode(data, len, &l, &err), -EBADMSG);
	assert_int_equal(err.code, -EBADMSG);
	if (!strstr(err.text, word))
		fail_msg("\"%s\" does not say %s", err.text, word);
	assert_int_equal(l.seq, 4711);
}

static void the_longest_lease_fills_the_limit(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX);
	const struct lease l = sample_on_chain();
	struct lease got = {};

	(void)state;
	lease_encode(&l, &bytes);
	assert_int_equal(buf_error(&bytes), 0);
	assert_int_equal(bytes.len, LEASE_LEN_MAX);
	assert_int_equal(lease_decode(bytes.data, bytes.len, &got, NULL), 0);
	assert_memory_equal(&got, &l, sizeof(l));
}

static void the_layout_does_not_change(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX);
	const struct lease l = sample_lease();
	const uint8_t *at;

	(void)state;
	lease_encode(&l, &bytes);
	at = (const uint8_t *)bytes.data;
	assert_int_equal(at[0], 1); /* version */
	assert_int_equal(at[1], 0xa1); /* id */
	assert_int_equal(at[33], 0xa2); /* market */
	assert_int_equal(at[65], 0xa3); /* provider */
	assert_int_equal(at[97], 0xa4); /* tenant */
	assert_int_equal(at[129], 63); /* label */
	assert_int_equal(at[193], 1); /* prices */
	assert_int_equal(at[273], 11); /* grace_ms, behind opened_ms */
	assert_int_equal(at[281], LEASE_CLOSING);
	assert_int_equal(at[282], 1000 % 256); /* deposited */
	assert_int_equal(at[290], 600 % 256); /* paid */
	assert_int_equal(at[298], 0); /* refunded */
	assert_int_equal(at[306], 600 % 256); /* total_due */
	assert_int_equal(at[314], 3); /* seq */
	assert_int_equal(at[330], 0xa5); /* last_hash, behind last_to_ms */
	assert_int_equal(at[362], (SAMPLE_OPENED_MS + 9) % 256); /* closing_ms */
	assert_int_equal(bytes.len, 370);
}

static void what_is_on_chain_follows_behind(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX);
	const struct lease l = sample_on_chain();
	const uint8_t *at;

	(void)state;
	lease_encode(&l, &bytes);
	at = (const uint8_t *)bytes.data;
	assert_int_equal(at[0], 2); /* version */
	assert_int_equal(at[370], 0xb1); /* of the object */
	assert_int_equal(at[378], 0xb2); /* checkpoint */
	assert_int_equal(at[386], 2); /* confirmations */
	assert_int_equal(at[387], 40); /* waiting */
	assert_int_equal(at[395], 20); /* struck */
	assert_int_equal(at[403], 8); /* claims */
	assert_int_equal(at[404], 625 % 256); /* the first one's total */
	assert_int_equal(at[412], SAMPLE_OPENED_MS % 256); /* and its release */
	assert_int_equal(at[532], 0); /* disputed_until_ms */
	bytes.data[370] = 0;
	refused(bytes.data, bytes.len, "damaged");
}

static void every_truncation_and_a_byte_more_is_refused(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX + 1);
	const struct lease l = sample_on_chain();

	(void)state;
	lease_encode(&l, &bytes);
	for (size_t len = 0; len < bytes.len; len++) {
		/* of its own, so that a read behind the end is seen */
		cleanup(free_ptr) uint8_t *part = malloc(len ? len : 1);

		assert_non_null(part);
		memcpy(part, bytes.data, len);
		refused(part, len, "end early");
	}
	assert_int_equal(buf_append(&bytes, "", 1), 0);
	refused(bytes.data, bytes.len, "1 bytes too many");
}

/* A changed byte is refused or is another lease, never another form of the same. */
static void one_form(const struct lease *l)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX);

	lease_encode(l, &bytes);
	for (size_t i = 0; i < 8 * bytes.len; i++) {
		cleanup(buf_fini) struct buf again = BUF_INIT(LEASE_LEN_MAX);
		struct lease got;

		bytes.data[i / 8] ^= (char)(1 << i % 8);
		if (lease_decode(bytes.data, bytes.len, &got, NULL) == 0) {
			lease_encode(&got, &again);
			assert_int_equal(again.len, bytes.len);
			assert_memory_equal(again.data, bytes.data, bytes.len);
		}
		bytes.data[i / 8] ^= (char)(1 << i % 8);
	}
}

static void one_lease_has_one_form(void **state)
{
	const struct lease local = sample_lease(), on_chain = sample_on_chain();

	(void)state;
	one_form(&local);
	one_form(&on_chain);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		size_t at;
		char byte;
		const char *word;
	} cases[] = {
		{ 0, 3, "version 3" },
		{ 0, 0, "version 0" },
		{ 129, 64, "damaged" }, /* a label too long */
		{ 130, 0, "damaged" }, /* a NUL in it */
		{ 281, LEASE_STATE_MAX_, "state" },
		{ 281, LEASE_OPEN + 100, "state" },
		{ 290, 0, "paid" },
		{ 298, 1, "refunded" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX);
		const struct lease l = sample_lease();

		lease_encode(&l, &bytes);
		bytes.data[cases[i].at] = cases[i].byte;
		refused(bytes.data, bytes.len, cases[i].word);
	}
}

static void a_full_buffer_says_so(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX - 1);
	const struct lease l = sample_on_chain();

	(void)state;
	lease_encode(&l, &bytes);
	assert_int_equal(buf_error(&bytes), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_lease_fills_the_limit),
		cmocka_unit_test(the_layout_does_not_change),
		cmocka_unit_test(what_is_on_chain_follows_behind),
		cmocka_unit_test(every_truncation_and_a_byte_more_is_refused),
		cmocka_unit_test(one_lease_has_one_form),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_full_buffer_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
