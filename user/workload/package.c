/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/package.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "workload/beneath.h"

#define MANIFEST_MAX (1u << 20)

/* A word to be shown and logged: printable ASCII without blanks and quotes. */
static bool is_word(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~' || *text == '"' || *text == '\\')
			return false;
	}
	return true;
}

static int get_word(const struct json *manifest, const char *key, char *ret, size_t size,
		    struct err *err)
{
	const char *text = json_str(manifest, key, NULL);

	if (!text || !is_word(text) || strlen(text) >= size)
		return err_set(
			err, -EBADMSG,
			"\"%s\" is missing or not a word of at most %zu printable characters", key,
			size - 1);
	return path_format(ret, size, "%s", text);
}

/* Printable, for it is shown as well. */
static int get_engines(const struct json *manifest, char *ret, size_t size, struct err *err)
{
	const struct json *node = json_get(json_get(manifest, "engines"), "node");
	const char *text = node ? json_text(node, NULL) : "";
	bool ok = text && strlen(text) < size;

	for (const char *at = text; ok && *at; at++)
		ok = *at >= ' ' && *at <= '~';
	if (!ok)
		return err_set(err, -EBADMSG,
			       "\"engines.node\" is no text of at most %zu printable characters",
			       size - 1);
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static bool is_file(int dir_fd, const char *path)
{
	cleanup(close_fd) int fd = open_beneath(dir_fd, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Finds path as node does: itself, with .js, as a folder with index.js. */
static int resolve(int dir_fd, const char *path, char *ret, size_t size)
{
	static const char *const behind[] = { "", ".js", "/index.js" };

	while (path[0] == '.' && path[1] == '/')
		path += 2;
	for (size_t i = 0; i < ARRAY_LEN(behind); i++) {
		char full[PACKAGE_ENTRY_MAX];

		if (path_format(full, sizeof(full), "%s%s", path, behind[i]) < 0)
			return -ENAMETOOLONG;
		if (is_file(dir_fd, full))
			return path_format(ret, size, "%s", full);
	}
	return -ENOENT;
}

static int resolve_named(int dir_fd, const char *key, const char *path, char *ret, size_t size,
			 struct err *err)
{
	if (resolve(dir_fd, path, ret, size) == 0)
		return 0;
	return err_set(err, -ENOENT, "\"%s\" names '%.200s', which is not a file in the package",
		       key, path);
}

static const char *bin_path(const struct json *bin)
{
	if (json_type(bin) == JSON_OBJECT && json_len(bin) == 1)
		bin = json_first(bin);
	return json_text(bin, NULL);
}

static int find_entry(int dir_fd, const struct json *manifest, char *ret, size_t size,
		      struct err *err)
{
	const char *bin = bin_path(json_get(manifest, "bin"));
	const char *main_path = json_str(manifest, "main", NULL);

	if (bin)
		return resolve_named(dir_fd, "bin", bin, ret, size, err);
	if (main_path)
		return resolve_named(dir_fd, "main", main_path, ret, size, err);
	if (resolve(dir_fd, "server.js", ret, size) == 0 ||
	    resolve(dir_fd, "index.js", ret, size) == 0)
		return 0;
	return err_set(err, -ENOENT,
		       "nothing to start: package.json has neither one \"bin\" nor \"main\", and "
		       "there is no server.js or index.js; add \"main\"");
}

static int read_manifest(int dir_fd, const char *dir, struct json **ret, struct err *err)
{
	char path[PATH_MAX];
	cleanup(buf_fini) struct buf text = BUF_INIT(MANIFEST_MAX);
	int r = path_format(path, sizeof(path), "%s/package.json", dir);

	if (r < 0)
		return err_errno(err, r, "%s", dir);
	if (!is_file(dir_fd, "package.json"))
		return err_set(err, -ENOENT,
			       "there is no package.json in its top folder; pack it with "
			       "`npm pack`");
	r = file_read(path, &text, err);
	if (r < 0)
		return r;
	return json_parse(text.data, text.len, MANIFEST_MAX, "package.json", ret, err);
}

static int fill(int dir_fd, const struct json *manifest, struct package *p, struct err *err)
{
	int r;

	if (json_type(manifest) != JSON_OBJECT)
		return err_set(err, -EBADMSG, "it is not a JSON object");
	r = get_word(manifest, "name", p->name, sizeof(p->name), err);
	if (r == 0)
		r = get_word(manifest, "version", p->version, sizeof(p->version), err);
	if (r == 0)
		r = get_engines(manifest, p->engines_node, sizeof(p->engines_node), err);
	if (r < 0)
		return r;
	return find_entry(dir_fd, manifest, p->entry, sizeof(p->entry), err);
}

int package_read(const char *dir, struct package *ret, struct err *err)
{
	cleanup(json_free) struct json *manifest = NULL;
	struct package p = {};
	cleanup(close_fd) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0)
		return err_errno(err, -errno, "opening %s", dir);
	int r = read_manifest(dir_fd, dir, &manifest, err);

	if (r < 0)
		return r;
	r = fill(dir_fd, manifest, &p, err);
	if (r < 0) {
		err_wrap(err, "package.json");
		return r;
	}
	*ret = p;
	return 0;
}
