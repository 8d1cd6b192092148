/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the client of Sui: asking one question of whichever endpoint answers. */
#pragma once

#include "chain/sui.h"
#include "core/json.h"

/*
 * Asks query with variables (borrowed). *ret is the reply's data, in which `wanted` is there, or is
 * null without an error: the server has no such thing. A mutation goes only to endpoints whose
 * chain is known, and asks those first where it is not.
 */
int sui_ask(struct sui *s, const char *query, const struct json *variables, const char *wanted,
	    bool mutation, struct json **ret, struct err *err);

/* Of a whole reply: its data, as sui_ask() says. */
int sui_reply_data(const char *text, size_t len, const char *url, const char *wanted,
		   struct json **ret, struct err *err);
/* Of parts of it. -EBADMSG, and the outputs unchanged, where something is missing. */
int sui_reply_epoch(const struct json *data, struct sui_epoch *ret, struct err *err);
int sui_reply_balance(const struct json *balance, struct sui_balance *ret, struct err *err);
int sui_reply_object(const struct json *node, struct sui_object *ret, struct err *err);
int sui_reply_coin(const struct json *node, struct object_ref *ret, uint64_t *ret_balance,
		   struct err *err);
int sui_reply_effects(const struct json *effects, struct sui_effects *ret, struct err *err);
/* 1: another page follows, behind the cursor; 0: none does. */
int sui_reply_page(const struct json *list, char cursor[SUI_CURSOR_SIZE], struct err *err);
