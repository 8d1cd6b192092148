/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package that is encrypted on its way to Walrus (walrus/seal): for whoever hosts a live lease of the tenant's
 * that names this seal id. Asks nobody. What is on Walrus is then the encrypted package, and the blob id is of that;
 * leases and 'workload run' name the package itself by its integrity.
 */
#pragma once

#include <stdint.h>

#include "core/crypto.h"
#include "walrus/seal/pins.h"

#define SEALING_ID_MAX 128 /* as a lease on chain can name it */

struct cli;
struct config;
struct err;
struct json;

struct sealing {
	uint8_t id[SEALING_ID_MAX];
	size_t id_len; /* 0: nothing is encrypted */
	uint8_t package[SEAL_OBJECT_ID_LEN];
	uint8_t threshold;
	struct seal_pins pins;
};

/* What --seal and the configuration say. */
int sealing_read(struct cli *cli, const struct config *cfg, struct sealing *ret, struct err *err);
/* Encrypts the file behind fd, of that name, into an unnamed one in memory; the digest is of what was read. */
int sealing_apply(const struct sealing *s, const char *path, uint64_t max_bytes,
		  uint8_t ret_digest[SHA512_LEN], int *ret_fd, struct err *err);
void sealing_describe(const struct sealing *s, struct json *o);
