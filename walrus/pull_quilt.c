/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/pull.h"

#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "walrus/quilt.h"

static int find_patch(const struct quilt *q, const struct pull_file *file,
		      const struct quilt_patch **ret, struct err *err)
{
	return file->name ? quilt_by_name(q, file->name, ret, err) :
			    quilt_by_start(q, file->start, file->end, ret, err);
}

static int cut_out(struct store *s, int quilt_fd, const struct pull_file *file,
		   struct pull_result *result, struct err *err)
{
	const struct store_name name = { .sri = file->sri };
	cleanup(quilt_free) struct quilt *q = NULL;
	cleanup(incoming_free) struct incoming *incoming = NULL;
	const struct quilt_patch *patch = NULL;
	int r = quilt_read(quilt_fd, file->shards, &q, err);

	if (r == 0)
		r = find_patch(q, file, &patch, err);
	if (r == 0)
		r = store_incoming(s, &incoming, err);
	if (r == 0)
		r = quilt_extract(q, patch, file->max_bytes, incoming_fd(incoming), &result->bytes,
				  err);
	return r < 0 ? r : store_keep(incoming, &name, result->digest, err);
}

int pull_file(struct store *s, const struct pull_file *file, struct pull_result *ret,
	      struct err *err)
{
	struct sri sri = { .len = 1 };
	struct pull_result result = *ret;
	cleanup(close_fd) int fd = -1;
	struct blob quilt;

	memcpy(sri.digest[0], ret->digest, sizeof(sri.digest[0]));
	int r = store_get(s, &sri, &quilt, &fd, err);

	if (r == 0)
		r = cut_out(s, fd, file, &result, err);
	if (r == 0)
		*ret = result;
	return r;
}
