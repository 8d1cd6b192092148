/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/bundled.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

#define MANIFEST_MAX (1u << 20)
#define MANIFEST "package.json"
#define MODULES "node_modules/"

/* The paths that are packed, sorted. */
struct packed_files {
	const char **at;
	size_t len;
};

static void packed_fini(struct packed_files *l)
{
	free(l->at);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has(const struct packed_files *l, const char *path)
{
	return bsearch(&path, l->at, l->len, sizeof(l->at[0]), by_text);
}

/* "node_modules/a/node_modules/@b/c/package.json": the length of the package's folder with its slash;
 * 0 when path is no package's manifest. The package itself is "package.json". */
static bool is_package(const char *path, size_t *ret_folder)
{
	const char *at = path;

	while (strncmp(at, MODULES, strlen(MODULES)) == 0) {
		at += strlen(MODULES);
		if (*at == '@')
			at += strcspn(at, "/") + (at[strcspn(at, "/")] == '/');
		at += strcspn(at, "/");
		if (*at == '/')
			at++;
	}
	*ret_folder = (size_t)(at - path);
	return strcmp(at, MANIFEST) == 0;
}

/* Looks where node would: in the folder's node_modules, then in those around it. */
static bool is_found(const struct packed_files *l, const char *folder, size_t len, const char *name)
{
	for (;;) {
		char path[PATH_MAX];

		if (path_format(path, sizeof(path), "%.*s" MODULES "%s/" MANIFEST, (int)len, folder,
				name) == 0 &&
		    has(l, path))
			return true;
		if (len == 0)
			return false;
		/* one node_modules up */
		size_t up = 0;

		for (size_t i = 0; i + strlen(MODULES) <= len; i++)
			if (strncmp(folder + i, MODULES, strlen(MODULES)) == 0)
				up = i;
		len = up;
	}
}

static int check_one(const struct packed_files *l, const char *src, const char *path, size_t folder,
		     struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(MANIFEST_MAX);
	cleanup(json_free) struct json *manifest = NULL;
	char full[PATH_MAX];
	int r = path_format(full, sizeof(full), "%s/%s", src, path);

	if (r < 0)
		return err_errno(err, r, "%.200s", path);
	r = file_read(full, &text, err);
	if (r == 0)
		r = json_parse(text.data ? text.data : "", text.len, MANIFEST_MAX, path, &manifest,
			       err);
	if (r < 0)
		return r;
	json_foreach(d, json_get(manifest, "dependencies")) {
		const char *name = json_key(d);

		if (json_get(json_get(manifest, "optionalDependencies"), name) ||
		    is_found(l, path, folder, name))
			continue;
		return err_set(
			err, -EINVAL,
			"'%.100s', which %.200s depends on, is not packed with it; install it "
			"(npm ci) and set \"bundleDependencies\": true in package.json",
			name, path);
	}
	return 0;
}

static int read_listing(const struct json *files, struct packed_files *ret)
{
	ret->at = calloc(json_len(files) + 1, sizeof(ret->at[0]));
	if (!ret->at)
		return -ENOMEM;
	json_foreach(f, files) {
		const char *path = json_str(f, "path", NULL);

		if (!path)
			return -EBADMSG;
		ret->at[ret->len++] = path;
	}
	qsort(ret->at, ret->len, sizeof(ret->at[0]), by_text);
	return 0;
}

int bundled_check(const char *src, const struct json *files, uint64_t *ret, struct err *err)
{
	cleanup(packed_fini) struct packed_files l = {};
	uint64_t n = 0;
	int r = read_listing(files, &l);

	if (r < 0)
		return err_errno(err, r, "what npm packed");
	if (!has(&l, MANIFEST))
		return err_set(err, -EINVAL, "npm packed no package.json");
	for (size_t i = 0; i < l.len; i++) {
		size_t folder;

		if (!is_package(l.at[i], &folder))
			continue;
		r = check_one(&l, src, l.at[i], folder, err);
		if (r < 0)
			return r;
		n += folder > 0;
	}
	*ret = n;
	return 0;
}
