/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/report.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "core/bcs.h"
#include "core/err.h"

static const char domain[16] = "USAGE-REPORT-V1"; /* with its NUL */
static const char cosign_domain[16] = "USAGE-COSIGN-V1";
#define COSIGNED_LEN (sizeof(cosign_domain) + REPORT_LEN)
static_assert(sizeof(domain) + 3 * 32 + 4 * 8 == REPORT_LEN, "the fields fill the report");

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return at + len;
}

static uint8_t *put_u64(uint8_t *at, uint64_t v)
{
	uint64_t little = htole64(v);

	return put(at, &little, sizeof(little));
}

void report_encode(const struct report *r, uint8_t ret[REPORT_LEN])
{
	uint8_t *at = put(ret, domain, sizeof(domain));

	at = put(at, r->market, sizeof(r->market));
	at = put(at, r->lease, sizeof(r->lease));
	at = put_u64(at, r->seq);
	at = put_u64(at, r->from_ms);
	at = put_u64(at, r->to_ms);
	at = put_u64(at, r->total_due);
	put(at, r->usage_hash, sizeof(r->usage_hash));
}

int report_decode(const void *data, size_t len, struct report *ret, struct err *err)
{
	struct report r;
	struct bcs in;

	if (len != REPORT_LEN)
		return err_set(err, -EBADMSG, "report: %zu bytes, want %d", len, REPORT_LEN);
	if (memcmp(data, domain, sizeof(domain)) != 0)
		return err_set(err, -EBADMSG, "report: does not begin with \"%s\"", domain);
	/* no read can fail behind the length check */
	bcs_init(&in, (const uint8_t *)data + sizeof(domain), len - sizeof(domain));
	bcs_copy_fixed(&in, r.market, sizeof(r.market));
	bcs_copy_fixed(&in, r.lease, sizeof(r.lease));
	r.seq = bcs_get_u64(&in);
	r.from_ms = bcs_get_u64(&in);
	r.to_ms = bcs_get_u64(&in);
	r.total_due = bcs_get_u64(&in);
	bcs_copy_fixed(&in, r.usage_hash, sizeof(r.usage_hash));
	*ret = r;
	return 0;
}

void report_sign(const struct report *r, const struct key *key, uint8_t ret[REPORT_LEN],
		 uint8_t ret_sig[SIG_LEN])
{
	report_encode(r, ret);
	key_sign(key, ret, REPORT_LEN, ret_sig);
}

int report_verify(const void *data, size_t len, const uint8_t sig[SIG_LEN],
		  const uint8_t pub[PUBKEY_LEN], struct report *ret, struct err *err)
{
	if (len != REPORT_LEN)
		return err_set(err, -EBADMSG, "report: %zu bytes, want %d", len, REPORT_LEN);
	if (!sig_valid(pub, data, len, sig))
		return err_set(err, -EBADMSG,
			       "signature: not of this report by the provider's key");
	return report_decode(data, len, ret, err);
}

/* What the tenant signs. */
static void cosigned_bytes(const uint8_t bytes[REPORT_LEN], uint8_t ret[COSIGNED_LEN])
{
	memcpy(ret, cosign_domain, sizeof(cosign_domain));
	memcpy(ret + sizeof(cosign_domain), bytes, REPORT_LEN);
}

void report_cosign(const uint8_t bytes[REPORT_LEN], const struct key *key, uint8_t ret[SIG_LEN])
{
	uint8_t signed_bytes[COSIGNED_LEN];

	cosigned_bytes(bytes, signed_bytes);
	key_sign(key, signed_bytes, sizeof(signed_bytes), ret);
}

bool report_cosigned(const uint8_t bytes[REPORT_LEN], const uint8_t sig[SIG_LEN],
		     const uint8_t pub[PUBKEY_LEN])
{
	uint8_t signed_bytes[COSIGNED_LEN];

	cosigned_bytes(bytes, signed_bytes);
	return sig_valid(pub, signed_bytes, sizeof(signed_bytes), sig);
}

void report_hash(const uint8_t bytes[REPORT_LEN], uint8_t ret[HASH_LEN])
{
	blake2b256(bytes, REPORT_LEN, ret);
}

bool report_conflict(const struct report *a, const struct report *b)
{
	uint8_t bytes_a[REPORT_LEN], bytes_b[REPORT_LEN];

	if (memcmp(a->market, b->market, sizeof(a->market)) != 0 ||
	    memcmp(a->lease, b->lease, sizeof(a->lease)) != 0 || a->seq != b->seq)
		return false;
	report_encode(a, bytes_a);
	report_encode(b, bytes_b);
	return memcmp(bytes_a, bytes_b, REPORT_LEN) != 0;
}
