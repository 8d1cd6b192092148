/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client CHAIN CA-FILE TIMEOUT-MS URL...: gives each request on standard input, a JSON object a line,
 * to chain/sui and writes what came of it, an object a line: "rc" is 0 or the name of the errno.
 */
#include "chain/sui.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"

#define LINE_MAX_ (1 << 20)

struct request {
	struct sui *sui;
	const struct json *in;
	struct json *out;
};

static void request_id(const struct request *r, const char *key, uint8_t ret[OBJECT_ID_LEN])
{
	if (address_parse(json_str(r->in, key, ""), ret) < 0)
		abort();
}

static int ask_epoch(struct request *r, struct err *err)
{
	struct sui_epoch e = {};
	int rc = sui_get_epoch(r->sui, &e, err);

	json_set_u64(r->out, "epoch", e.epoch);
	json_set_u64(r->out, "price", e.gas_price);
	json_set_u64(r->out, "checkpoint", e.checkpoint);
	return rc;
}

static int ask_balance(struct request *r, struct err *err)
{
	struct sui_balance b = {};
	uint8_t id[OBJECT_ID_LEN];
	int rc;

	request_id(r, "address", id);
	rc = sui_get_balance(r->sui, id, "0x2::sui::SUI", &b, err);
	json_set_u64(r->out, "total", b.total);
	json_set_u64(r->out, "coins", b.coins);
	json_set_u64(r->out, "address", b.address);
	return rc;
}

static int ask_object(struct request *r, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object o = {};
	uint8_t id[OBJECT_ID_LEN];
	char owner[ADDRESS_SIZE];
	int rc;

	request_id(r, "id", id);
	rc = sui_get_object(r->sui, id, &o, err);
	if (rc < 0)
		return rc;
	address_format(o.address, owner);
	json_set_u64(r->out, "version", o.ref.version);
	json_set_u64(r->out, "owner", o.owner);
	json_set_u64(r->out, "shared", o.initial_version);
	json_set_str(r->out, "address", owner);
	json_set(r->out, "fields", json_dup(o.json));
	return 0;
}

static int add_coin(void *arg, const struct object_ref *ref, uint64_t balance)
{
	(void)ref;
	json_add_u64(arg, balance);
	return 0;
}

static int ask_coins(struct request *r, struct err *err)
{
	struct json *list = json_new_array();
	uint8_t id[OBJECT_ID_LEN];
	int rc;

	request_id(r, "address", id);
	rc = sui_list_coins(r->sui, id, "0x2::sui::SUI", add_coin, list, err);
	json_set(r->out, "coins", list);
	return rc;
}

static int add_event(void *arg, const char *digest, const struct json *fields)
{
	(void)digest;
	json_add(arg, json_dup(fields));
	return 0;
}

static int ask_events(struct request *r, struct err *err)
{
	struct json *list = json_new_array();
	char cursor[SUI_CURSOR_SIZE] = "";
	int rc = sui_list_events(r->sui, json_str(r->in, "type", ""),
				 json_str(r->in, "cursor", NULL), add_event, list, cursor, err);

	json_set(r->out, "events", list);
	json_set_str(r->out, "cursor", cursor);
	return rc;
}

static void show_effects(struct request *r, const struct sui_effects *e)
{
	json_set_bool(r->out, "success", e->success);
	json_set_str(r->out, "why", e->error);
	json_set_str(r->out, "abort", e->abort_code);
	json_set_u64(r->out, "computation", e->gas.computation);
	json_set_u64(r->out, "in", e->checkpoint);
}

static size_t request_bytes(const struct request *r, uint8_t ret[TX_LEN_MAX])
{
	size_t len = 0;

	if (base64_decode(json_str(r->in, "tx", ""), ret, TX_LEN_MAX, &len) < 0)
		abort();
	return len;
}

static int ask_simulate(struct request *r, struct err *err)
{
	uint8_t tx[TX_LEN_MAX];
	size_t len = request_bytes(r, tx);
	struct sui_effects e = {};
	struct json *outputs = NULL;
	uint64_t budget = 0;
	int rc = sui_simulate(r->sui, tx, len, &e, &outputs, err);

	if (rc < 0)
		return rc;
	show_effects(r, &e);
	json_set(r->out, "outputs", outputs);
	rc = sui_budget(&e.gas, 1000, &budget);
	json_set_u64(r->out, "budget", budget);
	return rc;
}

static int ask_execute(struct request *r, struct err *err)
{
	uint8_t tx[TX_LEN_MAX], sigs[2][SUI_SIG_LEN];
	size_t len = request_bytes(r, tx), n = 0, got;
	struct sui_effects e = {};
	int rc;

	json_foreach(sig, json_get(r->in, "sigs"))
		if (n == ARRAY_LEN(sigs) ||
		    base64_decode(json_text(sig, ""), sigs[n++], SUI_SIG_LEN, &got) < 0)
			abort();
	rc = sui_execute(r->sui, tx, len, (const uint8_t(*)[SUI_SIG_LEN])sigs, n, &e, err);
	json_set_bool(r->out, "undecided", sui_undecided(rc));
	show_effects(r, &e);
	return rc;
}

static int ask_transaction(struct request *r, struct err *err)
{
	struct sui_effects e = {};
	uint8_t digest[HASH_LEN];
	uint64_t epoch = 0;
	int rc;

	if (digest_parse(json_str(r->in, "digest", ""), digest) < 0)
		abort();
	rc = sui_get_transaction(r->sui, digest, &e, &epoch, err);
	show_effects(r, &e);
	json_set_u64(r->out, "epoch", epoch);
	return rc;
}

static void answer(struct sui *sui, const struct json *in)
{
	static const struct {
		const char *name;
		int (*ask)(struct request *r, struct err *err);
	} kinds[] = {
		{ "epoch", ask_epoch },	    { "balance", ask_balance },
		{ "object", ask_object },   { "coins", ask_coins },
		{ "events", ask_events },   { "simulate", ask_simulate },
		{ "execute", ask_execute }, { "transaction", ask_transaction },
	};
	cleanup(buf_fini) struct buf text = BUF_INIT(SUI_REPLY_MAX);
	struct request r = { sui, in, json_new_object() };
	struct err err = {};
	int rc = -ENOSYS;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, json_str(in, "ask", "")) == 0)
			rc = kinds[i].ask(&r, &err);
	if (rc < 0)
		json_set_str(r.out, "rc", strerrorname_np(-rc));
	else
		json_set_u64(r.out, "rc", 0);
	json_set_str(r.out, "error", err.text);
	if (json_print(r.out, false, &text) < 0)
		abort();
	puts(text.data);
	fflush(stdout);
	json_free(&r.out);
}

int main(int argc, char **argv)
{
	cleanup(buf_fini) struct buf ca = BUF_INIT(1 << 16);
	cleanup(sui_free) struct sui *sui = NULL;
	cleanup(free_ptr) char *line = malloc(LINE_MAX_);
	struct sui_config config = {};
	struct err err = {};

	if (argc < 5 || !line || crypto_init() < 0 || digest_parse(argv[1], config.chain) < 0 ||
	    parse_u32(argv[3], 1, 100000, &config.read_ms) < 0)
		return 2;
	config.write_ms = config.read_ms;
	config.urls = (const char *const *)argv + 4;
	if (file_read(argv[2], &ca, &err) < 0)
		goto fail;
	config.ca = ca.data;
	if (sui_new(&config, &sui, &err) < 0)
		goto fail;
	while (fgets(line, LINE_MAX_, stdin)) {
		cleanup(json_free) struct json *in = NULL;

		if (json_parse(line, strlen(line), LINE_MAX_, "request", &in, &err) < 0)
			goto fail;
		answer(sui, in);
	}
	return 0;
fail:
	fprintf(stderr, "client: %s\n", err.text);
	return 1;
}
