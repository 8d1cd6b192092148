/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "interop/vectors/run.h"

#define SHOWN 60 /* characters of a value that differs */

struct walk {
	char path[256]; /* of the node at hand */
	char *ret;
	size_t size;
};

static void differ(struct walk *w, const char *got, const char *wanted)
{
	snprintf(w->ret, w->size, "%s: got %.*s, want %.*s", w->path[0] ? w->path + 1 : "top",
		 SHOWN, got, SHOWN, wanted);
}

static bool compare(struct walk *w, const struct json *got, const struct json *wanted);

/* Compares a node below, whose name is appended to the path for as long. */
static bool compare_below(struct walk *w, const char *name, const struct json *got,
			  const struct json *wanted)
{
	size_t len = strlen(w->path);
	bool same;

	snprintf(w->path + len, sizeof(w->path) - len, ".%s", name);
	same = compare(w, got, wanted);
	w->path[len] = '\0';
	return same;
}

static bool compare_arrays(struct walk *w, const struct json *got, const struct json *wanted)
{
	const struct json *a = json_first(got), *b = json_first(wanted);
	char name[32], len_got[32], len_wanted[32];

	for (size_t i = 0; a && b; i++, a = json_next(a), b = json_next(b)) {
		snprintf(name, sizeof(name), "%zu", i);
		if (!compare_below(w, name, a, b))
			return false;
	}
	if (!a && !b)
		return true;
	snprintf(len_got, sizeof(len_got), "%zu items", json_len(got));
	snprintf(len_wanted, sizeof(len_wanted), "%zu", json_len(wanted));
	differ(w, len_got, len_wanted);
	return false;
}

static bool compare_objects(struct walk *w, const struct json *got, const struct json *wanted)
{
	json_foreach(b, wanted) {
		const struct json *a = json_get(got, json_key(b));

		if (!a) {
			differ(w, "nothing", json_key(b));
			return false;
		}
		if (!compare_below(w, json_key(b), a, b))
			return false;
	}
	json_foreach(a, got) {
		if (!json_get(wanted, json_key(a))) {
			differ(w, json_key(a), "nothing");
			return false;
		}
	}
	return true;
}

static bool compare(struct walk *w, const struct json *got, const struct json *wanted)
{
	cleanup(buf_fini) struct buf a = BUF_INIT(VECTOR_BYTES_MAX);
	cleanup(buf_fini) struct buf b = BUF_INIT(VECTOR_BYTES_MAX);
	enum json_type type = json_type(got);

	if (type == JSON_ARRAY && json_type(wanted) == type)
		return compare_arrays(w, got, wanted);
	if (type == JSON_OBJECT && json_type(wanted) == type)
		return compare_objects(w, got, wanted);
	if (json_print(got, false, &a) < 0 || json_print(wanted, false, &b) < 0) {
		differ(w, "no memory", "some");
		return false;
	}
	if (strcmp(a.data, b.data) == 0 ||
	    (type == JSON_NUMBER && strcmp(a.data, json_text(wanted, "")) == 0) ||
	    (json_type(wanted) == JSON_NUMBER && strcmp(json_text(got, ""), b.data) == 0))
		return true;
	differ(w, a.data, b.data);
	return false;
}

void json_difference(const struct json *got, const struct json *wanted, char *ret, size_t size)
{
	struct walk w = { .ret = ret, .size = size };

	ret[0] = '\0';
	compare(&w, got, wanted);
}
