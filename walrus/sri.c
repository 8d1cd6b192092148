/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/sri.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"

#define BLANKS " \t\r\n\f"
#define TOKEN_MAX SRI_TEXT_MAX

/* Strongest first; only sha512 is accepted. */
static const char *const weaker[] = { "sha384-", "sha256-", "sha1-" };

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_weaker(const char *token)
{
	for (size_t i = 0; i < ARRAY_LEN(weaker); i++) {
		if (starts_with(token, weaker[i]))
			return true;
	}
	return false;
}

static int add_digest(const char *base64, struct sri *sri, struct err *err)
{
	uint8_t digest[SHA512_LEN];
	size_t len = 0;

	if (base64_decode(base64, digest, sizeof(digest), &len) < 0 || len != sizeof(digest))
		return err_set(err, -EINVAL,
			       "integrity 'sha512-%s' is not 64 bytes in canonical base64; copy it "
			       "from `npm pack --json` or a lock file",
			       base64);
	if (sri_has(sri, digest))
		return 0;
	if (sri->len == SRI_MAX)
		return err_set(err, -E2BIG, "integrity names more than %d sha512 alternatives",
			       SRI_MAX);
	memcpy(sri->digest[sri->len++], digest, sizeof(digest));
	return 0;
}

static int add_token(const char *at, size_t len, struct sri *sri, bool *weak, struct err *err)
{
	char token[TOKEN_MAX];

	if (len >= sizeof(token))
		return err_set(err, -EINVAL, "integrity '%.24s...' is longer than a sha512", at);
	memcpy(token, at, len);
	token[len] = '\0';
	if (starts_with(token, "sha512-"))
		return add_digest(token + strlen("sha512-"), sri, err);
	if (!is_weaker(token))
		return err_set(err, -EINVAL,
			       "integrity '%s' is not of the form sha512-BASE64; copy it from "
			       "`npm pack --json` or a lock file",
			       token);
	*weak = true;
	return 0;
}

int sri_parse(const char *text, struct sri *ret, struct err *err)
{
	struct sri sri = {};
	bool weak = false;

	if (strnlen(text, SRI_TEXT_LIMIT + 1) > SRI_TEXT_LIMIT)
		return err_set(err, -E2BIG, "integrity is longer than %d bytes", SRI_TEXT_LIMIT);
	for (const char *at = text + strspn(text, BLANKS); *at; at += strspn(at, BLANKS)) {
		size_t len = strcspn(at, BLANKS);
		int r = add_token(at, len, &sri, &weak, err);

		if (r < 0)
			return r;
		at += len;
	}
	if (sri.len == 0 && weak)
		return err_set(err, -ENOTSUP,
			       "integrity '%s' has no sha512, and nothing weaker is accepted; "
			       "take the sha512 from `npm pack --json`",
			       text);
	if (sri.len == 0)
		return err_set(err, -EINVAL, "integrity is empty; give sha512-BASE64");
	*ret = sri;
	return 0;
}

bool sri_has(const struct sri *sri, const uint8_t digest[SHA512_LEN])
{
	for (size_t i = 0; i < sri->len; i++) {
		if (memcmp(sri->digest[i], digest, SHA512_LEN) == 0)
			return true;
	}
	return false;
}

char *sri_format(const uint8_t digest[SHA512_LEN], char ret[SRI_TEXT_MAX])
{
	static const char prefix[] = "sha512-";

	memcpy(ret, prefix, sizeof(prefix) - 1);
	base64_encode(digest, SHA512_LEN, ret + sizeof(prefix) - 1);
	return ret;
}
