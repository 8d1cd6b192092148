/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/tx.h"
#include "core/bcs.h"
#include "core/buf.h"

/* The three ways in which an object is an input, behind CallArg 01. */
enum { CALL_ARG_PURE, CALL_ARG_OBJECT, CALL_ARG_FUNDS };
enum { OBJECT_OWNED, OBJECT_SHARED, OBJECT_RECEIVING };

static void put_id(struct buf *out, const uint8_t id[OBJECT_ID_LEN])
{
	bcs_put_fixed(out, id, OBJECT_ID_LEN);
}

static void put_bytes(struct buf *out, const struct tx_bytes *bytes)
{
	bcs_put_bytes(out, bytes->at, bytes->len);
}

static void put_type(struct buf *out, const struct tx_bytes *type)
{
	bcs_put_fixed(out, type->at, type->len);
}

static void put_ref(struct buf *out, const struct object_ref *ref)
{
	put_id(out, ref->id);
	bcs_put_u64(out, ref->version);
	bcs_put_bytes(out, ref->digest, HASH_LEN);
}

static void put_object(struct buf *out, uint8_t how)
{
	bcs_put_u8(out, CALL_ARG_OBJECT);
	bcs_put_u8(out, how);
}

static void put_funds(struct buf *out, const struct tx_funds *funds)
{
	bcs_put_u8(out, CALL_ARG_FUNDS);
	bcs_put_u8(out, 0); /* a maximum, the only reservation there is */
	bcs_put_u64(out, funds->amount);
	bcs_put_u8(out, 0); /* of a balance, the only kind there is */
	put_type(out, &funds->type);
	bcs_put_u8(out, (uint8_t)funds->source);
	if (funds->source == TX_FROM_ALLOWANCE) {
		put_id(out, funds->funder);
		put_id(out, funds->allowance);
	}
}

static void put_input(struct buf *out, const struct tx_input *input)
{
	switch (input->kind) {
	case TX_PURE:
		bcs_put_u8(out, CALL_ARG_PURE);
		put_bytes(out, &input->pure);
		break;
	case TX_OWNED:
	case TX_RECEIVING:
		put_object(out, input->kind == TX_OWNED ? OBJECT_OWNED : OBJECT_RECEIVING);
		put_ref(out, &input->object);
		break;
	case TX_SHARED:
		put_object(out, OBJECT_SHARED);
		put_id(out, input->shared.id);
		bcs_put_u64(out, input->shared.initial_version);
		bcs_put_bool(out, input->shared.mutable);
		break;
	case TX_FUNDS:
	case TX_INPUT_MAX_:
		put_funds(out, &input->funds);
	}
}

static void put_arg(struct buf *out, const struct tx_arg *arg)
{
	bcs_put_u8(out, (uint8_t)arg->kind);
	if (arg->kind != TX_GAS_COIN)
		bcs_put_u16(out, arg->index);
	if (arg->kind == TX_NESTED)
		bcs_put_u16(out, arg->nested);
}

static void put_args(struct buf *out, const struct tx_command *c)
{
	bcs_put_uleb(out, (uint32_t)c->nargs);
	for (size_t i = 0; i < c->nargs; i++)
		put_arg(out, &c->args[i]);
}

static void put_call(struct buf *out, const struct tx_command *c)
{
	put_id(out, c->package);
	put_bytes(out, &c->module);
	put_bytes(out, &c->function);
	bcs_put_uleb(out, (uint32_t)c->ntypes);
	for (size_t i = 0; i < c->ntypes; i++)
		put_type(out, &c->types[i]);
	put_args(out, c);
}

static void put_modules(struct buf *out, const struct tx_command *c)
{
	bcs_put_uleb(out, (uint32_t)c->nmodules);
	for (size_t i = 0; i < c->nmodules; i++)
		put_bytes(out, &c->modules[i]);
	bcs_put_uleb(out, (uint32_t)c->ndeps);
	for (size_t i = 0; i < c->ndeps; i++)
		put_id(out, c->deps[i]);
}

static void put_command(struct buf *out, const struct tx_command *c)
{
	bcs_put_u8(out, (uint8_t)c->kind);
	switch (c->kind) {
	case TX_MOVE_CALL:
		put_call(out, c);
		break;
	case TX_TRANSFER:
		put_args(out, c);
		put_arg(out, &c->target);
		break;
	case TX_SPLIT:
	case TX_MERGE:
		put_arg(out, &c->target);
		put_args(out, c);
		break;
	case TX_PUBLISH:
		put_modules(out, c);
		break;
	case TX_MAKE_VEC:
		bcs_put_bool(out, c->ntypes > 0);
		if (c->ntypes)
			put_type(out, c->types);
		put_args(out, c);
		break;
	case TX_UPGRADE:
	case TX_COMMAND_MAX_:
		put_modules(out, c);
		put_id(out, c->package);
		put_arg(out, &c->target);
	}
}

static void put_bound(struct buf *out, const struct tx_bound *bound)
{
	bcs_put_bool(out, bound->set);
	if (bound->set)
		bcs_put_u64(out, bound->value);
}

static void put_proposers(struct buf *out, const struct tx_expiration *e)
{
	bcs_put_bool(out, e->has_proposers);
	if (!e->has_proposers)
		return;
	bcs_put_u64(out, e->proposers_epoch);
	bcs_put_uleb(out, (uint32_t)e->nproposers);
	for (size_t i = 0; i < e->nproposers; i++)
		bcs_put_u32(out, e->proposers[i]);
}

static void put_expiration(struct buf *out, const struct tx_expiration *e)
{
	bcs_put_u8(out, (uint8_t)e->kind);
	if (e->kind == TX_UNTIL_EPOCH)
		bcs_put_u64(out, e->epoch);
	if (e->kind != TX_VALID_DURING && e->kind != TX_VALIDITY)
		return;
	put_bound(out, &e->min_epoch);
	put_bound(out, &e->max_epoch);
	put_bound(out, &e->min_ms);
	put_bound(out, &e->max_ms);
	bcs_put_bytes(out, e->chain, HASH_LEN);
	bcs_put_u32(out, e->nonce);
	if (e->kind == TX_VALIDITY)
		put_proposers(out, e);
}

int tx_encode_kind(const struct tx *tx, struct buf *out)
{
	bcs_put_u8(out, 0); /* a programmable transaction; the others are the system's own */
	bcs_put_uleb(out, (uint32_t)tx->ninputs);
	for (size_t i = 0; i < tx->ninputs; i++)
		put_input(out, &tx->inputs[i]);
	bcs_put_uleb(out, (uint32_t)tx->ncommands);
	for (size_t i = 0; i < tx->ncommands; i++)
		put_command(out, &tx->commands[i]);
	return tx->error ? tx->error : buf_error(out);
}

int tx_encode(const struct tx *tx, struct buf *out)
{
	bcs_put_u8(out, 0); /* V1 */
	tx_encode_kind(tx, out);
	put_id(out, tx->sender);
	bcs_put_uleb(out, (uint32_t)tx->npayment);
	for (size_t i = 0; i < tx->npayment; i++)
		put_ref(out, &tx->payment[i]);
	put_id(out, tx->gas_owner);
	bcs_put_u64(out, tx->gas_price);
	bcs_put_u64(out, tx->gas_budget);
	put_expiration(out, &tx->expiration);
	return tx->error ? tx->error : buf_error(out);
}
