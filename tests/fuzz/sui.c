/* SPDX-License-Identifier: Apache-2.0 */
/* A server's reply, as each question reads it: an answer whole, or an error with a text. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/offers.h"
#include "agent/settle_lease.h"
#include "chain/lease_follow.h"
#include "chain/sui_int.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_nodes(const struct json *list)
{
	char cursor[SUI_CURSOR_SIZE] = "";

	json_foreach(node, json_get(list, "nodes")) {
		struct object_ref ref;
		uint64_t balance;

		sui_reply_coin(node, &ref, &balance, NULL);
	}
	if (sui_reply_page(list, cursor, NULL) == 1)
		assert(cursor[0]);
}

/* What adds up is kept as it was read, and is no news to who knows it. */
static void try_lease(const struct json *fields)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEASE_LEN_MAX);
	struct offer_work work;
	struct settle_view view;
	struct lease *l = &view.lease, kept, next;
	unsigned int news = 0;

	offer_read(json_get(fields, "work"), &work, NULL);
	if (settle_read_lease(fields, &view, NULL) < 0)
		return;
	l->terms.label[0] = 'x';
	l->chain.version = 1;
	if (lease_check(l, NULL) < 0)
		return;
	lease_encode(l, &bytes);
	assert(!buf_error(&bytes) && !lease_decode(bytes.data, bytes.len, &kept, NULL));
	assert(!lease_follow(&kept, l, &next, &news, NULL));
	assert(!(news & ~(unsigned int)(LEASE_NEWS_KEEP | LEASE_NEWS_AGAIN)));
	assert((news != 0) == (l->closing_ms != 0));
	lease_call_due(l, UINT64_MAX);
}

static void try_object(const struct json *node)
{
	cleanup(sui_object_fini) struct sui_object object = {};
	struct err err = {};

	if (sui_reply_object(node, &object, &err) < 0)
		assert(err.code < 0 && err.text[0] && !object.json);
	else
		try_lease(object.json);
}

static void try_data(const struct json *data)
{
	struct sui_effects effects = {};
	struct sui_balance balance;
	struct sui_epoch epoch;
	struct err err = {};
	uint64_t budget;

	sui_reply_epoch(data, &epoch, NULL);
	sui_reply_balance(json_path(data, "address.balance"), &balance, NULL);
	try_object(json_get(data, "object"));
	try_nodes(json_path(data, "address.objects"));
	try_nodes(json_get(data, "events"));
	if (sui_reply_effects(json_path(data, "transaction.effects"), &effects, &err) < 0)
		assert(err.code == -EBADMSG);
	else if (sui_budget(&effects.gas, 1000, &budget) == 0)
		assert(budget >= 1500000);
	assert(effects.ncreated <= SUI_CREATED_MAX);
	for (size_t i = 0; i < effects.ncreated; i++)
		assert(effects.created[i].name[0] &&
		       strnlen(effects.created[i].name, SUI_NAME_SIZE) < SUI_NAME_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(json_free) struct json *reply = NULL;
	struct err err = {};

	if (sui_reply_data((const char *)data, size, "https://fuzz", "object", &reply, &err) < 0) {
		assert(err.code < 0 && err.text[0] && !reply);
		return 0;
	}
	try_data(reply);
	return 0;
}
