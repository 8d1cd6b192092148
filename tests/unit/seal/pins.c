/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/pins.h"

#include <errno.h>
#include <string.h>

#include "core/crypto.h"
#include "core/err.h"
#include "core/parse.h"
#include "unit/core/test.h"

#define ID_A "0x73d05d62c18d9374e3ea529e8e0ed6161da1a141a94d3f76ae3fe4e99356db75"
#define ID_B "0xf5d14a81a982144ae441cd7d64b09027f116a468bd36e7eca494f750591623c8"
#define TEXT_MAX 1024

/* The text of a pin with a key of its own; what stands in the place of the key, unless NULL. */
static const char *pin(const char *id, const char *url, const char *key, const char *behind)
{
	static char text[TEXT_MAX];
	uint8_t secret[BLS_SCALAR_LEN], public[BLS_G2_LEN];
	char hex[2 * BLS_G2_LEN + 1];

	bls_scalar_random(secret);
	bls_g2_of(secret, public);
	format_hex(public, sizeof(public), hex);
	snprintf(text, sizeof(text), "%s %s %s%s", id, url, key ? key : hex, behind);
	return text;
}

static void a_pin_is_id_url_key_and_shares(void **state)
{
	uint8_t secret[BLS_SCALAR_LEN], public[BLS_G2_LEN];
	char key[BASE64_LEN(BLS_G2_LEN)], hex[2 * BLS_G2_LEN + 1];
	struct seal_pin p;
	struct err err = {};

	(void)state;
	bls_scalar_random(secret);
	bls_g2_of(secret, public);
	base64_encode(public, sizeof(public), key);
	format_hex(public, sizeof(public), hex);
	for (const char *k = key; k; k = k == key ? hex : NULL) {
		assert_int_equal(
			seal_pin_parse(pin(ID_A, "https://a.example/x//", k, "  3 "), &p, &err), 0);
		assert_memory_equal(p.server.id, "\x73\xd0\x5d\x62", 4);
		assert_string_equal(p.url, "https://a.example/x");
		assert_memory_equal(p.server.public_key, public, sizeof(public));
		assert_int_equal(p.shares, 3);
	}
	assert_int_equal(seal_pin_parse(pin(ID_A, "http://127.0.0.1:9", NULL, ""), &p, &err), 0);
	assert_int_equal(p.shares, 1);
}

static void what_is_none_is_told(void **state)
{
	static char zeros[2 * BLS_G2_LEN + 1];
	static const struct {
		const char *id, *url, *key, *behind, *says;
	} cases[] = {
		{ ID_A, "", "", "", "want \"OBJECT-ID URL PUBLIC-KEY\"" },
		{ ID_A, "http://a", NULL, " 1 2", "want \"OBJECT-ID URL PUBLIC-KEY\"" },
		{ "0x73", "http://a", NULL, "", "\"0x73\" is no id of a key server" },
		{ ID_A "00", "http://a", NULL, "", "is no id of a key server" },
		{ ID_A, "ftp://a", NULL, "", "\"ftp://a\" is not a URL" },
		{ ID_A, "https:///x", NULL, "", "is not a URL" },
		{ ID_A, "https://a?b=c", NULL, "", "is not a URL" },
		{ ID_A, "http://a", "1234", "", "not 96 bytes in hex or base64" },
		{ ID_A, "http://a", zeros, "", "no point of the curve" },
		{ ID_A, "http://a", NULL, " 0", "\"0\" is no number of shares; use 1 to 254" },
		{ ID_A, "http://a", NULL, " 255", "\"255\" is no number of shares" },
		{ ID_A, "http://a", NULL, " x", "\"x\" is no number of shares" },
	};

	(void)state;
	memset(zeros, '0', sizeof(zeros) - 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seal_pin p = { .shares = 77 };
		struct err err = {};
		int rc = seal_pin_parse(
			pin(cases[i].id, cases[i].url, cases[i].key, cases[i].behind), &p, &err);

		assert_int_equal(rc, -EINVAL);
		assert_int_equal(p.shares, 77);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].says, err.text);
	}
}

static void urls_have_a_bound(void **state)
{
	char url[SEAL_URL_MAX + 1] = "http://";
	struct seal_pin p;

	(void)state;
	memset(url + 7, 'a', sizeof(url) - 8);
	assert_int_equal(seal_pin_parse(pin(ID_A, url, NULL, ""), &p, NULL), -EINVAL);
	url[SEAL_URL_MAX - 1] = '\0';
	assert_int_equal(seal_pin_parse(pin(ID_A, url, NULL, ""), &p, NULL), 0);
}

static void a_list_counts_its_shares_and_has_nobody_twice(void **state)
{
	char a[TEXT_MAX], b[TEXT_MAX], many[TEXT_MAX];
	const char *const both[] = { a, b }, *const twice[] = { b, a, b },
			  *const heavy[] = { a, many };
	struct seal_pins pins = { .n = 77 };
	struct err err = {};

	(void)state;
	snprintf(a, sizeof(a), "%s", pin(ID_A, "http://a", NULL, " 2"));
	snprintf(b, sizeof(b), "%s", pin(ID_B, "http://b", NULL, ""));
	snprintf(many, sizeof(many), "%s", pin(ID_B, "http://b", NULL, " 253"));
	assert_int_equal(seal_pins_read(twice, 3, &pins, &err), -EINVAL);
	assert_string_equal(err.text,
			    "item 3: this key server is there already; give it more shares");
	assert_int_equal(seal_pins_read(heavy, 2, &pins, &err), -E2BIG);
	assert_int_equal(pins.n, 77);
	assert_int_equal(seal_pins_read(both, 2, &pins, &err), 0);
	assert_int_equal(pins.n, 2);
	assert_int_equal(pins.shares, 3);
	assert_ptr_equal(seal_pins_find(&pins, pins.v[1].server.id), &pins.v[1]);
	assert_null(seal_pins_find(&pins, (const uint8_t[SEAL_OBJECT_ID_LEN]){ 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pin_is_id_url_key_and_shares),
		TEST(what_is_none_is_told),
		TEST(urls_have_a_bound),
		TEST(a_list_counts_its_shares_and_has_nobody_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
