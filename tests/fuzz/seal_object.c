/* SPDX-License-Identifier: Apache-2.0 */
/* An encrypted object: what is accepted keeps O1 and has this one encoding. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "walrus/seal/object.h"

#define BLOB_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct seal_object *o, const uint8_t *data, size_t size)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(1u << 20);
	bool seen[SEAL_SERVICES_MAX + 1] = { [0] = true };

	if (!o->threshold || o->threshold > o->n_services || o->blob_len > BLOB_MAX)
		__builtin_trap();
	for (size_t i = 0; i < o->n_services; i++) {
		if (seen[o->services[i].index])
			__builtin_trap();
		seen[o->services[i].index] = true;
	}
	seal_object_encode(o, &again);
	if (buf_error(&again) || again.len != size || memcmp(again.data, data, size) != 0)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seal_object o;
	struct err err = {};
	int r = seal_object_decode(data, size, BLOB_MAX, &o, &err);

	if (r < 0 && (err.code != r || !err.text[0]))
		__builtin_trap();
	if (r == 0)
		check(&o, data, size);
	return 0;
}
