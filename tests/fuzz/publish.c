/* SPDX-License-Identifier: Apache-2.0 */
/* What a publisher answers: accepted only with the blob id that was asked for and an end. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/err.h"
#include "walrus/publish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct blobid blob = { .size = 3 };
	struct publish_result result = { .cost = 77 };
	struct err err = {};
	int r = publish_answer((const char *)data, size, &blob, &result, &err);

	if (r < 0 && (err.code != r || !err.text[0] || result.cost != 77))
		__builtin_trap();
	if (r == 0 && !result.was_stored && result.end_epoch <= result.start_epoch)
		__builtin_trap();
	if (r == 0 && !memchr(result.object, '\0', sizeof(result.object)))
		__builtin_trap();
	return 0;
}
