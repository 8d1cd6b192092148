/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pick.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/near.h"

void names_add(struct names *names, const char *name)
{
	assert(names->n < PICK_MAX);
	names->at[names->n++] = name;
}

static void list(struct buf *out, const char *name)
{
	buf_printf(out, "%s%s", out->len ? ", " : "", name);
}

/* The names at the smallest distance, or all when the word is like none of them. */
static void list_nearest(const struct names *names, const char *word, struct buf *out)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < names->n; i++)
		if (near_distance(word, names->at[i]) < best)
			best = near_distance(word, names->at[i]);
	for (size_t i = 0; i < names->n; i++)
		if (best > 1 + strlen(word) / 3 || near_distance(word, names->at[i]) == best)
			list(out, names->at[i]);
}

int pick(const struct names *names, const char *kind, const char *word, size_t *ret,
	 struct err *err)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(2048);
	size_t len = strlen(word), found = 0, at = 0;

	for (size_t i = 0; i < names->n; i++) {
		if (strncmp(names->at[i], word, len) != 0 || len == 0)
			continue;
		if (names->at[i][len] == '\0') {
			*ret = i;
			return 0;
		}
		list(&out, names->at[i]);
		at = i;
		found++;
	}
	if (found == 1) {
		*ret = at;
		return 0;
	}
	if (found > 1)
		return err_set(err, -EEXIST, "'%.40s' is ambiguous: %s", word, out.data);
	if (names->n == 0)
		return err_set(err, -ENOENT, "'%.40s' is not %s; there is none here", word, kind);
	list_nearest(names, word, &out);
	return err_set(err, -ENOENT, "'%.40s' is not %s; try %s", word, kind,
		       out.data ? out.data : "help");
}
