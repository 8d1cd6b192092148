/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction built from what the SDK shows of one. */
#include <string.h>

#include "chain/tx_build.h"
#include "chain/type_tag.h"
#include "interop/vectors/sui.h"

struct reader {
	struct run *r;
	struct tx *tx;
};

static uint64_t read_number(struct reader *in, const struct json *o, const char *key)
{
	uint64_t v = 0;

	want(in->r, json_u64(o, key, &v) == 0, "%s: not a number", key);
	return v;
}

static void id_of(struct reader *in, const char *text, uint8_t ret[OBJECT_ID_LEN])
{
	want(in->r, address_parse(text, ret) == 0, "%s: not an address", text);
}

static void read_id(struct reader *in, const struct json *o, const char *key,
		    uint8_t ret[OBJECT_ID_LEN])
{
	id_of(in, json_str(o, key, "(none)"), ret);
}

static void read_digest(struct reader *in, const struct json *o, const char *key,
			uint8_t ret[HASH_LEN])
{
	want(in->r, digest_parse(json_str(o, key, ""), ret) == 0, "%s: not a digest", key);
}

static struct tx_bytes bytes_of(struct reader *in, const struct json *text)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(VECTOR_BYTES_MAX);
	cleanup(json_free) struct json *o = json_new_object();

	json_set_str(o, "bytes", json_text(text, NULL));
	read_base64(in->r, o, "bytes", &bytes);
	return tx_copy(in->tx, bytes.data, bytes.len);
}

static struct tx_bytes type_of(struct reader *in, const char *text)
{
	cleanup(buf_fini) struct buf type = BUF_INIT(TYPE_TAG_LEN_MAX);

	read_type(in->r, text, &type);
	return tx_copy(in->tx, type.data, type.len);
}

static struct tx_bytes read_name(struct reader *in, const struct json *o, const char *key)
{
	const char *name = json_str(o, key, "");

	return tx_copy(in->tx, name, strlen(name));
}

static void read_ref(struct reader *in, const struct json *o, struct object_ref *ret)
{
	read_id(in, o, "objectId", ret->id);
	ret->version = read_number(in, o, "version");
	read_digest(in, o, "digest", ret->digest);
}

static void read_funds(struct reader *in, const struct json *o, struct tx_funds *ret)
{
	const struct json *from = json_get(o, "withdrawFrom");
	const struct json *allowance = json_get(from, "SenderAllowance");

	ret->amount = read_number(in, json_get(o, "reservation"), "MaxAmountU64");
	ret->type = type_of(in, json_str(json_get(o, "typeArg"), "Balance", ""));
	if (allowance) {
		ret->source = TX_FROM_ALLOWANCE;
		read_id(in, allowance, "funder", ret->funder);
		read_id(in, allowance, "allowance", ret->allowance);
		return;
	}
	ret->source = json_bool(from, "Sponsor", false) ? TX_FROM_SPONSOR : TX_FROM_SENDER;
	want(in->r, ret->source == TX_FROM_SPONSOR || json_bool(from, "Sender", false),
	     "withdrawFrom: unknown");
}

static void read_object(struct reader *in, const struct json *o, struct tx_input *ret)
{
	const struct json *shared = json_get(o, "SharedObject");
	const struct json *owned = json_get(o, "ImmOrOwnedObject");

	if (shared) {
		ret->kind = TX_SHARED;
		read_id(in, shared, "objectId", ret->shared.id);
		ret->shared.initial_version = read_number(in, shared, "initialSharedVersion");
		ret->shared.mutable = json_bool(shared, "mutable", false);
		return;
	}
	ret->kind = owned ? TX_OWNED : TX_RECEIVING;
	read_ref(in, owned ? owned : json_get(o, "Receiving"), &ret->object);
}

static void read_input(struct reader *in, const struct json *o)
{
	struct tx_input input = {};

	if (json_get(o, "Pure"))
		input.pure = bytes_of(in, json_path(o, "Pure.bytes"));
	else if (json_get(o, "Object"))
		read_object(in, json_get(o, "Object"), &input);
	else {
		input.kind = TX_FUNDS;
		read_funds(in, json_get(o, "FundsWithdrawal"), &input.funds);
	}
	tx_add_input(in->tx, &input);
}

static struct tx_arg arg_of(struct reader *in, const struct json *o)
{
	const struct json *pair = json_get(o, "NestedResult");
	struct tx_arg arg = { .kind = TX_NESTED };
	uint64_t index = 0, nested = 0;

	if (json_bool(o, "GasCoin", false))
		return tx_gas_coin();
	if (pair)
		want(in->r,
		     json_number(json_at(pair, 0), &index) == 0 &&
			     json_number(json_at(pair, 1), &nested) == 0,
		     "NestedResult: not two numbers");
	else {
		arg.kind = json_get(o, "Input") ? TX_INPUT : TX_RESULT;
		index = read_number(in, o, arg.kind == TX_INPUT ? "Input" : "Result");
	}
	arg.index = (uint16_t)index;
	arg.nested = (uint16_t)nested;
	return arg;
}

static void read_args(struct reader *in, const struct json *list, struct tx_command *ret)
{
	ret->args = tx_alloc(in->tx, json_len(list), sizeof(*ret->args));
	json_foreach(o, list)
		if (ret->args)
			ret->args[ret->nargs++] = arg_of(in, o);
}

static void read_call(struct reader *in, const struct json *o, struct tx_command *ret)
{
	const struct json *types = json_get(o, "typeArguments");

	ret->kind = TX_MOVE_CALL;
	read_id(in, o, "package", ret->package);
	ret->module = read_name(in, o, "module");
	ret->function = read_name(in, o, "function");
	ret->types = tx_alloc(in->tx, json_len(types), sizeof(*ret->types));
	json_foreach(type, types)
		if (ret->types)
			ret->types[ret->ntypes++] = type_of(in, json_text(type, ""));
	read_args(in, json_get(o, "arguments"), ret);
}

static void read_package(struct reader *in, const struct json *o, struct tx_command *ret)
{
	const struct json *modules = json_get(o, "modules"), *deps = json_get(o, "dependencies");

	ret->modules = tx_alloc(in->tx, json_len(modules), sizeof(*ret->modules));
	json_foreach(module, modules)
		if (ret->modules)
			ret->modules[ret->nmodules++] = bytes_of(in, module);
	ret->deps = tx_alloc(in->tx, json_len(deps), sizeof(*ret->deps));
	json_foreach(dep, deps)
		if (ret->deps)
			id_of(in, json_text(dep, ""), ret->deps[ret->ndeps++]);
}

static void read_publish(struct reader *in, const struct json *o, struct tx_command *ret)
{
	ret->kind = TX_PUBLISH;
	read_package(in, o, ret);
}

static void read_upgrade(struct reader *in, const struct json *o, struct tx_command *ret)
{
	ret->kind = TX_UPGRADE;
	read_package(in, o, ret);
	read_id(in, o, "package", ret->package);
	ret->target = arg_of(in, json_get(o, "ticket"));
}

static void read_transfer(struct reader *in, const struct json *o, struct tx_command *ret)
{
	ret->kind = TX_TRANSFER;
	read_args(in, json_get(o, "objects"), ret);
	ret->target = arg_of(in, json_get(o, "address"));
}

static void read_split(struct reader *in, const struct json *o, struct tx_command *ret)
{
	ret->kind = TX_SPLIT;
	ret->target = arg_of(in, json_get(o, "coin"));
	read_args(in, json_get(o, "amounts"), ret);
}

static void read_merge(struct reader *in, const struct json *o, struct tx_command *ret)
{
	ret->kind = TX_MERGE;
	ret->target = arg_of(in, json_get(o, "destination"));
	read_args(in, json_get(o, "sources"), ret);
}

static void read_make_vec(struct reader *in, const struct json *o, struct tx_command *ret)
{
	const char *type = json_str(o, "type", NULL);

	ret->kind = TX_MAKE_VEC;
	if (type)
		ret->types = tx_alloc(in->tx, 1, sizeof(*ret->types));
	if (ret->types) {
		*ret->types = type_of(in, type);
		ret->ntypes = 1;
	}
	read_args(in, json_get(o, "elements"), ret);
}

static void read_command(struct reader *in, const struct json *o)
{
	static const struct {
		const char *name;
		void (*read)(struct reader *in, const struct json *o, struct tx_command *ret);
	} kinds[] = {
		{ "MoveCall", read_call },    { "TransferObjects", read_transfer },
		{ "SplitCoins", read_split }, { "MergeCoins", read_merge },
		{ "Publish", read_publish },  { "MakeMoveVec", read_make_vec },
		{ "Upgrade", read_upgrade },
	};
	struct tx_command command = {};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!json_get(o, kinds[i].name))
			continue;
		kinds[i].read(in, json_get(o, kinds[i].name), &command);
		tx_add_command(in->tx, &command);
		return;
	}
	want(in->r, false, "a command of a kind that is not known");
}

static struct tx_bound read_bound(struct reader *in, const struct json *o, const char *key)
{
	if (json_type(json_get(o, key)) == JSON_NULL)
		return (struct tx_bound){};
	return (struct tx_bound){ true, read_number(in, o, key) };
}

static void read_proposers(struct reader *in, const struct json *o, struct tx_expiration *ret)
{
	const struct json *list = json_get(o, "proposers");

	if (json_type(o) == JSON_NULL)
		return;
	ret->has_proposers = true;
	ret->proposers_epoch = read_number(in, o, "epoch");
	ret->proposers = tx_alloc(in->tx, json_len(list), sizeof(*ret->proposers));
	json_foreach(item, list) {
		uint64_t v = 0;

		want(in->r, json_number(item, &v) == 0, "proposers: not a number");
		if (ret->proposers)
			ret->proposers[ret->nproposers++] = (uint32_t)v;
	}
}

static void read_expiration(struct reader *in, const struct json *o, struct tx_expiration *ret)
{
	const struct json *validity = json_get(o, "Validity");
	const struct json *during = validity ? validity : json_get(o, "ValidDuring");

	if (json_bool(o, "None", false))
		return;
	if (!during) {
		ret->kind = TX_UNTIL_EPOCH;
		ret->epoch = read_number(in, o, "Epoch");
		return;
	}
	ret->kind = validity ? TX_VALIDITY : TX_VALID_DURING;
	ret->min_epoch = read_bound(in, during, "minEpoch");
	ret->max_epoch = read_bound(in, during, "maxEpoch");
	ret->min_ms = read_bound(in, during, "minTimestamp");
	ret->max_ms = read_bound(in, during, "maxTimestamp");
	read_digest(in, during, "chain", ret->chain);
	ret->nonce = (uint32_t)read_number(in, during, "nonce");
	read_proposers(in, json_get(during, "allowedProposers"), ret);
}

bool tx_from_json(struct run *r, const struct json *data, struct tx *ret)
{
	const struct json *v1 = json_get(data, "V1"), *gas = json_get(v1, "gasData");
	const struct json *kind = json_path(v1, "kind.ProgrammableTransaction");
	struct reader in = { r, ret };

	if (!want(r, kind != NULL, "transaction_data: not V1.kind.ProgrammableTransaction"))
		return false;
	json_foreach(o, json_get(kind, "inputs"))
		read_input(&in, o);
	json_foreach(o, json_get(kind, "commands"))
		read_command(&in, o);
	read_id(&in, v1, "sender", ret->sender);
	ret->payment = tx_alloc(ret, json_len(json_get(gas, "payment")), sizeof(*ret->payment));
	json_foreach(o, json_get(gas, "payment"))
		if (ret->payment)
			read_ref(&in, o, &ret->payment[ret->npayment++]);
	read_id(&in, gas, "owner", ret->gas_owner);
	ret->gas_price = read_number(&in, gas, "price");
	ret->gas_budget = read_number(&in, gas, "budget");
	read_expiration(&in, json_get(v1, "expiration"), &ret->expiration);
	return !r->failed;
}
