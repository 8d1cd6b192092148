/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key servers that a user trusts, each pinned in one text:
 *
 *	0x73d0...db75 https://seal.example b35a...52 2
 *	id of its object on Sui, 64 hex digits | URL | public key | how many shares it holds, 1 unless given
 *
 * The public key is a point of G2, in hex (192 digits) or base64. What a server answers is checked against it, so
 * nothing is asked of the chain, and who stands at the URL can refuse and not deceive. A committee is one server
 * here, at its aggregator's URL.
 *
 * P1. No server is there twice; its weight is its shares. At most SEAL_SHARES_MAX of all together, which is what
 *     others' implementations take.
 */
#pragma once

#include "walrus/seal/seal.h"

#define SEAL_PINS_MAX 32
#define SEAL_SHARES_MAX 254
#define SEAL_URL_MAX 512 /* with its NUL */

struct seal_pin {
	struct seal_server server;
	char url[SEAL_URL_MAX]; /* without a slash at its end */
	uint8_t shares;
};

struct seal_pins {
	struct seal_pin v[SEAL_PINS_MAX];
	size_t n;
	unsigned int shares; /* of all */
};

/* -EINVAL: what is wrong with it. */
int seal_pin_parse(const char *text, struct seal_pin *ret, struct err *err);
/* The same without the result, for a table of options. */
int seal_pin_check(const char *text, struct err *err);
/* -EINVAL, -E2BIG: names the text by its number, from 1. */
int seal_pins_read(const char *const *texts, size_t n, struct seal_pins *ret, struct err *err);
/* NULL: not pinned. */
const struct seal_pin *seal_pins_find(const struct seal_pins *p,
				      const uint8_t server[SEAL_OBJECT_ID_LEN]);
