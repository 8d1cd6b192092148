/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/prune.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"
#include "workload/unpack.h"
#include "workload/workload.h"

#define NAME_PREFIX "sha512-"
#define NAME_SIZE (sizeof(NAME_PREFIX) + (size_t)2 * SHA512_LEN)

struct prune_packages {
	struct prune_package *at;
	size_t len, cap;
};

static void packages_fini(struct prune_packages *p)
{
	free(p->at);
}

static void package_name(const struct prune_package *p, char ret[NAME_SIZE])
{
	memcpy(ret, NAME_PREFIX, sizeof(NAME_PREFIX));
	format_hex(p->digest, SHA512_LEN, ret + strlen(NAME_PREFIX));
}

static int push(struct prune_packages *p, const struct prune_package *one)
{
	if (p->len == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct prune_package *grown = reallocarray(p->at, cap, sizeof(p->at[0]));

		if (!grown)
			return -ENOMEM;
		p->at = grown;
		p->cap = cap;
	}
	p->at[p->len++] = *one;
	return 0;
}

static int by_digest(const void *a, const void *b)
{
	return memcmp(((const struct prune_package *)a)->digest,
		      ((const struct prune_package *)b)->digest, SHA512_LEN);
}

static int list_packages(const char *parent, struct prune_packages *ret, struct err *err)
{
	cleanup(close_dir) DIR *dir = opendir(parent);

	if (!dir)
		return err_errno(err, -errno, "reading %s", parent);
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		struct prune_package one = {};

		if (strlen(d->d_name) != NAME_SIZE - 1 ||
		    strncmp(d->d_name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0 ||
		    parse_hex(d->d_name + strlen(NAME_PREFIX), one.digest, SHA512_LEN) < 0)
			continue;
		if (push(ret, &one) < 0)
			return err_errno(err, -ENOMEM, "reading %s", parent);
	}
	if (ret->len > 0)
		qsort(ret->at, ret->len, sizeof(ret->at[0]), by_digest);
	return 0;
}

void prune_count(struct prune_packages *p, const char *code)
{
	const char *name = strrchr(code, '/');

	for (size_t i = 0; name && i < p->len; i++) {
		char package[NAME_SIZE];

		package_name(&p->at[i], package);
		p->at[i].references += strcmp(name + 1, package) == 0;
	}
}

static int count_workloads(const char *state, struct prune_packages *p, struct err *err)
{
	cleanup(workloads_fini) struct workloads all = {};
	int r = workload_list(state, &all, err);

	for (size_t i = 0; r == 0 && i < all.len; i++)
		prune_count(p, all.at[i]->code);
	return r;
}

/* The name it goes by meanwhile is one that unpack_sweep() removes. */
static int remove_package(const char *parent, const struct prune_package *p, struct err *err)
{
	char name[NAME_SIZE], from[PATH_MAX], to[PATH_MAX];
	int r;

	package_name(p, name);
	r = path_format(from, sizeof(from), "%s/%s", parent, name);
	if (r == 0)
		r = path_format(to, sizeof(to), "%s/" UNPACK_TMP_PREFIX "%s", parent, name);
	if (r == 0 && rename(from, to) < 0)
		r = -errno;
	return r < 0 ? err_errno(err, r, "removing the package %s", name) : dir_remove(to, err);
}

static int remove_unused(const char *parent, bool only_look, struct prune_packages *p,
			 struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->len; i++) {
		p->at[i].removed = p->at[i].references == 0;
		if (p->at[i].removed && !only_look)
			r = remove_package(parent, &p->at[i], err);
	}
	return r;
}

int packages_prune(const char *state, bool only_look, prune_others *others, void *arg,
		   struct prune_package **ret, size_t *ret_len, struct err *err)
{
	cleanup(packages_fini) struct prune_packages p = {};
	cleanup(close_fd) int lock = -1;
	char parent[PATH_MAX];
	int r = path_format(parent, sizeof(parent), "%s/packages", state);

	if (r < 0)
		return err_errno(err, r, "%s", state);
	if (access(parent, F_OK) == 0) {
		r = unpack_lock(parent, &lock, err);
		if (r == 0)
			r = list_packages(parent, &p, err);
		if (r == 0)
			r = count_workloads(state, &p, err);
		if (r == 0 && others)
			r = others(arg, &p, err);
		if (r == 0)
			r = remove_unused(parent, only_look, &p, err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(p.at);
	*ret_len = p.len;
	return 0;
}
