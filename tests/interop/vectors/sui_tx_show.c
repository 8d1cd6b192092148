/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction as the SDK's decoder shows it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/tx.h"
#include "chain/type_tag.h"
#include "interop/vectors/sui.h"

/* An object with one member, as the SDK shows a variant of an enum. */
static struct json *variant(const char *name, struct json *value)
{
	struct json *o = json_new_object();

	json_set(o, name, value);
	return o;
}

static struct json *variant_true(const char *name)
{
	struct json *o = json_new_object();

	json_set_bool(o, name, true);
	return o;
}

static struct json *show_number(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return json_new_str(text);
}

static struct json *show_id(const uint8_t id[OBJECT_ID_LEN])
{
	char text[ADDRESS_SIZE];

	address_format(id, text);
	return json_new_str(text);
}

static struct json *show_digest(const uint8_t digest[HASH_LEN])
{
	char text[DIGEST_SIZE];

	digest_format(digest, text);
	return json_new_str(text);
}

static struct json *show_bytes(const struct tx_bytes *bytes)
{
	cleanup(free_ptr) char *text = malloc(BASE64_LEN((size_t)bytes->len));

	if (!text)
		return NULL;
	base64_encode(bytes->at, bytes->len, text);
	return json_new_str(text);
}

static struct json *show_type(const struct tx_bytes *type)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(VECTOR_BYTES_MAX);

	return type_tag_format(type->at, type->len, &text, NULL) == 0 ? json_new_str(text.data) :
									NULL;
}

static struct json *show_name(const struct tx_bytes *name)
{
	char text[MOVE_NAME_MAX + 1] = "";

	memcpy(text, name->at, name->len);
	return json_new_str(text);
}

static struct json *show_ref(const struct object_ref *ref)
{
	struct json *o = json_new_object();

	json_set(o, "objectId", show_id(ref->id));
	json_set(o, "version", show_number(ref->version));
	json_set(o, "digest", show_digest(ref->digest));
	return o;
}

static struct json *show_shared(const struct tx_shared *shared)
{
	struct json *o = json_new_object();

	json_set(o, "objectId", show_id(shared->id));
	json_set(o, "initialSharedVersion", show_number(shared->initial_version));
	json_set_bool(o, "mutable", shared->mutable);
	return o;
}

static struct json *show_source(const struct tx_funds *funds)
{
	struct json *o;

	if (funds->source != TX_FROM_ALLOWANCE)
		return variant_true(funds->source == TX_FROM_SENDER ? "Sender" : "Sponsor");
	o = json_new_object();
	json_set(o, "funder", show_id(funds->funder));
	json_set(o, "allowance", show_id(funds->allowance));
	return variant("SenderAllowance", o);
}

static struct json *show_funds(const struct tx_funds *funds)
{
	struct json *o = json_new_object();

	json_set(o, "reservation", variant("MaxAmountU64", show_number(funds->amount)));
	json_set(o, "typeArg", variant("Balance", show_type(&funds->type)));
	json_set(o, "withdrawFrom", show_source(funds));
	return o;
}

static struct json *show_input(const struct tx_input *input)
{
	switch (input->kind) {
	case TX_PURE:
		return variant("Pure", variant("bytes", show_bytes(&input->pure)));
	case TX_OWNED:
		return variant("Object", variant("ImmOrOwnedObject", show_ref(&input->object)));
	case TX_SHARED:
		return variant("Object", variant("SharedObject", show_shared(&input->shared)));
	case TX_RECEIVING:
		return variant("Object", variant("Receiving", show_ref(&input->object)));
	case TX_FUNDS:
	case TX_INPUT_MAX_:
		break;
	}
	return variant("FundsWithdrawal", show_funds(&input->funds));
}

static struct json *show_arg(const struct tx_arg *arg)
{
	struct json *o = json_new_object(), *pair;

	switch (arg->kind) {
	case TX_GAS_COIN:
		json_set_bool(o, "GasCoin", true);
		break;
	case TX_INPUT:
		json_set_u64(o, "Input", arg->index);
		break;
	case TX_RESULT:
		json_set_u64(o, "Result", arg->index);
		break;
	case TX_NESTED:
	case TX_ARG_MAX_:
		pair = json_new_array();
		json_add_u64(pair, arg->index);
		json_add_u64(pair, arg->nested);
		json_set(o, "NestedResult", pair);
	}
	return o;
}

static struct json *show_args(const struct tx_command *c)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < c->nargs; i++)
		json_add(list, show_arg(&c->args[i]));
	return list;
}

static void show_call(struct json *o, const struct tx_command *c)
{
	struct json *types = json_new_array();

	for (size_t i = 0; i < c->ntypes; i++)
		json_add(types, show_type(&c->types[i]));
	json_set(o, "package", show_id(c->package));
	json_set(o, "module", show_name(&c->module));
	json_set(o, "function", show_name(&c->function));
	json_set(o, "typeArguments", types);
	json_set(o, "arguments", show_args(c));
}

static void show_package(struct json *o, const struct tx_command *c)
{
	struct json *modules = json_new_array(), *deps = json_new_array();

	for (size_t i = 0; i < c->nmodules; i++)
		json_add(modules, show_bytes(&c->modules[i]));
	for (size_t i = 0; i < c->ndeps; i++)
		json_add(deps, show_id(c->deps[i]));
	json_set(o, "modules", modules);
	json_set(o, "dependencies", deps);
	if (c->kind != TX_UPGRADE)
		return;
	json_set(o, "package", show_id(c->package));
	json_set(o, "ticket", show_arg(&c->target));
}

static struct json *show_command(const struct tx_command *c)
{
	/* name of the command, of its list, and of what the list is for or from */
	static const struct {
		const char *name, *args, *target;
	} words[TX_COMMAND_MAX_] = {
		[TX_MOVE_CALL] = { .name = "MoveCall" },
		[TX_TRANSFER] = { "TransferObjects", "objects", "address" },
		[TX_SPLIT] = { "SplitCoins", "amounts", "coin" },
		[TX_MERGE] = { "MergeCoins", "sources", "destination" },
		[TX_PUBLISH] = { .name = "Publish" },
		[TX_MAKE_VEC] = { "MakeMoveVec", "elements", NULL },
		[TX_UPGRADE] = { .name = "Upgrade" },
	};
	struct json *o = json_new_object();

	if (c->kind == TX_MOVE_CALL)
		show_call(o, c);
	if (c->kind == TX_PUBLISH || c->kind == TX_UPGRADE)
		show_package(o, c);
	if (c->kind == TX_MAKE_VEC && c->ntypes)
		json_set(o, "type", show_type(c->types));
	else if (c->kind == TX_MAKE_VEC)
		json_set_null(o, "type");
	if (words[c->kind].args)
		json_set(o, words[c->kind].args, show_args(c));
	if (words[c->kind].target)
		json_set(o, words[c->kind].target, show_arg(&c->target));
	return variant(words[c->kind].name, o);
}

static void show_bound(struct json *o, const char *name, const struct tx_bound *bound)
{
	if (bound->set)
		json_set(o, name, show_number(bound->value));
	else
		json_set_null(o, name);
}

static void show_proposers(struct json *o, const struct tx_expiration *e)
{
	struct json *allowed, *list;

	if (!e->has_proposers) {
		json_set_null(o, "allowedProposers");
		return;
	}
	allowed = json_new_object();
	list = json_new_array();
	for (size_t i = 0; i < e->nproposers; i++)
		json_add_u64(list, e->proposers[i]);
	json_set(allowed, "epoch", show_number(e->proposers_epoch));
	json_set(allowed, "proposers", list);
	json_set(o, "allowedProposers", allowed);
}

static struct json *show_expiration(const struct tx_expiration *e)
{
	struct json *o;

	if (e->kind == TX_NEVER)
		return variant_true("None");
	if (e->kind == TX_UNTIL_EPOCH)
		return variant("Epoch", show_number(e->epoch));
	o = json_new_object();
	show_bound(o, "minEpoch", &e->min_epoch);
	show_bound(o, "maxEpoch", &e->max_epoch);
	show_bound(o, "minTimestamp", &e->min_ms);
	show_bound(o, "maxTimestamp", &e->max_ms);
	json_set(o, "chain", show_digest(e->chain));
	json_set_u64(o, "nonce", e->nonce);
	if (e->kind == TX_VALIDITY)
		show_proposers(o, e);
	return variant(e->kind == TX_VALIDITY ? "Validity" : "ValidDuring", o);
}

static struct json *show_gas(const struct tx *tx)
{
	struct json *o = json_new_object(), *payment = json_new_array();

	for (size_t i = 0; i < tx->npayment; i++)
		json_add(payment, show_ref(&tx->payment[i]));
	json_set(o, "payment", payment);
	json_set(o, "owner", show_id(tx->gas_owner));
	json_set(o, "price", show_number(tx->gas_price));
	json_set(o, "budget", show_number(tx->gas_budget));
	return o;
}

struct json *tx_to_json(const struct tx *tx)
{
	struct json *v1 = json_new_object(), *inputs = json_new_array();
	struct json *kind = json_new_object(), *commands = json_new_array();

	for (size_t i = 0; i < tx->ninputs; i++)
		json_add(inputs, show_input(&tx->inputs[i]));
	for (size_t i = 0; i < tx->ncommands; i++)
		json_add(commands, show_command(&tx->commands[i]));
	json_set(kind, "inputs", inputs);
	json_set(kind, "commands", commands);
	json_set(v1, "kind", variant("ProgrammableTransaction", kind));
	json_set(v1, "sender", show_id(tx->sender));
	json_set(v1, "gasData", show_gas(tx));
	json_set(v1, "expiration", show_expiration(&tx->expiration));
	return variant("V1", v1);
}
