/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/walrus_unseal.h"

#include <errno.h>
#include <string.h>

#include "chain/address.h"
#include "cli/node.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"

int unsealing_lease(struct cli *cli, const char *text, uint8_t ret[SEAL_OBJECT_ID_LEN],
		    struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	struct ledger_lease lease;
	int rc;

	if (address_parse(text, ret) == 0)
		return 0;
	rc = node_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = ledger_lease_get(ledger, text, &lease, err);
	if (rc == -ENOENT)
		return err_set(err, rc, "no lease '%.80s' here, nor is it the id of one on chain",
			       text);
	if (rc == 0)
		memcpy(ret, lease.id, SEAL_OBJECT_ID_LEN);
	return rc;
}

/* The package that an earlier call opened, if it is what is asked for. */
static bool find_opened(const struct unseal *u, struct pull_result *ret)
{
	cleanup(close_fd) int fd = -1;
	struct sri sri = { .len = 1 };
	struct blob blob = {};

	if (store_find_opened(u->store, u->blob_id, sri.digest[0], NULL) < 0 ||
	    (u->sri && !sri_has(u->sri, sri.digest[0])) ||
	    store_get(u->store, &sri, &blob, &fd, NULL) < 0)
		return false;
	memcpy(ret->digest, blob.digest, sizeof(ret->digest));
	ret->bytes = blob.size;
	return true;
}

static struct json *tell_server(const struct seal_asked *a)
{
	struct json *o = json_new_object();

	json_set_str(o, "url", a->pin->url);
	json_set_u64(o, "shares", a->shares);
	json_set_bool(o, "gave", a->gave);
	json_set_u64(o, "failed", a->failed);
	json_set_u64(o, "wrong", a->wrong);
	json_set_bool(o, "left", a->left);
	json_set_str(o, "why", a->why[0] ? a->why : NULL);
	return o;
}

static struct json *tell(const struct unseal_result *r)
{
	struct json *o = json_new_object(), *list = json_new_array();

	json_set_u64(o, "threshold", r->threshold);
	json_set_u64(o, "shares", r->shares);
	for (size_t i = 0; i < r->answers.n; i++)
		if (r->answers.v[i].shares)
			json_add(list, tell_server(&r->answers.v[i]));
	json_set(o, "servers", list);
	return o;
}

int unsealing(const struct unseal *u, struct pull_result *result, struct json **ret_told,
	      struct err *err)
{
	struct unseal_result opened;
	int rc;

	if (find_opened(u, result))
		return 0;
	rc = unseal(u, &opened, err);
	if (rc < 0)
		return rc;
	memcpy(result->digest, opened.digest, sizeof(result->digest));
	result->bytes = opened.bytes;
	*ret_told = tell(&opened);
	return *ret_told ? 0 : -ENOMEM;
}
