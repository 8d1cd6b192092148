/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/parse, core/addr, time, base64 and amounts of money: what one of them reads is written and read back the same.
 */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "chain/amount.h"
#include "core/addr.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/crypto.h"
#include "core/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_numbers(const char *text)
{
	char out[U128_TEXT_MAX];
	unsigned __int128 v, back;
	uint64_t small, size, ms;

	if (parse_u128(text, &v) == 0) {
		assert(parse_u128(format_u128(v, out), &back) == 0 && back == v);
		assert(!strcmp(text + strspn(text, "0"), out + strspn(out, "0")));
		assert((parse_u64(text, 0, UINT64_MAX, &small) == 0) == (v <= UINT64_MAX));
		assert(v > UINT64_MAX || (small == v && parse_size(text, &size) == 0 && size == v));
		assert(parse_duration_ms(text, &ms) < 0); /* a bare number is no duration */
	} else {
		assert(parse_u64(text, 0, UINT64_MAX, &small) < 0);
	}
}

static void check_addresses(const char *text)
{
	char out[CIDR_TEXT_MAX];
	struct cidr c, cidr_back;
	struct addr a, back;

	if (addr_parse(text, &a) == 0) {
		assert(strlen(addr_format(&a, out)) < ADDR_TEXT_MAX);
		assert(addr_parse(out, &back) == 0 && addr_eq(&a, &back));
		assert(addr_is_v4(&a) == !strchr(out, ':'));
	}
	if (cidr_parse(text, &c) == 0) {
		assert(cidr_parse(cidr_format(&c, out), &cidr_back) == 0);
		assert(addr_eq(&c.addr, &cidr_back.addr) && c.bits == cidr_back.bits);
		assert(cidr_has(&c, &c.addr) || (c.bits < 96 && addr_is_v4(&c.addr)));
	}
}

static void check_time(const char *text)
{
	char out[TIME_TEXT_MAX];
	uint64_t ms, back;

	if (time_parse(text, &ms) == 0) {
		assert(ms <= TIME_MAX_MS);
		assert(time_parse(time_format(ms, out), &back) == 0 && back == ms);
	}
}

static void check_amount(const char *text)
{
	uint64_t mist, back;
	char out[AMOUNT_SIZE];

	if (amount_parse(text, &mist, NULL) == 0)
		assert(amount_parse(amount_format(mist, out), &back, NULL) == 0 && back == mist);
}

static void check_base64(const char *text)
{
	size_t room = strlen(text), len;
	cleanup(free_ptr) uint8_t *bytes = malloc(room + 1);
	cleanup(free_ptr) char *back = NULL;

	if (base64_decode(text, bytes, room, &len) < 0)
		return;
	back = malloc(BASE64_LEN(len));
	base64_encode(bytes, len, back);
	assert(!strcmp(back, text)); /* one value has one text */
}

static void check_hex(const char *text)
{
	size_t len = strlen(text) / 2;
	cleanup(free_ptr) uint8_t *bytes = malloc(len + 1);
	cleanup(free_ptr) char *back = malloc(2 * len + 1);

	if (parse_hex(text, bytes, len) < 0)
		return;
	format_hex(bytes, len, back);
	assert(!strcmp(back, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(free_ptr) char *text = malloc(size + 1);

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	check_numbers(text);
	check_addresses(text);
	check_time(text);
	check_amount(text);
	check_base64(text);
	check_hex(text);
	return 0;
}
