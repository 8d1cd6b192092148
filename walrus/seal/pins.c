/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/pins.h"

#include <errno.h>
#include <string.h>

#include "core/crypto.h"
#include "core/err.h"
#include "core/parse.h"

#define FIELDS 4

struct field {
	const char *at;
	size_t len;
};

/* The number of fields, over FIELDS when there are more. */
static size_t split(const char *text, struct field ret[FIELDS])
{
	size_t n = 0;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		if (n == FIELDS)
			return FIELDS + 1;
		ret[n++] = (struct field){ text, strcspn(text, " ") };
		text += ret[n - 1].len;
	}
	return n;
}

/* As a text of its own; -EINVAL when it does not fit. */
static int copy_field(const struct field *f, char *ret, size_t size)
{
	if (f->len >= size)
		return -EINVAL;
	memcpy(ret, f->at, f->len);
	ret[f->len] = '\0';
	return 0;
}

static int read_id(const struct field *f, uint8_t ret[SEAL_OBJECT_ID_LEN], struct err *err)
{
	char text[2 + 2 * SEAL_OBJECT_ID_LEN + 1];

	if (copy_field(f, text, sizeof(text)) < 0 || strncmp(text, "0x", 2) != 0 ||
	    parse_hex(text + 2, ret, SEAL_OBJECT_ID_LEN) < 0)
		return err_set(err, -EINVAL,
			       "\"%.*s\" is no id of a key server; want 0x and 64 hex digits",
			       f->len < 80 ? (int)f->len : 80, f->at);
	return 0;
}

static int read_url(const struct field *f, char ret[SEAL_URL_MAX], struct err *err)
{
	size_t scheme;

	if (copy_field(f, ret, SEAL_URL_MAX) < 0)
		return err_set(err, -EINVAL, "the URL has more than %d characters",
			       SEAL_URL_MAX - 1);
	scheme = strncmp(ret, "https://", 8) == 0 ? 8 : 7;
	if ((scheme == 7 && strncmp(ret, "http://", 7) != 0) || strcspn(ret + scheme, "/?#") == 0 ||
	    strpbrk(ret, "?#"))
		return err_set(err, -EINVAL, "\"%.80s\" is not a URL such as https://host:port",
			       ret);
	for (size_t len = strlen(ret); ret[len - 1] == '/'; len--)
		ret[len - 1] = '\0';
	return 0;
}

static int read_key(const struct field *f, uint8_t ret[BLS_G2_LEN], struct err *err)
{
	char text[2 * BLS_G2_LEN + 1];
	size_t len = 0;
	int rc = copy_field(f, text, sizeof(text));

	if (rc == 0 && f->len == (size_t)2 * BLS_G2_LEN)
		rc = parse_hex(text, ret, BLS_G2_LEN);
	else if (rc == 0)
		rc = base64_decode(text, ret, BLS_G2_LEN, &len) < 0 || len != BLS_G2_LEN ? -EINVAL :
											   0;
	if (rc < 0)
		return err_set(err, rc, "its public key is not %d bytes in hex or base64",
			       BLS_G2_LEN);
	if (bls_g2_check(ret) < 0)
		return err_set(err, -EINVAL, "its public key is no point of the curve (G2)");
	return 0;
}

static int read_shares(const struct field *f, uint8_t *ret, struct err *err)
{
	uint32_t shares = 0;
	char text[16];

	if (copy_field(f, text, sizeof(text)) < 0 ||
	    parse_u32(text, 1, SEAL_SHARES_MAX, &shares) < 0)
		return err_set(err, -EINVAL,
			       "\"%.*s\" is no number of shares; use 1 to %d, or leave it out",
			       f->len < 16 ? (int)f->len : 16, f->at, SEAL_SHARES_MAX);
	*ret = (uint8_t)shares;
	return 0;
}

int seal_pin_parse(const char *text, struct seal_pin *ret, struct err *err)
{
	struct seal_pin pin = { .shares = 1 };
	struct field fields[FIELDS] = {};
	size_t n = split(text, fields);
	int rc;

	if (n < 3 || n > FIELDS)
		return err_set(err, -EINVAL,
			       "want \"OBJECT-ID URL PUBLIC-KEY\", and the number of shares behind "
			       "it if it is not 1");
	rc = read_id(&fields[0], pin.server.id, err);
	if (rc == 0)
		rc = read_url(&fields[1], pin.url, err);
	if (rc == 0)
		rc = read_key(&fields[2], pin.server.public_key, err);
	if (rc == 0 && n == FIELDS)
		rc = read_shares(&fields[3], &pin.shares, err);
	if (rc == 0)
		*ret = pin;
	return rc;
}

int seal_pin_check(const char *text, struct err *err)
{
	struct seal_pin pin;

	return seal_pin_parse(text, &pin, err);
}

int seal_pins_read(const char *const *texts, size_t n, struct seal_pins *ret, struct err *err)
{
	struct seal_pins pins = {};

	if (n > SEAL_PINS_MAX)
		return err_set(err, -E2BIG, "%zu key servers; %d are the limit", n, SEAL_PINS_MAX);
	for (size_t i = 0; i < n; i++) {
		int rc = seal_pin_parse(texts[i], &pins.v[i], err);

		if (rc == 0 && seal_pins_find(&pins, pins.v[i].server.id))
			rc = err_set(err, -EINVAL,
				     "this key server is there already; give it more shares");
		if (rc < 0)
			return err_wrap(err, "item %zu", i + 1);
		pins.shares += pins.v[i].shares;
		pins.n++;
	}
	if (pins.shares > SEAL_SHARES_MAX)
		return err_set(err, -E2BIG, "%u shares; %d are the limit", pins.shares,
			       SEAL_SHARES_MAX);
	*ret = pins;
	return 0;
}

const struct seal_pin *seal_pins_find(const struct seal_pins *p,
				      const uint8_t server[SEAL_OBJECT_ID_LEN])
{
	for (size_t i = 0; i < p->n; i++)
		if (memcmp(p->v[i].server.id, server, SEAL_OBJECT_ID_LEN) == 0)
			return &p->v[i];
	return NULL;
}
