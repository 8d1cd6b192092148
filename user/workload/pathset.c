/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/pathset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#define HASH_FUNCTION HASH_FNV /* the default one falls through its switch unannotated */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->lost = true)
#include <uthash.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/utf8.h"
#include "workload/unpack.h"

struct pathset_entry {
	UT_hash_handle hh;
	struct pathset_path name;
	bool lost;
	char key[]; /* the folded path and its NUL, then the path and its NUL */
};

struct pathset_range {
	uint32_t first, last;
};

/* Characters a name may not have, beside ASCII control and backslash. */
static const struct pathset_range refused[] = {
	{ 0x80, 0x9f }, /* C1 control */
	{ 0xad, 0xad }, /* soft hyphen */
	{ 0x300, 0x36f }, /* combining marks: decomposed Latin, Greek, Cyrillic */
	{ 0x1100, 0x11ff }, /* conjoining Hangul */
	{ 0x1ab0, 0x1aff },   { 0x1dc0, 0x1dff },
	{ 0x200b, 0x200f }, /* zero width, direction */
	{ 0x2028, 0x202e },   { 0x2060, 0x206f },
	{ 0x20d0, 0x20ff },   { 0x3099, 0x309a }, /* voiced marks of Kana */
	{ 0xfe00, 0xfe0f }, /* variation selectors */
	{ 0xfe20, 0xfe2f },   { 0xfeff, 0xfeff },
	{ 0xe0000, 0xe0fff }, /* tags, more variation selectors */
};

static size_t utf8_put(uint32_t c, char *ret)
{
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		ret[i] = (char)(0x80 | (c & 0x3f));
	ret[0] = (char)((0xf00u >> len & 0xf0) | c);
	return len;
}

static bool is_refused(uint32_t c)
{
	if (c < 0x20 || c == 0x7f || c == '\\')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		if (c >= refused[i].first && c <= refused[i].last)
			return true;
	}
	return false;
}

static int check_characters(const struct pathset *n, const char *path, struct err *err)
{
	uint32_t c = 0;

	for (const char *at = path; *at;) {
		size_t len = utf8_next(at, &c);

		if (len == 0)
			return err_set(err, -EPERM, "the name is not UTF-8");
		if (is_refused(c))
			return err_set(err, -EPERM,
				       "the name has the character U+%04X; control, invisible and "
				       "combining characters and backslashes are refused (write "
				       "accents in composed form, NFC)",
				       c);
		if (c >= 0x80 && !n->utf8)
			return err_set(err, -ENOTSUP,
				       "the name is not ASCII, and this machine has no C.UTF-8 "
				       "locale to compare it; install libc-bin");
		at += len;
	}
	return 0;
}

static int check_component(const struct pathset *n, const char *at, size_t len, struct err *err)
{
	if (len == 0)
		return err_set(err, -EPERM, "the name has an empty component");
	if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
		return err_set(err, -EPERM, "the name has the component '%.*s'", (int)len, at);
	if (len > n->limits->name_bytes)
		return err_set(err, -E2BIG, "a component is longer than %u bytes",
			       n->limits->name_bytes);
	return 0;
}

int pathset_check(const struct pathset *n, const char *path, struct err *err)
{
	uint32_t depth = 0;

	if (path[0] == '/')
		return err_set(err, -EPERM, "the name is absolute");
	if (strlen(path) > n->limits->path_bytes)
		return err_set(err, -E2BIG, "the name is longer than %u bytes",
			       n->limits->path_bytes);
	for (const char *at = path;; at++) {
		size_t len = strcspn(at, "/");
		int r = check_component(n, at, len, err);

		if (r < 0)
			return r;
		if (++depth > n->limits->depth)
			return err_set(err, -E2BIG, "it lies deeper than %u folders",
				       n->limits->depth);
		at += len;
		if (!*at)
			break;
	}
	return check_characters(n, path, err);
}

/* Upper and then lower: folds the letters that have two lower-case forms too (long s, final sigma).
 * A character may grow by a byte or two, so ret has four for each of path. */
static size_t fold(const struct pathset *n, const char *path, char *ret)
{
	size_t len = 0;
	uint32_t c = 0;

	for (size_t step = 0; *path; path += step) {
		step = utf8_next(path, &c);
		if (step == 0)
			break;
		if (c < 0x80)
			c = c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
		else
			c = (uint32_t)towlower_l(towupper_l((wint_t)c, n->utf8), n->utf8);
		len += utf8_put(c, ret + len);
	}
	ret[len] = '\0';
	return len;
}

void pathset_init(struct pathset *n, const struct unpack_limits *limits)
{
	*n = (struct pathset){ .limits = limits };
	n->last = &n->first;
	n->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

void pathset_fini(struct pathset *n)
{
	struct pathset_entry *e, *next;

	HASH_ITER(hh, n->by_key, e, next) {
		HASH_DEL(n->by_key, e);
		free(e);
	}
	if (n->utf8)
		freelocale(n->utf8);
	n->utf8 = (locale_t)0;
}

static int meet(const struct pathset_entry *there, const char *path, bool is_dir, struct err *err)
{
	if (strcmp(there->name.path, path) != 0)
		return err_set(err, -EPERM, "the name differs from '%s' only by case",
			       there->name.path);
	if (is_dir && there->name.is_dir)
		return 0;
	return err_set(err, -EPERM, "the name is there already");
}

int pathset_add(struct pathset *n, const char *path, bool is_dir, struct err *err)
{
	size_t path_size = strlen(path) + 1;
	struct pathset_entry *there = NULL;
	cleanup(free_ptr) struct pathset_entry *e = calloc(1, sizeof(*e) + 5 * path_size);

	if (!e)
		return err_errno(err, -ENOMEM, "remembering names");
	size_t key_len = fold(n, path, e->key);

	HASH_FIND(hh, n->by_key, e->key, key_len, there);
	if (there)
		return meet(there, path, is_dir, err);
	if (n->len == n->limits->entries)
		return err_set(err, -E2BIG, "there are more than %u entries", n->limits->entries);
	memcpy(e->key + key_len + 1, path, path_size);
	e->name = (struct pathset_path){ .is_dir = is_dir, .path = e->key + key_len + 1 };
	HASH_ADD(hh, n->by_key, key, key_len, e);
	if (e->lost)
		return err_errno(err, -ENOMEM, "remembering names");
	*n->last = &e->name;
	n->last = &e->name.next;
	n->len++;
	take_ptr(e);
	return 1;
}
