/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The co-signature file: what a tenant hands back to its provider for one receipt. One line of JSON,
 * bytes in lower-case hex:
 *
 *	{"version":"weir-cosign-v1","report":"<144 bytes>","key":"<tenant's>","signature":"<64>"}
 *
 * It proves that the holder of the key accepts all that the report claims. Whose key it is, and that
 * the report is one of ours, is for the caller to check.
 */
#pragma once

#include <stddef.h>

#include "chain/report.h"

#define COSIGN_VERSION "weir-cosign-v1"
#define COSIGN_LEN_MAX 1024 /* bytes of a file */

struct buf;

struct cosign {
	uint8_t report[REPORT_LEN];
	uint8_t key[PUBKEY_LEN];
	uint8_t sig[SIG_LEN];
	struct report fields; /* of the report */
};

/* Signs the report. -EBADMSG unless it is one. */
int cosign_make(const uint8_t report[REPORT_LEN], const struct key *key, struct cosign *ret,
		struct err *err);
int cosign_render(const struct cosign *c, struct buf *out);
/* Checks the signature too: -EBADMSG says what is wrong. */
int cosign_parse(const char *text, size_t len, struct cosign *ret, struct err *err);
