/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where on Sui the configuration says that we are (chain.network, package, market, provider), and the
 * way there (chain.graphql, caFile). Of the agent, and of the commands that deal with the chain
 * themselves. Errors name the key.
 */
#pragma once

#include <stdint.h>

#include "chain/address.h"

struct config;
struct err;
struct sui;

struct site {
	uint8_t genesis[HASH_LEN]; /* which chain */
	uint8_t package[OBJECT_ID_LEN], market[OBJECT_ID_LEN];
	uint8_t provider[OBJECT_ID_LEN]; /* zeros: none yet */
};

/* -EINVAL; also where chain.kind is not sui. */
int site_read(const struct config *cfg, struct site *ret, struct err *err);
/* An id that somebody wrote; `what` is the key or flag it is from. */
int site_id(const char *what, const char *text, uint8_t ret[OBJECT_ID_LEN], struct err *err);
/* Connects to nothing yet. Waits as in struct sui_config; sui_free(). */
int site_connect(const struct config *cfg, const struct site *site, uint32_t read_ms,
		 uint32_t write_ms, struct sui **ret, struct err *err);
