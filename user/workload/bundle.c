/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/bundle.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/child.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "workload/init_image.h"

#define CONFIG_MAX (1u << 20)

static const struct {
	const char *name;
	mode_t mode;
} own_dirs[] = {
	{ "app", 0755 },  { "dev", 0755 },  { "etc", 0755 },
	{ "proc", 0755 }, { "tmp", 01777 }, /* runc gives a tmpfs the mode of its mount point, not the one of mode= */
	{ "usr", 0755 },
};
static const char *const own_env[] = { "PORT", "HOST", "NODE_ENV", "HOME", "TMPDIR", "PATH" };

static const struct {
	const char *path, *text;
} etc_files[] = {
	{ "etc/passwd", "root:x:0:0::/:/usr/sbin/nologin\n"
			"nobody:x:65534:65534::/tmp:/usr/sbin/nologin\n" },
	{ "etc/group", "root:x:0:\nnogroup:x:65534:\n" },
	{ "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n" },
};

int bundle_find_node(char *ret, size_t size, struct err *err)
{
	char found[PATH_MAX];
	int r = program_find("node", found, sizeof(found));

	if (r < 0)
		return err_set(err, r, "node is not installed; install the package nodejs");
	cleanup(free_ptr) char *real = realpath(found, NULL);

	if (!real)
		return err_errno(err, -errno, "reading %s", found);
	if (strncmp(real, "/usr/", 5) != 0)
		return err_set(err, -ENOENT,
			       "node is %s, outside /usr, where a container can't see it; install "
			       "the package nodejs",
			       real);
	r = path_format(ret, size, "%s", real);
	return r < 0 ? err_errno(err, r, "%s", real) : 0;
}

static bool is_own(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(own_env); i++) {
		if (strlen(own_env[i]) == len && strncmp(own_env[i], name, len) == 0)
			return true;
	}
	return false;
}

static int check_variable(const char *text, struct err *err)
{
	size_t len = strcspn(text, "=");

	if (strnlen(text, BUNDLE_ENV_BYTES + 1) > BUNDLE_ENV_BYTES)
		return err_set(err, -E2BIG, "env '%.32s...' is longer than %d bytes", text,
			       BUNDLE_ENV_BYTES);
	bool ok = text[len] == '=' && len > 0 && !isdigit((unsigned char)text[0]);

	for (size_t i = 0; ok && i < len; i++)
		ok = isalnum((unsigned char)text[i]) || text[i] == '_';
	if (!ok)
		return err_set(err, -EINVAL, "env '%.64s' is not of the form NAME=VALUE", text);
	if (is_own(text, len))
		return err_set(err, -EINVAL, "env %.*s is set by Weir; leave it out", (int)len,
			       text);
	return 0;
}

int bundle_check_env(const char *const *env, struct err *err)
{
	for (size_t i = 0; env && env[i]; i++) {
		int r = check_variable(env[i], err);

		if (r < 0)
			return r;
		if (i == BUNDLE_ENV_MAX)
			return err_set(err, -E2BIG, "there are more than %d env variables",
				       BUNDLE_ENV_MAX);
	}
	return 0;
}

/* The process has another user: what it must reach may not depend on our umask. */
static int make_open_dir(const char *path, mode_t mode, struct err *err)
{
	int r = dir_make(path, 0755, err);

	if (r == 0 && chmod(path, mode) < 0)
		r = err_errno(err, -errno, "setting the mode of %s", path);
	return r;
}

/* Repeats the host's /lib64 -> usr/lib64, or makes a mount point where it is a folder. */
static int make_system_dir(const char *rootfs, const char *name, struct err *err)
{
	char host[16], path[PATH_MAX], target[64];
	struct stat st;
	int r = path_format(path, sizeof(path), "%s/%s", rootfs, name);

	if (r < 0)
		return err_errno(err, r, "%s", rootfs);
	snprintf(host, sizeof(host), "/%s", name);
	if (lstat(host, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return make_open_dir(path, 0755, err);
	ssize_t n = readlink(host, target, sizeof(target) - 1);

	if (n < 0)
		return err_errno(err, -errno, "reading %s", host);
	target[n] = '\0';
	return symlink(target, path) < 0 ? err_errno(err, -errno, "linking %s", path) : 0;
}

static int write_init(const char *rootfs, struct err *err)
{
	char path[PATH_MAX];
	size_t len;
	const void *image = init_image(&len);
	int r = path_format(path, sizeof(path), "%s/" BUNDLE_INIT, rootfs);

	return r < 0 ? err_errno(err, r, "%s", rootfs) :
		       file_write_atomic(path, image, len, 0555, err);
}

static int make_rootfs(const char *rootfs, struct err *err)
{
	char path[PATH_MAX];
	int r = make_open_dir(rootfs, 0755, err);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(own_dirs); i++) {
		r = path_format(path, sizeof(path), "%s/%s", rootfs, own_dirs[i].name);
		r = r < 0 ? err_errno(err, r, "%s", rootfs) :
			    make_open_dir(path, own_dirs[i].mode, err);
	}
	for (size_t i = 0; r == 0 && bundle_system_dirs[i]; i++)
		r = make_system_dir(rootfs, bundle_system_dirs[i], err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(etc_files); i++) {
		const char *text = etc_files[i].text;

		r = path_format(path, sizeof(path), "%s/%s", rootfs, etc_files[i].path);
		r = r < 0 ? err_errno(err, r, "%s", rootfs) :
			    file_write_atomic(path, text, strlen(text), 0444, err);
	}
	return r < 0 ? r : write_init(rootfs, err);
}

int bundle_write(const struct bundle_spec *spec, struct err *err)
{
	char node[PATH_MAX], rootfs[PATH_MAX], path[PATH_MAX];
	cleanup(json_free) struct json *config = NULL;
	cleanup(buf_fini) struct buf text = BUF_INIT(CONFIG_MAX);
	int r = bundle_check_env(spec->env, err);

	if (r == 0)
		r = bundle_find_node(node, sizeof(node), err);
	if (r == 0)
		r = dir_remove(spec->dir, err);
	if (r == 0)
		r = dir_make(spec->dir, 0700, err);
	if (r < 0)
		return r;
	if (path_format(rootfs, sizeof(rootfs), "%s/rootfs", spec->dir) < 0 ||
	    path_format(path, sizeof(path), "%s/config.json", spec->dir) < 0)
		return err_errno(err, -ENAMETOOLONG, "%s", spec->dir);
	r = make_rootfs(rootfs, err);
	if (r == 0)
		r = bundle_config(spec, node, &config, err);
	if (r < 0)
		return r;
	r = json_print(config, true, &text);
	if (r < 0)
		return err_errno(err, r, "writing %s", path);
	return file_write_atomic(path, text.data, text.len, 0600, err);
}
