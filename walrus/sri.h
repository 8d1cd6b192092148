/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subresource integrity: the text that pins the content of an npm tarball, as npm writes it into
 * lock files and as a lease carries it: "sha512-BASE64", several alternatives split by blanks.
 *
 * - The strongest algorithm of the list counts; sha512 is the only one strong enough to be used.
 *   Beside it sha384, sha256 and sha1 are read over; a list of only those is refused (-ENOTSUP).
 * - Several sha512 are alternatives: content that has any one of them matches.
 * - Anything else (an unknown algorithm, base64 that is not canonical, a digest of the wrong length,
 *   options behind '?') is -EINVAL; more than SRI_TEXT_LIMIT bytes or SRI_MAX alternatives -E2BIG.
 *
 * Source: W3C Subresource Integrity section 3.5, npm's ssri.
 */
#pragma once

#include "core/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SRI_MAX 8
#define SRI_TEXT_LIMIT 1024
#define SRI_TEXT_MAX (sizeof("sha512-") - 1 + BASE64_LEN(SHA512_LEN)) /* one digest, with its NUL */

struct err;

struct sri {
	uint8_t digest[SRI_MAX][SHA512_LEN];
	size_t len; /* 1 to SRI_MAX; 0 is not a valid list and matches nothing */
};

int sri_parse(const char *text, struct sri *ret, struct err *err);
bool sri_has(const struct sri *sri, const uint8_t digest[SHA512_LEN]);
/* The one text of a digest: "sha512-...". Returns ret. */
char *sri_format(const uint8_t digest[SHA512_LEN], char ret[SRI_TEXT_MAX]);
