/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "chain/tx.h"
#include "chain/type_tag.h"
#include "core/bcs.h"
#include "core/cleanup.h"
#include "core/err.h"

/*
 * A reader and the transaction it fills. The bytes are copied into one of its blocks first, and all
 * slices point there. Counts are bounded by the bytes that are left, so memory taken is bounded by
 * TX_LEN_MAX times the largest item.
 */
struct tx_reader {
	struct bcs in;
	struct tx *tx;
};

static void fault(struct tx_reader *r)
{
	r->in.error = -EBADMSG;
}

/* A number below max: what an enum says it is. */
static unsigned int get_variant(struct tx_reader *r, unsigned int max)
{
	uint8_t v = bcs_get_u8(&r->in);

	if (v >= max)
		fault(r);
	return r->in.error ? 0 : v;
}

/* Memory for a list whose items take at least min bytes each. */
static void *get_list(struct tx_reader *r, size_t min, size_t size, size_t *ret_n)
{
	uint32_t n = bcs_get_uleb(&r->in, (uint32_t)((size_t)(r->in.end - r->in.at) / min));
	void *list = tx_alloc(r->tx, r->in.error ? 0 : n, size);

	*ret_n = list ? n : 0;
	return list;
}

static struct tx_bytes get_bytes(struct tx_reader *r)
{
	struct tx_bytes b = {};

	b.at = bcs_get_bytes(&r->in, TX_LEN_MAX, &b.len);
	return b;
}

static struct tx_bytes get_type(struct tx_reader *r)
{
	struct tx_bytes b = {};

	b.at = type_tag_get(&r->in, &b.len);
	return b;
}

static struct tx_bytes get_name(struct tx_reader *r)
{
	struct tx_bytes b = {};

	b.at = move_name_get(&r->in, &b.len);
	return b;
}

static void get_digest(struct tx_reader *r, uint8_t ret[HASH_LEN])
{
	if (bcs_get_uleb(&r->in, HASH_LEN) != HASH_LEN)
		fault(r);
	bcs_copy_fixed(&r->in, ret, HASH_LEN);
}

static void get_ref(struct tx_reader *r, struct object_ref *ret)
{
	bcs_copy_fixed(&r->in, ret->id, OBJECT_ID_LEN);
	ret->version = bcs_get_u64(&r->in);
	get_digest(r, ret->digest);
}

static void get_object(struct tx_reader *r, struct tx_input *ret)
{
	static const enum tx_input_kind kinds[] = { TX_OWNED, TX_SHARED, TX_RECEIVING };

	ret->kind = kinds[get_variant(r, ARRAY_LEN(kinds))];
	if (ret->kind != TX_SHARED) {
		get_ref(r, &ret->object);
		return;
	}
	bcs_copy_fixed(&r->in, ret->shared.id, OBJECT_ID_LEN);
	ret->shared.initial_version = bcs_get_u64(&r->in);
	/* 02, writing side by side, is the system's own */
	ret->shared.mutable = bcs_get_bool(&r->in);
}

static void get_funds(struct tx_reader *r, struct tx_funds *ret)
{
	get_variant(r, 1); /* a maximum */
	ret->amount = bcs_get_u64(&r->in);
	get_variant(r, 1); /* of a balance */
	ret->type = get_type(r);
	ret->source = get_variant(r, TX_SOURCE_MAX_);
	if (ret->source == TX_FROM_ALLOWANCE) {
		bcs_copy_fixed(&r->in, ret->funder, OBJECT_ID_LEN);
		bcs_copy_fixed(&r->in, ret->allowance, OBJECT_ID_LEN);
	}
}

static void get_input(struct tx_reader *r, struct tx_input *ret)
{
	switch (get_variant(r, 3)) {
	case 0:
		ret->kind = TX_PURE;
		ret->pure = get_bytes(r);
		break;
	case 1:
		get_object(r, ret);
		break;
	default:
		ret->kind = TX_FUNDS;
		get_funds(r, &ret->funds);
	}
}

static struct tx_arg get_arg(struct tx_reader *r)
{
	struct tx_arg arg = { .kind = get_variant(r, TX_ARG_MAX_) };

	if (arg.kind != TX_GAS_COIN)
		arg.index = bcs_get_u16(&r->in);
	if (arg.kind == TX_NESTED)
		arg.nested = bcs_get_u16(&r->in);
	return arg;
}

static void get_args(struct tx_reader *r, struct tx_command *ret)
{
	ret->args = get_list(r, 1, sizeof(*ret->args), &ret->nargs);
	for (size_t i = 0; i < ret->nargs && !r->in.error; i++)
		ret->args[i] = get_arg(r);
}

static void get_call(struct tx_reader *r, struct tx_command *ret)
{
	bcs_copy_fixed(&r->in, ret->package, OBJECT_ID_LEN);
	ret->module = get_name(r);
	ret->function = get_name(r);
	ret->types = get_list(r, 1, sizeof(*ret->types), &ret->ntypes);
	for (size_t i = 0; i < ret->ntypes && !r->in.error; i++)
		ret->types[i] = get_type(r);
	get_args(r, ret);
}

static void get_modules(struct tx_reader *r, struct tx_command *ret)
{
	ret->modules = get_list(r, 1, sizeof(*ret->modules), &ret->nmodules);
	for (size_t i = 0; i < ret->nmodules && !r->in.error; i++)
		ret->modules[i] = get_bytes(r);
	ret->deps = get_list(r, OBJECT_ID_LEN, sizeof(*ret->deps), &ret->ndeps);
	for (size_t i = 0; i < ret->ndeps; i++)
		bcs_copy_fixed(&r->in, ret->deps[i], OBJECT_ID_LEN);
}

static void get_make_vec(struct tx_reader *r, struct tx_command *ret)
{
	if (bcs_get_bool(&r->in)) {
		ret->types = tx_alloc(r->tx, 1, sizeof(*ret->types));
		ret->ntypes = ret->types ? 1 : 0;
	}
	if (ret->types)
		*ret->types = get_type(r);
	get_args(r, ret);
}

static void get_command(struct tx_reader *r, struct tx_command *ret)
{
	ret->kind = get_variant(r, TX_COMMAND_MAX_);
	switch (ret->kind) {
	case TX_MOVE_CALL:
		get_call(r, ret);
		break;
	case TX_TRANSFER:
		get_args(r, ret);
		ret->target = get_arg(r);
		break;
	case TX_SPLIT:
	case TX_MERGE:
		ret->target = get_arg(r);
		get_args(r, ret);
		break;
	case TX_PUBLISH:
		get_modules(r, ret);
		break;
	case TX_MAKE_VEC:
		get_make_vec(r, ret);
		break;
	case TX_UPGRADE:
	case TX_COMMAND_MAX_:
		get_modules(r, ret);
		bcs_copy_fixed(&r->in, ret->package, OBJECT_ID_LEN);
		ret->target = get_arg(r);
	}
}

static struct tx_bound get_bound(struct tx_reader *r)
{
	struct tx_bound bound = { .set = bcs_get_bool(&r->in) };

	if (bound.set)
		bound.value = bcs_get_u64(&r->in);
	return bound;
}

static void get_proposers(struct tx_reader *r, struct tx_expiration *ret)
{
	ret->has_proposers = bcs_get_bool(&r->in);
	if (!ret->has_proposers)
		return;
	ret->proposers_epoch = bcs_get_u64(&r->in);
	ret->proposers =
		get_list(r, sizeof(*ret->proposers), sizeof(*ret->proposers), &ret->nproposers);
	for (size_t i = 0; i < ret->nproposers; i++) {
		ret->proposers[i] = bcs_get_u32(&r->in);
		if (i > 0 && ret->proposers[i] <= ret->proposers[i - 1])
			fault(r);
	}
	if (!ret->nproposers)
		fault(r);
}

static void get_expiration(struct tx_reader *r, struct tx_expiration *ret)
{
	ret->kind = get_variant(r, TX_EXPIRY_MAX_);
	if (ret->kind == TX_UNTIL_EPOCH)
		ret->epoch = bcs_get_u64(&r->in);
	if (ret->kind != TX_VALID_DURING && ret->kind != TX_VALIDITY)
		return;
	ret->min_epoch = get_bound(r);
	ret->max_epoch = get_bound(r);
	ret->min_ms = get_bound(r);
	ret->max_ms = get_bound(r);
	get_digest(r, ret->chain);
	ret->nonce = bcs_get_u32(&r->in);
	if (ret->kind == TX_VALIDITY)
		get_proposers(r, ret);
}

static void get_tx(struct tx_reader *r, struct tx *ret)
{
	get_variant(r, 1); /* V1 */
	get_variant(r, 1); /* a programmable transaction */
	ret->inputs = get_list(r, 2, sizeof(*ret->inputs), &ret->ninputs);
	for (size_t i = 0; i < ret->ninputs && !r->in.error; i++)
		get_input(r, &ret->inputs[i]);
	ret->commands = get_list(r, 2, sizeof(*ret->commands), &ret->ncommands);
	for (size_t i = 0; i < ret->ncommands && !r->in.error; i++)
		get_command(r, &ret->commands[i]);
	bcs_copy_fixed(&r->in, ret->sender, OBJECT_ID_LEN);
	ret->payment = get_list(r, OBJECT_ID_LEN, sizeof(*ret->payment), &ret->npayment);
	for (size_t i = 0; i < ret->npayment && !r->in.error; i++)
		get_ref(r, &ret->payment[i]);
	bcs_copy_fixed(&r->in, ret->gas_owner, OBJECT_ID_LEN);
	ret->gas_price = bcs_get_u64(&r->in);
	ret->gas_budget = bcs_get_u64(&r->in);
	get_expiration(r, &ret->expiration);
}

int tx_decode(const void *data, size_t len, struct tx *ret, struct err *err)
{
	cleanup(tx_fini) struct tx tx = {};
	struct tx_reader r = { .tx = &tx };
	uint8_t *copy;

	if (len > TX_LEN_MAX)
		return err_set(err, -E2BIG, "transaction: %zu bytes, at most %u may be", len,
			       TX_LEN_MAX);
	copy = tx_alloc(&tx, len ? len : 1, 1);
	if (copy) {
		if (len)
			memcpy(copy, data, len);
		bcs_init(&r.in, copy, len);
		get_tx(&r, &tx);
	}
	if (tx.error)
		return err_errno(err, tx.error, "transaction");
	if (bcs_end(&r.in) < 0)
		return err_set(err, -EBADMSG, "transaction: malformed at byte %zu of %zu",
			       (size_t)(r.in.at - copy), len);
	*ret = tx;
	tx = (struct tx){};
	return 0;
}
