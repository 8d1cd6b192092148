/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/unseal.h"

#include <errno.h>
#include <string.h>

#include "agent/config.h"
#include "agent/settle_work.h"
#include "agent/site.h"
#include "chain/approve.h"
#include "chain/sui.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "walrus/blobname.h"

#define READ_MS 20000
#define ASK_MS 60000
#define SESSION_MIN 10
/* A key server whose clock is behind ours takes no certificate of its future. */
#define SESSION_BACK_MS 30000

/* What the call works with. */
struct opening {
	const struct unseal *u;
	struct settle_work work; /* as the lease says */
	uint8_t package[OBJECT_ID_LEN]; /* the policy's newest version */
	uint8_t first_package[OBJECT_ID_LEN]; /* and its first: what keys belong to */
	uint8_t provider[OBJECT_ID_LEN]; /* this node's */
	struct approve approve;
	struct buf blob, ptb;
	struct seal_object object; /* in blob */
};

static void opening_fini(struct opening *o)
{
	buf_fini(&o->blob);
	buf_fini(&o->ptb);
}

/* ---- What the chain says -------------------------------------------------------------------- */

static int get_shared(struct sui *sui, const char *what, const uint8_t id[OBJECT_ID_LEN],
		      struct approve_object *ret, struct json **ret_fields, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object object = {};
	int r = sui_get_object(sui, id, &object, err);

	if (r == 0 && object.owner != SUI_SHARED)
		r = err_set(err, -EINVAL, "it is no shared object");
	if (r < 0)
		return err_wrap(err, "%s", what);
	memcpy(ret->id, id, OBJECT_ID_LEN);
	ret->initial_version = object.initial_version;
	if (ret_fields)
		*ret_fields = take_ptr(object.json);
	return 0;
}

static int check_work(const struct opening *o, struct err *err)
{
	char have[BLOBNAME_MAX], want[BLOBNAME_MAX], sri[SRI_TEXT_MAX];

	if (memcmp(o->work.provider, o->provider, OBJECT_ID_LEN) != 0)
		return err_set(err, -EINVAL, "the lease is another provider's than chain.provider");
	if (!o->work.seal_id_len)
		return err_set(err, -EINVAL,
			       "the lease names no seal id: what it runs is not encrypted; leave "
			       "--unseal out");
	if (memcmp(o->work.blob_id, o->u->blob_id, BLOBID_LEN) != 0)
		return err_set(err, -EINVAL, "the lease names the blob %s, not %s",
			       blobname_format(o->work.blob_id, want),
			       blobname_format(o->u->blob_id, have));
	if (o->work.has_sri && o->u->sri && !sri_has(o->u->sri, o->work.sri))
		return err_set(err, -EINVAL, "the lease names the integrity %s, not the one given",
			       sri_format(o->work.sri, sri));
	return 0;
}

static int read_lease(struct opening *o, struct err *err)
{
	cleanup(sui_free) struct sui *sui = NULL;
	cleanup(json_free) struct json *fields = NULL;
	struct site site;
	int r = site_read(o->u->cfg, &site, err);

	if (r == 0)
		r = site_connect(o->u->cfg, &site, READ_MS, READ_MS, &sui, err);
	if (r == 0)
		r = get_shared(sui, "lease", o->u->lease, &o->approve.lease, &fields, err);
	if (r == 0)
		r = settle_read_work(fields, &o->work, err);
	if (r == 0)
		r = check_work(o, err);
	if (r == 0)
		r = get_shared(sui, "the lease's market", o->work.market, &o->approve.market, NULL,
			       err);
	if (r == 0)
		r = get_shared(sui, "the lease's provider", o->work.provider, &o->approve.provider,
			       NULL, err);
	return r;
}

/* ---- What is encrypted ---------------------------------------------------------------------- */

static int read_blob(struct opening *o, struct err *err)
{
	struct sri sri = { .len = 1 };
	cleanup(close_fd) int fd = -1;
	struct blob blob;
	int r = store_find(o->u->store, o->u->blob_id, sri.digest[0], err);

	if (r == 0)
		r = store_get(o->u->store, &sri, &blob, &fd, err);
	if (r < 0)
		return r;
	r = file_take(fd, &o->blob);
	if (r == -E2BIG)
		return err_set(err, r, "it has more than %zu bytes, which is what is opened",
			       o->blob.limit);
	return r < 0 ? err_errno(err, r, "reading it") : 0;
}

static int check_object(const struct opening *o, struct err *err)
{
	char have[2 * SEAL_OBJECT_ID_LEN + 1];

	if (memcmp(o->object.package, o->first_package, OBJECT_ID_LEN) != 0) {
		format_hex(o->object.package, SEAL_OBJECT_ID_LEN, have);
		return err_set(err, -EINVAL,
			       "it is encrypted under the package 0x%s, not seal.package", have);
	}
	if (o->object.id_len != o->work.seal_id_len ||
	    memcmp(o->object.id, o->work.seal_id, o->work.seal_id_len) != 0)
		return err_set(err, -EINVAL,
			       "it is encrypted for another seal id than the lease names");
	return 0;
}

static int read_object(struct opening *o, struct err *err)
{
	char name[BLOBNAME_MAX];
	int r = read_blob(o, err);

	if (r == 0)
		r = seal_object_decode(o->blob.data ? o->blob.data : "", o->blob.len,
				       (uint32_t)o->blob.len, &o->object, err);
	if (r == 0)
		r = check_object(o, err);
	return r < 0 ? err_wrap(err, "%s", blobname_format(o->u->blob_id, name)) : 0;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static int make_question(struct opening *o, struct err *err)
{
	int r;

	o->approve.package = o->package;
	o->approve.coin = o->u->cfg->chain.coin;
	o->approve.id = o->work.seal_id;
	o->approve.id_len = o->work.seal_id_len;
	r = approve_encode(&o->approve, &o->ptb);
	return r < 0 ? err_errno(err, r, "asking for the key (chain.coin)") : 0;
}

static int ask_servers(struct opening *o, const struct key *user, struct unseal_result *ret,
		       struct err *err)
{
	cleanup(key_free) struct key *session_key = NULL;
	struct seal_session session = {
		.user = user,
		.created_ms = clock_wall_ms() - SESSION_BACK_MS,
		.ttl_min = SESSION_MIN,
	};
	uint8_t address[OBJECT_ID_LEN];
	const struct seal_ask ask = {
		.pins = &ret->pins,
		.object = &o->object,
		.session = &session,
		.user = address,
		.ptb = (const uint8_t *)o->ptb.data + 1,
		.ptb_len = o->ptb.len - 1,
		.total_ms = o->u->total_ms < ASK_MS ? o->u->total_ms : ASK_MS,
	};

	if (key_new(&session_key) < 0)
		return err_errno(err, -ENOMEM, "a session key");
	session.key = session_key;
	memcpy(session.package, o->first_package, OBJECT_ID_LEN);
	address_of_key(key_public(user), address);
	return seal_ask(&ask, &ret->answers, err);
}

/* The key of the content from the servers' keys. */
static int join_keys(const struct opening *o, const struct seal_answers *answers,
		     uint8_t ret_key[SEAL_KEY_LEN], struct err *err)
{
	cleanup(seal_opened_wipe) struct seal_opened opened = {};
	struct seal_user_key keys[SEAL_PINS_MAX];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < answers->n; i++)
		if (answers->v[i].gave)
			keys[n++] = answers->v[i].key;
	r = seal_open_key(&o->object, keys, n, &opened, err);
	if (r == 0)
		memcpy(ret_key, opened.content_key, SEAL_KEY_LEN);
	wipe(keys, sizeof(keys));
	return r;
}

/* ---- The package ---------------------------------------------------------------------------- */

static int keep(const struct opening *o, const struct buf *package, struct unseal_result *ret,
		struct err *err)
{
	cleanup(incoming_free) struct incoming *in = NULL;
	struct sri lease = { .len = 1 };
	const struct store_name name = {
		.sri = o->work.has_sri ? &lease : o->u->sri,
		.opens = o->u->blob_id,
	};
	uint8_t digest[SHA512_LEN];
	int r;

	memcpy(lease.digest[0], o->work.sri, SHA512_LEN);
	r = store_incoming(o->u->store, &in, err);
	if (r < 0)
		return r;
	r = file_put(incoming_fd(in), package->data, package->len);
	if (r < 0)
		return err_errno(err, r, "writing the package");
	r = store_keep(in, &name, digest, err);
	if (r < 0)
		return r;
	memcpy(ret->digest, digest, sizeof(ret->digest));
	ret->bytes = package->len;
	return 0;
}

static int open_content(const struct opening *o, struct unseal_result *ret, struct err *err)
{
	cleanup(buf_fini) struct buf package = BUF_INIT(SEAL_CONTENT_MAX);
	uint8_t key[SEAL_KEY_LEN] = {};
	int r = join_keys(o, &ret->answers, key, err);

	if (r == 0)
		r = seal_open(&o->object, key, &package, err);
	wipe(key, sizeof(key));
	if (r == 0)
		r = keep(o, &package, ret, err);
	if (package.data)
		wipe(package.data, package.cap);
	return r;
}

static int read_config(struct opening *o, struct key **ret_user, struct seal_pins *ret_pins,
		       struct err *err)
{
	const struct config *cfg = o->u->cfg;
	int r;

	if (cfg->chain.kind != CONFIG_CHAIN_SUI)
		return err_set(err, -EINVAL,
			       "chain.kind: is local; what a lease may decrypt, the chain says: "
			       "set sui");
	r = config_key_servers(cfg, ret_pins, err);
	if (r == 0 && (address_parse(cfg->chain.package, o->package) < 0 ||
		       address_parse(cfg->seal.package, o->first_package) < 0 ||
		       address_parse(cfg->chain.provider, o->provider) < 0))
		r = err_set(err, -EINVAL, "chain.package, chain.provider, seal.package: no ids");
	if (r == 0 && key_load(cfg->chain.key_file, ret_user, err) < 0)
		r = err_wrap(err, "chain.keyFile");
	return r;
}

int unseal(const struct unseal *u, struct unseal_result *ret, struct err *err)
{
	uint64_t most = u->cfg->walrus.max_blob_bytes;
	cleanup(opening_fini) struct opening o = {
		.u = u,
		.blob = BUF_INIT(most < SEAL_CONTENT_MAX ? most :
							   SEAL_CONTENT_MAX + SEAL_OVERHEAD_MAX),
		.ptb = BUF_INIT(SEAL_PTB_MAX),
	};
	cleanup(key_free) struct key *user = NULL;
	int r;

	*ret = (struct unseal_result){};
	r = read_config(&o, &user, &ret->pins, err);
	if (r == 0)
		r = read_lease(&o, err);
	if (r == 0)
		r = read_object(&o, err);
	if (r == 0)
		r = make_question(&o, err);
	if (r < 0)
		return r;
	ret->threshold = o.object.threshold;
	ret->shares = o.object.n_services;
	r = ask_servers(&o, user, ret, err);
	if (r == 0)
		r = open_content(&o, ret, err);
	for (size_t i = 0; i < ret->answers.n; i++)
		seal_user_key_wipe(&ret->answers.v[i].key);
	return r;
}
