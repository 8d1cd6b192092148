/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/deed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "chain/amount.h"
#include "chain/suikey.h"
#include "cli/cli.h"
#include "cli/deed_int.h"
#include "cli/members.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

void deed_fini(struct deed *d)
{
	sui_free(&d->sui);
	key_free(&d->key);
}

int deed_look(struct cli *cli, struct deed *ret, struct err *err)
{
	const struct config *cfg;
	int r = cli_config(cli, &cfg, err);

	if (r == 0)
		r = site_read(cfg, &ret->site, err);
	if (r < 0)
		return r;
	ret->gas_max = cfg->chain.gas_budget;
	return site_connect(cfg, &ret->site, 0, 0, &ret->sui, err);
}

int deed_open(struct cli *cli, struct deed *ret, struct err *err)
{
	const char *file = cli_flag(cli, "key");
	int r;

	if (!file)
		return cli_usage(cli, err,
				 "%s %s: --key FILE is missing, the key that signs and "
				 "pays",
				 cli->args.object->name, cli->args.command->name);
	r = path_format(ret->path, sizeof(ret->path), "%s.open", file);
	if (r < 0)
		return err_errno(err, r, "--key");
	r = suikey_load(file, &ret->key, err);
	if (r < 0)
		return r;
	address_of_key(key_public(ret->key), ret->sender);
	return deed_look(cli, ret, err);
}

static int find_shared(struct deed *d, const char *what, const uint8_t id[OBJECT_ID_LEN],
		       uint64_t *ret, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object found = {};
	int r;

	for (size_t i = 0; i < d->nobjects; i++)
		if (memcmp(d->objects[i].id, id, OBJECT_ID_LEN) == 0) {
			*ret = d->objects[i].initial_version;
			return 0;
		}
	r = sui_get_object(d->sui, id, &found, err);
	if (r == 0 && found.owner != SUI_SHARED)
		r = err_set(err, -EINVAL, "it is no shared object");
	if (r < 0)
		return err_wrap(err, "%s", what);
	if (d->nobjects < DEED_OBJECTS_MAX) {
		memcpy(d->objects[d->nobjects].id, id, OBJECT_ID_LEN);
		d->objects[d->nobjects++].initial_version = found.initial_version;
	}
	*ret = found.initial_version;
	return 0;
}

int deed_shared(struct deed *d, struct tx *tx, const char *what, const uint8_t id[OBJECT_ID_LEN],
		bool mutable, struct tx_arg *ret, struct err *err)
{
	uint64_t version = 0;
	int r = find_shared(d, what, id, &version, err);

	if (r == 0)
		*ret = tx_shared(tx, id, version, mutable);
	return r;
}

int deed_market(struct deed *d, struct tx *tx, struct tx_arg *ret, struct err *err)
{
	return deed_shared(d, tx, "chain.market", d->site.market, false, ret, err);
}

/* ---- Sending -------------------------------------------------------------------------------- */

/* The chain has answered: it was executed. */
static int finish(struct deed *d, const struct deed_file *f, const struct sui_effects *effects,
		  bool resumed, struct deed_done *ret, struct err *err)
{
	char digest[DIGEST_SIZE];
	int r = deed_file_remove(d, err);

	if (r < 0)
		return r;
	digest_format(f->digest, digest);
	if (!effects->success)
		return err_set(err, -EREMOTEIO,
			       "transaction %s was executed, changed nothing and cost its gas: %s",
			       digest, effects->error);
	*ret = (struct deed_done){ .effects = *effects, .resumed = resumed };
	memcpy(ret->digest, f->digest, HASH_LEN);
	return 0;
}

/* D1. */
static int stay_open(const struct deed *d, const struct deed_file *f, int code,
		     const struct err *why, struct err *err)
{
	char digest[DIGEST_SIZE];

	digest_format(f->digest, digest);
	return err_set(err, code,
		       "transaction %s may have been taken (%.120s); run the same command again: "
		       "it asks for this one, and sends its bytes (%s) or none",
		       digest, why->text, d->path);
}

/* resumed: it may have been sent before, so that no refusal now says that it was not taken. */
static int send(struct deed *d, const struct deed_file *f, bool resumed, struct deed_done *ret,
		struct err *err)
{
	uint8_t sigs[1][SUI_SIG_LEN];
	struct sui_effects effects = {};
	char digest[DIGEST_SIZE];
	struct err why = {};
	int r;

	digest_format(f->digest, digest);
	cli_note("transaction %s is on its way; %s has it until the chain has answered", digest,
		 d->path);
	memcpy(sigs[0], f->signature, SUI_SIG_LEN);
	r = sui_execute(d->sui, f->tx.data, f->tx.len, (const uint8_t(*)[SUI_SIG_LEN])sigs, 1,
			&effects, &why);
	if (r == 0)
		return finish(d, f, &effects, resumed, ret, err);
	if (resumed || sui_undecided(r))
		return stay_open(d, f, r, &why, err);
	if (deed_file_remove(d, err) < 0)
		return err->code;
	return err_set(err, r, "nothing was done: %s", why.text);
}

/* D2: once more, since a server may lag. */
static int give_up(struct deed *d, const struct deed_file *f, struct deed_done *ret,
		   struct err *err)
{
	struct sui_effects effects = {};
	struct err why = {};
	uint64_t epoch = 0;
	int r = sui_get_transaction(d->sui, f->digest, &effects, &epoch, &why);

	if (r == 0)
		return finish(d, f, &effects, true, ret, err);
	if (r != -ENOENT || epoch <= f->max_epoch)
		return stay_open(d, f, r, &why, err);
	r = deed_file_remove(d, err);
	return r < 0 ? r :
		       err_set(err, -ETIME,
			       "the transaction of before never was executed, and its time is "
			       "over; run the command again to make another");
}

static int resume(struct deed *d, const struct deed_file *f, struct deed_done *ret, struct err *err)
{
	struct sui_effects effects = {};
	struct err why = {};
	uint64_t epoch = 0;
	int r = sui_get_transaction(d->sui, f->digest, &effects, &epoch, &why);

	if (r == 0)
		return finish(d, f, &effects, true, ret, err);
	if (r != -ENOENT)
		return stay_open(d, f, r, &why, err);
	return epoch > f->max_epoch ? give_up(d, f, ret, err) : send(d, f, true, ret, err);
}

bool deed_is_open(const struct deed *d)
{
	return access(d->path, F_OK) == 0;
}

int deed_do(struct deed *d, const struct deed_order *order, struct deed_done *ret, struct err *err)
{
	cleanup(deed_file_fini) struct deed_file f = { .tx = BUF_INIT(TX_LEN_MAX) };
	int r = deed_file_read(d, &f, err);

	if (r == 0 && strcmp(f.what, order->what) != 0)
		return err_set(err, -EBUSY,
			       "%s: another transaction of this key may have been taken; finish it "
			       "first, with this --key: weir %s",
			       d->path, f.what);
	if (r == 0)
		return resume(d, &f, ret, err);
	if (r == -ENOENT)
		r = deed_make(d, order, &f, err);
	if (r == 0)
		r = deed_file_write(d, &f, err);
	return r < 0 ? r : send(d, &f, false, ret, err);
}

/* ---- What is told --------------------------------------------------------------------------- */

struct json *deed_json(const struct deed_done *done)
{
	const struct sui_gas *gas = &done->effects.gas;
	struct json *o = json_new_object();
	char digest[DIGEST_SIZE];

	digest_format(done->digest, digest);
	json_set_str(o, "transaction", digest);
	member_mist(o, "gas", sui_gas_cost(gas));
	json_set_bool(o, "resumed", done->resumed);
	return o;
}

int deed_created(const struct deed_done *done, const char *name, uint8_t ret[OBJECT_ID_LEN],
		 struct err *err)
{
	char digest[DIGEST_SIZE];

	for (size_t i = 0; i < done->effects.ncreated; i++)
		if (strcmp(done->effects.created[i].name, name) == 0) {
			memcpy(ret, done->effects.created[i].id, OBJECT_ID_LEN);
			return 0;
		}
	digest_format(done->digest, digest);
	return err_set(err, -EBADMSG,
		       "transaction %s was executed, but the server does not tell the %s that it "
		       "made; look it up by the digest",
		       digest, name);
}
