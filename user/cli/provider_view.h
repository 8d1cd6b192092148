/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider on chain as people look at it. Pure: from the fields of the objects as GraphQL shows them
 * (u64 as text, bytes in base64, ids as 0x and 64 digits; chain/move, provider.move and market.move).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;
struct json;

/* What commands decide by. */
struct provider_state {
	uint64_t stake, min_stake;
	char owner[80];
};

/* -EBADMSG names what is missing. */
int provider_read(const struct json *provider, const struct json *market,
		  struct provider_state *ret, struct err *err);
/* What reports are signed with now: 32 bytes. */
int provider_current_key(const struct json *provider, uint8_t *ret, struct err *err);
/* own_key: this node's report key, or NULL; now_ms tells what is over. */
int provider_view(const struct json *provider, const struct json *market, const uint8_t *own_key,
		  uint64_t now_ms, struct json **ret, struct err *err);
