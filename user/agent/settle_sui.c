/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of a settle over the network. */
#include <errno.h>
#include <string.h>

#include "agent/settle.h"
#include "agent/settle_lease.h"
#include "agent/settle_said.h"
#include "core/cleanup.h"
#include "core/json.h"

static int get_epoch(void *arg, struct sui_epoch *ret, struct err *err)
{
	return sui_get_epoch(arg, ret, err);
}

static int get_lease(void *arg, const uint8_t id[OBJECT_ID_LEN], struct settle_lease *ret,
		     struct err *err)
{
	cleanup(sui_object_fini) struct sui_object object = {};
	struct err why = {};
	struct settle_view view;
	char text[ADDRESS_SIZE];
	uint8_t hash[HASH_LEN];
	uint64_t seq;
	int r = sui_get_object(arg, id, &object, err);

	if (r < 0)
		return r;
	if (object.owner != SUI_SHARED || settle_read_lease(object.json, &view, &why) < 0 ||
	    settle_last_report(object.json, &seq, hash, &why) < 0) {
		address_format(id, text);
		return err_set(err, -ENOENT, "Sui: object %s is no lease%s%s", text,
			       why.code ? ": " : "", why.text);
	}
	view.lease.chain.version = object.ref.version;
	view.lease.chain.checkpoint = object.checkpoint;
	*ret = (struct settle_lease){ .initial_version = object.initial_version,
				      .lease = view.lease,
				      .has_tenant_key = view.has_tenant_key };
	memcpy(ret->tenant_key, view.tenant_key, PUBKEY_LEN);
	memcpy(ret->hash, hash, sizeof(ret->hash));
	return 0;
}

static int simulate(void *arg, const void *tx, size_t len, struct sui_effects *ret,
		    struct json **ret_outputs, struct err *err)
{
	return sui_simulate(arg, tx, len, ret, ret_outputs, err);
}

static int execute(void *arg, const void *tx, size_t len, const uint8_t sig[SUI_SIG_LEN],
		   struct sui_effects *ret, struct err *err)
{
	uint8_t sigs[1][SUI_SIG_LEN];

	memcpy(sigs[0], sig, SUI_SIG_LEN);
	return sui_execute(arg, tx, len, (const uint8_t(*)[SUI_SIG_LEN])sigs, 1, ret, err);
}

static int find(void *arg, const uint8_t digest[HASH_LEN], struct sui_effects *ret,
		uint64_t *ret_epoch, struct err *err)
{
	return sui_get_transaction(arg, digest, ret, ret_epoch, err);
}

const struct settle_chain settle_sui = {
	.epoch = get_epoch,
	.lease = get_lease,
	.simulate = simulate,
	.execute = execute,
	.find = find,
};
