/* SPDX-License-Identifier: Apache-2.0 */
/* A quilt of the smallest committee: 2 rows, 3 columns. What is accepted lies within it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "walrus/quilt.h"

#define SHARDS 4
#define SYMBOLS 6 /* 2 x 3 */
#define EXTRACT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct quilt *q, size_t size)
{
	cleanup(close_fd) int out = memfd_create("file", MFD_CLOEXEC);

	for (size_t i = 0; i < q->len; i++) {
		const struct quilt_patch *p = &q->patches[i], *found = NULL;
		uint64_t len = 0;

		if (p->start >= p->end || p->end > q->shape.columns ||
		    quilt_by_name(q, p->name, &found, NULL) < 0 || found != p)
			__builtin_trap();
		if (quilt_extract(q, p, EXTRACT_MAX, out, &len, NULL) == 0 && len > size)
			__builtin_trap();
	}
}

/* The columns one behind the other, as they read; so that lengths and texts are whole in the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t symbol = size / SYMBOLS / 2 * 2;
	cleanup(close_fd) int fd = memfd_create("quilt", MFD_CLOEXEC);
	cleanup(quilt_free) struct quilt *q = NULL;
	struct err err = {};
	int r;

	if (symbol == 0 || symbol > 65534)
		return 0;
	for (size_t i = 0; i < SYMBOLS; i++) {
		size_t column = i / 2, row = i % 2;

		if (pwrite(fd, data + i * symbol, symbol, (off_t)((row * 3 + column) * symbol)) < 0)
			return 0;
	}
	r = quilt_read(fd, SHARDS, &q, &err);
	if (r < 0 && (q || err.code != r || !err.text[0]))
		__builtin_trap();
	if (r == 0)
		check(q, size);
	return 0;
}
