/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/approve.h"

#include "chain/tx_build.h"
#include "core/cleanup.h"

static struct tx_arg shared(struct tx *tx, const struct approve_object *o)
{
	return tx_shared(tx, o->id, o->initial_version, false);
}

int approve_encode(const struct approve *a, struct buf *out)
{
	cleanup(tx_fini) struct tx tx = {};
	const struct tx_arg args[] = {
		tx_pure_bytes(&tx, a->id, a->id_len), /* the first, as servers want it */
		shared(&tx, &a->market),
		shared(&tx, &a->provider),
		shared(&tx, &a->lease),
	};

	tx_call(&tx, a->package, "seal_policy", "seal_approve", &a->coin, 1, args, ARRAY_LEN(args));
	return tx_encode_kind(&tx, out);
}
