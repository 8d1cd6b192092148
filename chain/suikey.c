/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/suikey.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "core/err.h"

#define PREFIX "suiprivkey"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define PAYLOAD_LEN (1 + KEY_SEED_LEN)
#define CHECKSUM_LEN 6
#define WORDS ((PAYLOAD_LEN * 8 + 4) / 5) /* of five bits, the last one filled up with zeros */
static_assert(PREFIX_LEN + 1 + WORDS + CHECKSUM_LEN + 1 == SUIKEY_SIZE, "prefix, '1', words");

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* All that must not stay in memory. */
struct suikey_secret {
	char text[SUIKEY_SIZE]; /* in lower case */
	uint8_t words[WORDS + CHECKSUM_LEN];
	uint8_t payload[PAYLOAD_LEN];
};

static void suikey_fini(struct suikey_secret *s)
{
	wipe(s, sizeof(*s));
}

static uint32_t polymod_step(uint32_t sum, uint8_t word)
{
	static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
					      0x2a1462b3 };
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ word;
	for (unsigned int i = 0; i < ARRAY_LEN(generator); i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

/* BIP-173's checksum over prefix and words: 1 when the last six are right. */
static uint32_t polymod(const uint8_t *words, size_t n)
{
	uint32_t sum = 1;

	for (size_t i = 0; i < PREFIX_LEN; i++)
		sum = polymod_step(sum, (uint8_t)PREFIX[i] >> 5);
	sum = polymod_step(sum, 0);
	for (size_t i = 0; i < PREFIX_LEN; i++)
		sum = polymod_step(sum, PREFIX[i] & 31);
	for (size_t i = 0; i < n; i++)
		sum = polymod_step(sum, words[i]);
	return sum;
}

/* The text in lower case; -EINVAL for mixed case, another length or another prefix. */
static int lower(const char *text, struct suikey_secret *s, struct err *err)
{
	bool upper = false, small = false;
	size_t n = strlen(text);

	if (n >= sizeof(s->text))
		n = sizeof(s->text) - 1;
	for (size_t i = 0; i <= n; i++) {
		upper |= isupper((unsigned char)text[i]);
		small |= islower((unsigned char)text[i]);
		s->text[i] = (char)tolower((unsigned char)text[i]);
	}
	if (strncmp(s->text, PREFIX "1", PREFIX_LEN + 1) != 0)
		return err_set(err, -EINVAL, "key: does not begin with \"" PREFIX "1\"");
	if (upper && small)
		return err_set(err, -EINVAL, "key: mixes capital and small letters");
	if (text[n] || n != sizeof(s->text) - 1)
		return err_set(err, -EINVAL, "key: %zu characters, want %zu", strlen(text),
			       sizeof(s->text) - 1);
	return 0;
}

static int read_words(struct suikey_secret *s, struct err *err)
{
	const char *at = s->text + PREFIX_LEN + 1;

	for (size_t i = 0; i < sizeof(s->words); i++) {
		const char *found = strchr(alphabet, at[i]);

		if (!found)
			return err_set(err, -EINVAL, "key: character %zu belongs in no bech32 text",
				       PREFIX_LEN + 2 + i);
		s->words[i] = (uint8_t)(found - alphabet);
	}
	if (polymod(s->words, sizeof(s->words)) != 1)
		return err_set(err, -EINVAL, "key: wrong checksum; a character was mistyped");
	return 0;
}

/* Five-bit words to bytes. The bits beyond the last byte are zero, or one key had many texts. */
static int join(struct suikey_secret *s, struct err *err)
{
	uint32_t bits = 0, n = 0;
	size_t len = 0;

	for (size_t i = 0; i < WORDS; i++) {
		bits = (bits << 5 | s->words[i]) & 0xfff;
		n += 5;
		if (n >= 8)
			s->payload[len++] = (uint8_t)(bits >> (n -= 8));
	}
	if (bits & ((1U << n) - 1))
		return err_set(err, -EINVAL, "key: has bits behind its last byte");
	return 0;
}

int suikey_parse(const char *text, struct key **ret, struct err *err)
{
	cleanup(suikey_fini) struct suikey_secret s = {};
	int rc = lower(text, &s, err);

	if (rc == 0)
		rc = read_words(&s, err);
	if (rc == 0)
		rc = join(&s, err);
	if (rc < 0)
		return rc;
	if (s.payload[0] != 0)
		return err_set(err, -ENOTSUP,
			       "key: of signature scheme %u; only Ed25519 (scheme 0) is taken",
			       s.payload[0]);
	rc = key_from_seed(s.payload + 1, ret);
	return rc < 0 ? err_errno(err, rc, "key") : 0;
}

/* What stands in a file; wiped when it leaves its scope. */
struct suikey_file {
	char text[1024];
};

static void suikey_file_fini(struct suikey_file *f)
{
	wipe(f, sizeof(*f));
}

int suikey_load(const char *path, struct key **ret, struct err *err)
{
	cleanup(suikey_file_fini) struct suikey_file file = {};
	int rc = secret_read(path, file.text, sizeof(file.text), err);

	if (rc < 0)
		return rc;
	file.text[strcspn(file.text, "\r\n")] = '\0';
	if (strncasecmp(file.text, PREFIX, PREFIX_LEN) != 0)
		return key_load(path, ret, err);
	rc = suikey_parse(file.text, ret, err);
	return rc < 0 ? err_wrap(err, "%s", path) : 0;
}

void suikey_format(const struct key *k, char ret[SUIKEY_SIZE])
{
	cleanup(suikey_fini) struct suikey_secret s = {};
	uint32_t bits = 0, n = 0, sum;
	size_t at = 0;

	key_seed(k, s.payload + 1);
	for (size_t i = 0; i < PAYLOAD_LEN; i++) {
		bits = (bits << 8 | s.payload[i]) & 0xfff;
		for (n += 8; n >= 5;)
			s.words[at++] = bits >> (n -= 5) & 31;
	}
	s.words[at] = (uint8_t)(bits << (5 - n) & 31);
	sum = polymod(s.words, sizeof(s.words)) ^ 1;
	for (unsigned int i = 0; i < CHECKSUM_LEN; i++)
		s.words[WORDS + i] = sum >> (5 * (CHECKSUM_LEN - 1 - i)) & 31;
	memcpy(ret, PREFIX "1", PREFIX_LEN + 1);
	for (size_t i = 0; i < sizeof(s.words); i++)
		ret[PREFIX_LEN + 1 + i] = alphabet[s.words[i]];
	ret[SUIKEY_SIZE - 1] = '\0';
}
