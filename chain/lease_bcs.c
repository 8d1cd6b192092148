/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of a lease: its fields in the order of the struct, behind a version. What only a
 * lease on chain has is in version 2 alone: a ledger without such reads as it always did. */
#include <errno.h>

#include "chain/lease.h"
#include "core/bcs.h"
#include "core/err.h"

#define VERSION 1
#define VERSION_ON_CHAIN 2

static void encode_chain(const struct lease_on_chain *c, struct buf *out)
{
	bcs_put_u64(out, c->version);
	bcs_put_u64(out, c->checkpoint);
	bcs_put_u8(out, (uint8_t)c->confirmations);
	bcs_put_u64(out, c->waiting);
	bcs_put_u64(out, c->struck);
	bcs_put_uleb(out, (uint32_t)c->nclaims);
	for (size_t i = 0; i < c->nclaims; i++) {
		bcs_put_u64(out, c->claims[i].total_due);
		bcs_put_u64(out, c->claims[i].release_ms);
	}
	bcs_put_u64(out, c->disputed_until_ms);
}

void lease_encode(const struct lease *l, struct buf *out)
{
	const struct lease_terms *t = &l->terms;

	bcs_put_u8(out, l->chain.version ? VERSION_ON_CHAIN : VERSION);
	bcs_put_fixed(out, t->id, sizeof(t->id));
	bcs_put_fixed(out, t->market, sizeof(t->market));
	bcs_put_fixed(out, t->provider, sizeof(t->provider));
	bcs_put_fixed(out, t->tenant, sizeof(t->tenant));
	bcs_put_str(out, t->label);
	price_encode(&t->prices, out);
	bcs_put_u64(out, t->opened_ms);
	bcs_put_u64(out, t->grace_ms);
	bcs_put_u8(out, (uint8_t)l->state);
	bcs_put_u64(out, l->deposited);
	bcs_put_u64(out, l->paid);
	bcs_put_u64(out, l->refunded);
	bcs_put_u64(out, l->total_due);
	bcs_put_u64(out, l->seq);
	bcs_put_u64(out, l->last_to_ms);
	bcs_put_fixed(out, l->last_hash, sizeof(l->last_hash));
	bcs_put_u64(out, l->closing_ms);
	if (l->chain.version)
		encode_chain(&l->chain, out);
}

static void decode_terms(struct bcs *in, struct lease_terms *t)
{
	bcs_copy_fixed(in, t->id, sizeof(t->id));
	bcs_copy_fixed(in, t->market, sizeof(t->market));
	bcs_copy_fixed(in, t->provider, sizeof(t->provider));
	bcs_copy_fixed(in, t->tenant, sizeof(t->tenant));
	bcs_get_str(in, t->label, sizeof(t->label));
	price_decode(in, &t->prices);
	t->opened_ms = bcs_get_u64(in);
	t->grace_ms = bcs_get_u64(in);
}

static void decode_chain(struct bcs *in, struct lease_on_chain *c)
{
	c->version = bcs_get_u64(in);
	c->checkpoint = bcs_get_u64(in);
	c->confirmations = bcs_get_u8(in);
	c->waiting = bcs_get_u64(in);
	c->struck = bcs_get_u64(in);
	c->nclaims = bcs_get_uleb(in, LEASE_CLAIMS_MAX);
	for (size_t i = 0; i < c->nclaims; i++) {
		c->claims[i].total_due = bcs_get_u64(in);
		c->claims[i].release_ms = bcs_get_u64(in);
	}
	c->disputed_until_ms = bcs_get_u64(in);
	if (!c->version)
		in->error = -EBADMSG; /* that would have been written as version 1 */
}

static void decode(struct bcs *in, struct lease *l)
{
	decode_terms(in, &l->terms);
	l->state = (enum lease_state)bcs_get_u8(in);
	l->deposited = bcs_get_u64(in);
	l->paid = bcs_get_u64(in);
	l->refunded = bcs_get_u64(in);
	l->total_due = bcs_get_u64(in);
	l->seq = bcs_get_u64(in);
	l->last_to_ms = bcs_get_u64(in);
	bcs_copy_fixed(in, l->last_hash, sizeof(l->last_hash));
	l->closing_ms = bcs_get_u64(in);
}

int lease_decode(const void *data, size_t len, struct lease *ret, struct err *err)
{
	struct lease l = {};
	struct bcs in;
	uint8_t version;
	int r;

	bcs_init(&in, data, len);
	version = bcs_get_u8(&in);
	if (!in.error && version != VERSION && version != VERSION_ON_CHAIN)
		return err_set(err, -EBADMSG,
			       "stored lease: version %u, this program knows up to %d; use the "
			       "version of weir that wrote it",
			       version, VERSION_ON_CHAIN);
	decode(&in, &l);
	if (version == VERSION_ON_CHAIN)
		decode_chain(&in, &l.chain);
	if (in.error)
		return err_set(err, -EBADMSG,
			       "stored lease: its %zu bytes end early or are damaged", len);
	if (bcs_end(&in) < 0)
		return err_set(err, -EBADMSG, "stored lease: %td bytes too many", in.end - in.at);
	r = lease_check(&l, err);
	if (r < 0)
		return r;
	*ret = l;
	return 0;
}
