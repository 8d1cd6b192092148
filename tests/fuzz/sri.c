/* SPDX-License-Identifier: Apache-2.0 */
/* Integrity text. What is accepted has a digest, and each digest's own text is accepted as the same. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/err.h"
#include "walrus/sri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sri *sri)
{
	if (sri->len == 0 || sri->len > SRI_MAX)
		__builtin_trap();
	for (size_t i = 0; i < sri->len; i++) {
		char text[SRI_TEXT_MAX];
		struct sri one = {};

		if (sri_parse(sri_format(sri->digest[i], text), &one, NULL) < 0 || one.len != 1 ||
		    !sri_has(sri, one.digest[0]) || !sri_has(&one, sri->digest[i]))
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[SRI_TEXT_LIMIT + 2];
	struct sri sri = { .len = 77 };
	struct err err = {};

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	int r = sri_parse(text, &sri, &err);

	if (r == 0)
		check(&sri);
	else if (err.code != r || !err.text[0] || sri.len != 77)
		__builtin_trap();
	return 0;
}
