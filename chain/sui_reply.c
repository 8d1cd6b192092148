/* SPDX-License-Identifier: Apache-2.0 */
/* What replies say. No I/O: a fuzzer holds it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain/sui_int.h"
#include "core/cleanup.h"
#include "core/err.h"

static int malformed(const char *what, struct err *err)
{
	return err_set(err, -EBADMSG, "Sui: a reply without %s", what);
}

/* What the first of the reply's errors is, by its class. */
static int error_of(const struct json *errors, const char *url, struct err *err)
{
	static const struct {
		const char *name;
		int code;
	} classes[] = {
		{ "BAD_USER_INPUT", -EINVAL },
		{ "GRAPHQL_PARSE_FAILED", -EPROTO },
		{ "GRAPHQL_VALIDATION_FAILED", -EPROTO },
		{ "FEATURE_UNAVAILABLE", -EPROTO },
		{ "REQUEST_TIMEOUT", -ETIMEDOUT },
		{ "RESOURCE_EXHAUSTED", -EAGAIN },
	};
	const struct json *first = json_first(errors);
	const char *name = json_str(json_get(first, "extensions"), "code", "");
	const char *cause = json_text(json_first(json_path(first, "extensions.chain")), NULL);
	int code = -EIO;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (strcmp(classes[i].name, name) == 0)
			code = classes[i].code;
	return err_set(err, code, "%s: %s%s%s", url, json_str(first, "message", "an error"),
		       cause ? ": " : "", cause ? cause : "");
}

int sui_reply_data(const char *text, size_t len, const char *url, const char *wanted,
		   struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *root = NULL;
	const struct json *data, *errors;
	int rc = json_parse(text, len, SUI_REPLY_MAX, url, &root, err);

	if (rc < 0)
		return rc;
	data = json_get(root, "data");
	errors = json_get(root, "errors");
	/* what was asked for may be there although something beside it failed */
	if (json_type(json_path(data, wanted)) == JSON_NULL && json_len(errors))
		return error_of(errors, url, err);
	if (json_type(data) != JSON_OBJECT)
		return err_set(err, -EBADMSG, "%s: a reply without data", url);
	*ret = json_dup(data);
	return *ret ? 0 : err_errno(err, -ENOMEM, "%s", url);
}

int sui_reply_epoch(const struct json *data, struct sui_epoch *ret, struct err *err)
{
	const struct json *epoch = json_get(data, "epoch");
	struct sui_epoch e = {};

	if (!json_get(data, "chainIdentifier") || json_u64(epoch, "epochId", &e.epoch) < 0 ||
	    json_u64(epoch, "referenceGasPrice", &e.gas_price) < 0 ||
	    json_u64(json_get(epoch, "protocolConfigs"), "protocolVersion", &e.protocol) < 0 ||
	    json_u64(json_get(data, "checkpoint"), "sequenceNumber", &e.checkpoint) < 0)
		return malformed("its epoch", err);
	*ret = e;
	return 0;
}

int sui_reply_balance(const struct json *balance, struct sui_balance *ret, struct err *err)
{
	struct sui_balance b = {};

	if (json_type(balance) != JSON_NULL &&
	    (json_u64(balance, "totalBalance", &b.total) < 0 ||
	     json_u64(balance, "coinBalance", &b.coins) < 0 ||
	     json_u64(balance, "addressBalance", &b.address) < 0))
		return malformed("its balances", err);
	*ret = b;
	return 0;
}

static int read_ref(const struct json *node, struct object_ref *ret)
{
	return address_parse(json_str(node, "address", ""), ret->id) < 0 ||
			       json_u64(node, "version", &ret->version) < 0 ||
			       digest_parse(json_str(node, "digest", ""), ret->digest) < 0 ?
		       -EBADMSG :
		       0;
}

static int read_owner(const struct json *owner, struct sui_object *ret)
{
	const char *name = json_str(owner, "__typename", "");

	ret->owner = SUI_OTHER;
	if (strcmp(name, "Shared") == 0) {
		ret->owner = SUI_SHARED;
		return json_u64(owner, "initialSharedVersion", &ret->initial_version);
	}
	if (strcmp(name, "ConsensusAddressOwner") == 0) {
		/* an object of one owner, but used like a shared one */
		ret->owner = SUI_SHARED;
		return json_u64(owner, "startVersion", &ret->initial_version);
	}
	if (strcmp(name, "AddressOwner") != 0)
		return 0;
	ret->owner = SUI_OWNED;
	return address_parse(json_str(json_get(owner, "address"), "address", ""), ret->address);
}

int sui_reply_object(const struct json *node, struct sui_object *ret, struct err *err)
{
	const struct json *fields = json_path(node, "asMoveObject.contents.json");
	struct sui_object object = {};

	if (read_ref(node, &object.ref) < 0 || read_owner(json_get(node, "owner"), &object) < 0)
		return malformed("an object", err);
	object.json = json_type(fields) == JSON_NULL ? NULL : json_dup(fields);
	*ret = object;
	return 0;
}

int sui_reply_coin(const struct json *node, struct object_ref *ret, uint64_t *ret_balance,
		   struct err *err)
{
	struct object_ref ref;

	if (read_ref(node, &ref) < 0 ||
	    json_u64(json_path(node, "contents.json"), "balance", ret_balance) < 0)
		return malformed("a coin", err);
	*ret = ref;
	return 0;
}

int sui_reply_page(const struct json *list, char cursor[SUI_CURSOR_SIZE], struct err *err)
{
	const struct json *info = json_get(list, "pageInfo");
	const char *next = json_str(info, "endCursor", "");
	bool more = json_bool(info, "hasNextPage", false);

	if (strlen(next) >= SUI_CURSOR_SIZE)
		return malformed("a cursor that fits", err);
	if (more && (!next[0] || strcmp(next, cursor) == 0))
		return malformed("a page behind this one", err);
	if (next[0])
		memcpy(cursor, next, strlen(next) + 1);
	return more;
}

static int read_gas(const struct json *summary, struct sui_gas *ret)
{
	return json_u64(summary, "computationCost", &ret->computation) < 0 ||
			       json_u64(summary, "storageCost", &ret->storage) < 0 ||
			       json_u64(summary, "storageRebate", &ret->rebate) < 0 ||
			       json_u64(summary, "nonRefundableStorageFee", &ret->kept) < 0 ?
		       -EBADMSG :
		       0;
}

/* "lease::try_submit: EOpen", or the message where the module has no words. */
static void read_error(const struct json *error, struct sui_effects *ret)
{
	const char *function = json_str(json_get(error, "function"), "name", "");
	const char *identifier = json_str(error, "identifier", NULL);
	const char *constant = json_str(error, "constant", NULL);

	snprintf(ret->abort_code, sizeof(ret->abort_code), "%s", json_str(error, "abortCode", ""));
	if (!identifier) {
		snprintf(ret->error, sizeof(ret->error), "%s",
			 json_str(error, "message", "it failed, and the server does not say why"));
		return;
	}
	snprintf(ret->error, sizeof(ret->error), "%s::%s: %s%s%s",
		 json_str(json_get(error, "module"), "name", "?"), function, identifier,
		 constant ? ": " : "", constant ? constant : "");
}

/* The part between the package and the type arguments. */
static int read_name(const char *type, char ret[SUI_NAME_SIZE])
{
	const char *name = strstr(type, "::");
	size_t len = name ? strcspn(name + 2, "<") : 0;

	if (!len || len >= SUI_NAME_SIZE)
		return -EBADMSG;
	memcpy(ret, name + 2, len);
	ret[len] = '\0';
	return 0;
}

/* An object whose type has no such name is none of ours, and left out. */
static int read_created(const struct json *changes, struct sui_effects *ret)
{
	json_foreach(change, json_get(changes, "nodes")) {
		const struct json *type =
			json_path(change, "outputState.asMoveObject.contents.type");
		struct sui_created *c = &ret->created[ret->ncreated];

		if (!json_bool(change, "idCreated", false) || ret->ncreated == SUI_CREATED_MAX ||
		    read_name(json_str(type, "repr", ""), c->name) < 0)
			continue;
		if (address_parse(json_str(change, "address", ""), c->id) < 0)
			return -EBADMSG;
		ret->ncreated++;
	}
	return 0;
}

int sui_reply_effects(const struct json *effects, struct sui_effects *ret, struct err *err)
{
	const char *status = json_str(effects, "status", "");
	struct sui_effects e = { .success = strcmp(status, "SUCCESS") == 0 };

	if ((!e.success && strcmp(status, "FAILURE") != 0) ||
	    read_gas(json_path(effects, "gasEffects.gasSummary"), &e.gas) < 0 ||
	    read_created(json_get(effects, "objectChanges"), &e) < 0)
		return err_set(err, -EBADMSG, "Sui: a reply without a transaction's effects");
	if (!e.success)
		read_error(json_get(effects, "executionError"), &e);
	json_u64(json_get(effects, "checkpoint"), "sequenceNumber", &e.checkpoint);
	*ret = e;
	return 0;
}
