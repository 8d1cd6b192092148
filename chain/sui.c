/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked: queries, and what their replies say. */
#include "chain/sui.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain/sui_int.h"
#include "core/cleanup.h"
#include "core/err.h"

static struct json *variables_of(const char *key, const uint8_t id[OBJECT_ID_LEN])
{
	struct json *v = json_new_object();
	char text[ADDRESS_SIZE];

	address_format(id, text);
	json_set_str(v, key, text);
	return v;
}

int sui_get_epoch(struct sui *s, struct sui_epoch *ret, struct err *err)
{
	static const char query[] = "query{chainIdentifier epoch{epochId referenceGasPrice "
				    "protocolConfigs{protocolVersion}} checkpoint{sequenceNumber}}";
	cleanup(json_free) struct json *data = NULL;
	int rc = sui_ask(s, query, NULL, "epoch", false, &data, err);

	return rc < 0 ? rc : sui_reply_epoch(data, ret, err);
}

int sui_get_balance(struct sui *s, const uint8_t owner[OBJECT_ID_LEN], const char *type,
		    struct sui_balance *ret, struct err *err)
{
	static const char query[] =
		"query($a:SuiAddress!,$t:String!){chainIdentifier address(address:$a){"
		"balance(coinType:$t){totalBalance coinBalance addressBalance}}}";
	cleanup(json_free) struct json *variables = variables_of("a", owner);
	cleanup(json_free) struct json *data = NULL;
	int rc;

	json_set_str(variables, "t", type);
	rc = sui_ask(s, query, variables, "address.balance", false, &data, err);
	return rc < 0 ? rc : sui_reply_balance(json_path(data, "address.balance"), ret, err);
}

void sui_object_fini(struct sui_object *o)
{
	json_free(&o->json);
}

int sui_get_object(struct sui *s, const uint8_t id[OBJECT_ID_LEN], struct sui_object *ret,
		   struct err *err)
{
	static const char query[] =
		"query($id:SuiAddress!){chainIdentifier checkpoint{sequenceNumber} "
		"object(address:$id){address version digest "
		"owner{__typename ... on Shared{initialSharedVersion} "
		"... on ConsensusAddressOwner{startVersion} "
		"... on AddressOwner{address{address}}} asMoveObject{contents{json}}}}";
	cleanup(json_free) struct json *variables = variables_of("id", id);
	cleanup(json_free) struct json *data = NULL;
	struct sui_object object = {};
	char text[ADDRESS_SIZE];
	int rc = sui_ask(s, query, variables, "object", false, &data, err);

	if (rc < 0)
		return rc;
	address_format(id, text);
	if (json_type(json_get(data, "object")) == JSON_NULL)
		return err_set(err, -ENOENT, "Sui: there is no object %s", text);
	rc = sui_reply_object(json_get(data, "object"), &object, err);
	if (rc == 0 && memcmp(object.ref.id, id, OBJECT_ID_LEN) != 0) {
		sui_object_fini(&object);
		rc = err_set(err, -EBADMSG, "Sui: another object than %s", text);
	}
	if (rc < 0)
		return rc;
	json_u64(json_get(data, "checkpoint"), "sequenceNumber", &object.checkpoint);
	*ret = object;
	return 0;
}

/*
 * Every node of a list that comes in pages: `path` names the connection in the data, the query has
 * the variable c for the cursor.
 */
static int each_page(struct sui *s, const char *query, struct json *variables, const char *path,
		     int (*fn)(void *arg, const struct json *node), void *arg,
		     char cursor[SUI_CURSOR_SIZE], struct err *err)
{
	for (int page = 0; page < SUI_PAGES_MAX; page++) {
		cleanup(json_free) struct json *data = NULL;
		int rc;

		json_set_str(variables, "c", cursor[0] ? cursor : NULL);
		rc = sui_ask(s, query, variables, path, false, &data, err);
		json_foreach(node, json_get(json_path(data, path), "nodes"))
			if (rc == 0)
				rc = fn(arg, node);
		if (rc == 0)
			rc = sui_reply_page(json_path(data, path), cursor, err);
		else
			return rc;
		if (rc <= 0)
			return rc;
	}
	return 1;
}

struct coin_sink {
	int (*fn)(void *arg, const struct object_ref *ref, uint64_t balance);
	void *arg;
	struct err *err;
};

static int take_coin(void *arg, const struct json *node)
{
	struct coin_sink *sink = arg;
	struct object_ref ref;
	uint64_t balance;
	int rc = sui_reply_coin(node, &ref, &balance, sink->err);

	return rc < 0 ? rc : sink->fn(sink->arg, &ref, balance);
}

int sui_list_coins(struct sui *s, const uint8_t owner[OBJECT_ID_LEN], const char *type,
		   int (*fn)(void *arg, const struct object_ref *ref, uint64_t balance), void *arg,
		   struct err *err)
{
	static const char query[] =
		"query($a:SuiAddress!,$t:String!,$c:String){chainIdentifier address(address:$a){"
		"objects(first:50,after:$c,filter:{type:$t}){pageInfo{hasNextPage endCursor} "
		"nodes{address version digest contents{json}}}}}";
	cleanup(json_free) struct json *variables = variables_of("a", owner);
	char cursor[SUI_CURSOR_SIZE] = "", name[512];
	struct coin_sink sink = { fn, arg, err };
	int n = snprintf(name, sizeof(name), "0x2::coin::Coin<%s>", type), rc;

	if (n < 0 || (size_t)n >= sizeof(name))
		return err_set(err, -E2BIG, "Sui: the coin type is too long");
	json_set_str(variables, "t", name);
	rc = each_page(s, query, variables, "address.objects", take_coin, &sink, cursor, err);
	if (rc == 1)
		rc = err_set(err, -E2BIG, "Sui: a list of more than %d pages", SUI_PAGES_MAX);
	return rc;
}

struct event_sink {
	int (*fn)(void *arg, const char *digest, const struct json *fields);
	void *arg;
	struct err *err;
};

static int take_event(void *arg, const struct json *node)
{
	struct event_sink *sink = arg;
	const char *digest = json_str(json_get(node, "transaction"), "digest", NULL);
	const struct json *fields = json_path(node, "contents.json");

	if (!digest || json_type(fields) != JSON_OBJECT)
		return err_set(sink->err, -EBADMSG, "Sui: a reply without an event's fields");
	return sink->fn(sink->arg, digest, fields);
}

int sui_list_events(struct sui *s, const char *type, const char *cursor,
		    int (*fn)(void *arg, const char *digest, const struct json *fields), void *arg,
		    char ret_cursor[SUI_CURSOR_SIZE], struct err *err)
{
	static const char query[] =
		"query($t:String!,$c:String){chainIdentifier events(first:50,after:$c,"
		"filter:{type:$t}){pageInfo{hasNextPage endCursor} "
		"nodes{transaction{digest} contents{json}}}}";
	cleanup(json_free) struct json *variables = json_new_object();
	char at[SUI_CURSOR_SIZE] = "";
	struct event_sink sink = { fn, arg, err };
	int rc;

	if (cursor && strlen(cursor) >= sizeof(at))
		return err_set(err, -E2BIG, "Sui: the cursor is too long");
	if (cursor)
		memcpy(at, cursor, strlen(cursor) + 1);
	json_set_str(variables, "t", type);
	rc = each_page(s, query, variables, "events", take_event, &sink, at, err);
	if (rc >= 0 && at[0])
		memcpy(ret_cursor, at, sizeof(at));
	return rc < 0 ? rc : 0;
}
