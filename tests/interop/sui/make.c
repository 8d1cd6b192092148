/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make N: writes N random transactions, keys and types, one JSON object a line, for check.mjs to read
 * with the SDK. The same N gives the same lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/sign.h"
#include "chain/suikey.h"
#include "chain/tx_build.h"
#include "chain/type_tag.h"
#include "core/bcs.h"
#include "core/parse.h"
#include "interop/vectors/sui.h"
#include "unit/core/random.h"

#define INPUTS_MAX 20
#define COMMANDS_MAX 12
#define ARGS_MAX 5
#define JS_NUMBER_MAX ((1ULL << 53) - 1) /* the SDK reads an Epoch as a double */

static struct random rnd = { 2026 };

static size_t pick(size_t n)
{
	return random_next(&rnd) % n;
}

static bool toss(void)
{
	return pick(2) == 0;
}

static const char *some_type(void)
{
	static const char *const types[] = {
		"bool",
		"u256",
		"address",
		"vector<vector<u8>>",
		"0x2::sui::SUI",
		"0x2::coin::Coin<0x2::sui::SUI>",
		"0x7::m::Pair<u64, vector<0x1::option::Option<0x2::object::ID>>>",
	};

	return types[pick(ARRAY_LEN(types))];
}

static struct object_ref some_object(void)
{
	struct object_ref ref = { .version = random_number(&rnd) };

	random_fill(&rnd, ref.id, sizeof(ref.id));
	random_fill(&rnd, ref.digest, sizeof(ref.digest));
	return ref;
}

static struct tx_arg add_pure(struct tx *tx)
{
	uint8_t bytes[300];
	size_t len = pick(sizeof(bytes));

	random_fill(&rnd, bytes, len);
	switch (pick(4)) {
	case 0:
		return tx_pure_bytes(tx, bytes, len);
	case 1:
		return tx_pure_u64(tx, random_number(&rnd));
	case 2:
		return tx_pure_bool(tx, toss());
	default:
		return tx_pure(tx, bytes, len);
	}
}

/* A withdrawal of any source, which tx_funds() makes of one alone. */
static struct tx_arg add_funds(struct tx *tx)
{
	struct tx_arg arg = tx_funds(tx, some_type(), random_number(&rnd));
	struct tx_funds *funds = &tx->inputs[arg.index].funds;

	funds->source = pick(TX_SOURCE_MAX_);
	if (funds->source == TX_FROM_ALLOWANCE) {
		random_fill(&rnd, funds->funder, sizeof(funds->funder));
		random_fill(&rnd, funds->allowance, sizeof(funds->allowance));
	}
	return arg;
}

static void add_input(struct tx *tx)
{
	struct object_ref ref = some_object();

	switch (pick(6)) {
	case 0:
		tx_owned(tx, &ref);
		break;
	case 1:
		tx_receiving(tx, &ref);
		break;
	case 2:
		tx_shared(tx, ref.id, ref.version, toss());
		break;
	case 3:
		add_funds(tx);
		break;
	case 4:
		tx_clock(tx);
		break;
	default:
		add_pure(tx);
	}
}

static struct tx_arg some_arg(const struct tx *tx)
{
	if (pick(10) == 0)
		return tx_gas_coin();
	if (tx->ncommands && toss()) {
		struct tx_arg result = { TX_RESULT, (uint16_t)pick(tx->ncommands), 0 };

		return toss() ? result : tx_nested(result, (uint16_t)random_number(&rnd));
	}
	return (struct tx_arg){ TX_INPUT, (uint16_t)pick(tx->ninputs), 0 };
}

static void add_package(struct tx *tx, enum tx_command_kind kind)
{
	struct tx_command c = { .kind = kind, .nmodules = 1 + pick(3), .ndeps = pick(3) };
	uint8_t bytes[200];

	c.modules = tx_alloc(tx, c.nmodules, sizeof(*c.modules));
	c.deps = tx_alloc(tx, c.ndeps, sizeof(*c.deps));
	for (size_t i = 0; c.modules && i < c.nmodules; i++) {
		random_fill(&rnd, bytes, sizeof(bytes));
		c.modules[i] = tx_copy(tx, bytes, pick(sizeof(bytes)));
	}
	for (size_t i = 0; c.deps && i < c.ndeps; i++)
		random_fill(&rnd, c.deps[i], OBJECT_ID_LEN);
	if (kind == TX_UPGRADE) {
		random_fill(&rnd, c.package, sizeof(c.package));
		c.target = some_arg(tx);
	}
	tx_add_command(tx, &c);
}

static void add_command(struct tx *tx)
{
	struct tx_arg args[ARGS_MAX], target = some_arg(tx);
	const char *types[] = { some_type(), some_type() };
	size_t n = 1 + pick(ARGS_MAX);
	struct object_ref package = some_object();

	for (size_t i = 0; i < n; i++)
		args[i] = some_arg(tx);
	switch (pick(TX_COMMAND_MAX_)) {
	case TX_MOVE_CALL:
		tx_call(tx, package.id, "a_module", "Function_9", types, pick(3), args, n);
		break;
	case TX_TRANSFER:
		tx_transfer(tx, args, n, target);
		break;
	case TX_SPLIT:
		tx_split(tx, target, args, n);
		break;
	case TX_MERGE:
		tx_merge(tx, target, args, n);
		break;
	case TX_MAKE_VEC:
		tx_make_vec(tx, toss() ? types[0] : NULL, args, n);
		break;
	case TX_PUBLISH:
		add_package(tx, TX_PUBLISH);
		break;
	default:
		add_package(tx, TX_UPGRADE);
	}
}

static struct tx_bound some_bound(void)
{
	return toss() ? (struct tx_bound){ true, random_number(&rnd) } : (struct tx_bound){};
}

/* Of all kinds, also what a builder of settlements never makes. */
static void expire(struct tx *tx)
{
	struct tx_expiration *e = &tx->expiration;

	e->kind = pick(TX_EXPIRY_MAX_);
	e->epoch = random_number(&rnd) & JS_NUMBER_MAX;
	e->min_epoch = some_bound();
	e->max_epoch = some_bound();
	e->min_ms = some_bound();
	e->max_ms = some_bound();
	random_fill(&rnd, e->chain, sizeof(e->chain));
	e->nonce = (uint32_t)random_number(&rnd);
	e->has_proposers = e->kind == TX_VALIDITY && toss();
	e->proposers_epoch = random_number(&rnd);
	e->nproposers = e->has_proposers ? 1 + pick(4) : 0;
	e->proposers = tx_alloc(tx, e->nproposers, sizeof(*e->proposers));
	for (size_t i = 0; e->proposers && i < e->nproposers; i++)
		e->proposers[i] = (uint32_t)(i ? e->proposers[i - 1] + 1 + pick(1000) : pick(1000));
}

static void pay(struct tx *tx, const uint8_t owner[OBJECT_ID_LEN])
{
	struct tx_window window = { .epoch = random_number(&rnd) >> 1,
				    .nonce = (uint32_t)random_number(&rnd) };
	struct object_ref coins[3];

	random_fill(&rnd, window.chain, sizeof(window.chain));
	for (size_t i = 0; i < ARRAY_LEN(coins); i++)
		coins[i] = some_object();
	if (toss()) {
		tx_pay_from_balance(tx, owner, random_number(&rnd), random_number(&rnd), &window);
		return;
	}
	tx_pay_from_coins(tx, owner, random_number(&rnd), random_number(&rnd), coins, 1 + pick(3));
	expire(tx);
}

static void print(const char *what, struct json *value)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(VECTOR_BYTES_MAX);
	cleanup(json_free) struct json *line = json_new_object();

	json_set(line, what, value);
	if (json_print(line, false, &text) < 0)
		abort();
	puts(text.data);
}

static void set_base64(struct json *o, const char *key, const void *data, size_t len)
{
	cleanup(free_ptr) char *text = malloc(BASE64_LEN(len));

	if (!text)
		abort();
	base64_encode(data, len, text);
	json_set_str(o, key, text);
}

static struct key *some_key(uint8_t ret_address[OBJECT_ID_LEN])
{
	uint8_t seed[KEY_SEED_LEN];
	struct key *key = NULL;

	random_fill(&rnd, seed, sizeof(seed));
	if (key_from_seed(seed, &key) < 0)
		abort();
	address_of_key(key_public(key), ret_address);
	return key;
}

static void set_signature(struct json *o, const char *key_name, const struct buf *bytes,
			  const struct key *key)
{
	uint8_t sig[SUI_SIG_LEN];

	sui_sign(INTENT_TRANSACTION, bytes->data, bytes->len, key, sig);
	set_base64(o, key_name, sig, sizeof(sig));
}

static void make_tx(void)
{
	cleanup(tx_fini) struct tx tx = {};
	cleanup(buf_fini) struct buf bytes = BUF_INIT(TX_LEN_MAX);
	uint8_t owner[OBJECT_ID_LEN], digest[HASH_LEN];
	cleanup(key_free) struct key *sender = some_key(tx.sender);
	cleanup(key_free) struct key *sponsor = some_key(owner);
	struct json *o = json_new_object();
	bool sponsored = toss();
	char text[DIGEST_SIZE];
	struct err err = {};

	tx_pure_u64(&tx, 1);
	for (size_t n = pick(INPUTS_MAX); n > 0; n--)
		add_input(&tx);
	for (size_t n = pick(COMMANDS_MAX); n > 0; n--)
		add_command(&tx);
	pay(&tx, sponsored ? owner : tx.sender);
	if (tx_validate(&tx, &err) < 0 || tx_encode(&tx, &bytes) < 0) {
		fprintf(stderr, "make: %s\n", err.text);
		abort();
	}
	set_base64(o, "bytes", bytes.data, bytes.len);
	json_set(o, "data", tx_to_json(&tx));
	tx_digest(bytes.data, bytes.len, digest);
	digest_format(digest, text);
	json_set_str(o, "digest", text);
	set_signature(o, "senderSignature", &bytes, sender);
	set_signature(o, "ownerSignature", &bytes, sponsored ? sponsor : sender);
	print("transaction", o);
}

static void make_key(void)
{
	cleanup(buf_fini) struct buf bcs = BUF_INIT(2048);
	uint8_t id[OBJECT_ID_LEN], message[1000], sig[SUI_SIG_LEN];
	cleanup(key_free) struct key *key = some_key(id);
	size_t len = pick(sizeof(message));
	struct json *o = json_new_object();
	char address[ADDRESS_SIZE], exported[SUIKEY_SIZE];

	address_format(id, address);
	suikey_format(key, exported);
	random_fill(&rnd, message, len);
	bcs_put_bytes(&bcs, message, (uint32_t)len);
	sui_sign(INTENT_PERSONAL_MESSAGE, bcs.data, bcs.len, key, sig);
	json_set_str(o, "exported", exported);
	json_set_str(o, "address", address);
	set_base64(o, "message", message, len);
	set_base64(o, "signature", sig, sizeof(sig));
	print("key", o);
}

static void make_type(void)
{
	cleanup(buf_fini) struct buf bcs = BUF_INIT(TYPE_TAG_LEN_MAX), text = BUF_INIT(1 << 20);
	cleanup(buf_fini) struct buf shown = BUF_INIT(1 << 20);
	struct json *o = json_new_object();

	buf_printf(&text, "0x%zx::m::T<%s, vector<%s>>", pick(1000), some_type(), some_type());
	if (type_tag_parse(text.data, &bcs, NULL) < 0 ||
	    type_tag_format(bcs.data, bcs.len, &shown, NULL) < 0)
		abort();
	json_set_str(o, "text", shown.data);
	set_base64(o, "bytes", bcs.data, bcs.len);
	print("type", o);
}

int main(int argc, char **argv)
{
	uint64_t n = 0;

	if (argc != 2 || parse_u64(argv[1], 1, 1000000, &n) < 0 || crypto_init() < 0)
		return 2;
	for (; n > 0; n--) {
		make_tx();
		make_key();
		make_type();
	}
	return 0;
}
