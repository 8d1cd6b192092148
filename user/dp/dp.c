/* SPDX-License-Identifier: Apache-2.0 */
#include "dp/dp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "dp/dp_int.h"

static void unmap(void *at, size_t len)
{
	if (at)
		munmap(at, len);
}

void dp_close(struct dp **dpp)
{
	struct dp *dp = *dpp;

	if (!dp)
		return;
	unmap(dp->slots, sizeof(*dp->slots) * WEIR_MAX_SLOTS);
	unmap(dp->ring, sizeof(*dp->ring) * WEIR_MAX_RING);
	unmap(dp->backends, sizeof(*dp->backends) * WEIR_MAX_BACKENDS);
	unmap(dp->samples, sizeof(*dp->samples) * dp->n_samples);
	unmap(dp->ctl, sizeof(*dp->ctl));
	for (size_t i = 0; i < DP_TABLE_MAX_; i++)
		close_fd(&dp->map[i]);
	close_fd(&dp->walk);
	for (size_t i = 0; i < DP_SIDE_MAX_; i++)
		close_fd(&dp->side[i]);
	close_fd(&dp->ends);
	free(dp);
	*dpp = NULL;
}

static int dp_new(const char *bpffs, struct dp **ret, struct err *err)
{
	cleanup(dp_close) struct dp *dp = calloc(1, sizeof(*dp));
	int r;

	if (!dp)
		return err_errno(err, -ENOMEM, "opening the datapath");
	libbpf_set_print(NULL); /* what it says belongs into our errors */
	for (size_t i = 0; i < DP_TABLE_MAX_; i++)
		dp->map[i] = -1;
	for (size_t i = 0; i < DP_SIDE_MAX_; i++)
		dp->side[i] = -1;
	dp->walk = dp->ends = -1;
	r = dp_pins_init(dp, bpffs, err);
	if (r < 0)
		return r;
	*ret = take_ptr(dp);
	return 0;
}

void dp_link_end(const char *path)
{
	cleanup(close_fd) int fd = bpf_obj_get(path);

	if (fd >= 0)
		bpf_link_detach(fd);
}

static void links_end(const char *pins)
{
	cleanup(close_dir) DIR *dir = NULL;
	char path[DP_PATH_MAX];
	struct dirent *e;

	if (path_format(path, sizeof(path), "%s/links", pins))
		return;
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] != '.' &&
		    !path_format(path, sizeof(path), "%s/links/%s", pins, e->d_name))
			dp_link_end(path);
	}
}

/* Ends what is pinned below BPFFS/weir, but for the folder `keep` (NULL: nothing is kept). */
static int versions_end(const char *root, const char *keep, struct err *err)
{
	cleanup(close_dir) DIR *dir = opendir(root);
	char path[DP_PATH_MAX];
	struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, -errno, "%s", root);
	while (!r && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || (keep && !strcmp(e->d_name, keep)))
			continue;
		r = path_format(path, sizeof(path), "%s/%s", root, e->d_name);
		if (r)
			return err_errno(err, r, "%s", root);
		links_end(path);
		r = dir_remove(path, err);
	}
	return r;
}

/* Programs of another ABI read other tables; two of a kind must not both translate and count. */
static int others_end(const struct dp *dp, struct err *err)
{
	const char *own = strrchr(dp->pins, '/');
	char root[DP_PATH_MAX];

	if (path_format(root, sizeof(root), "%.*s", (int)(own - dp->pins), dp->pins))
		return err_set(err, -ENAMETOOLONG, "%s", dp->pins);
	return versions_end(root, own + 1, err);
}

static int link_get(const struct dp *dp, const char *prog, int *ret_fd, struct err *err)
{
	char path[DP_PATH_MAX];
	int fd, r = dp_pin_path(dp, "links", prog, path, err);

	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return err_errno(err, -errno, "%s", path);
	*ret_fd = fd;
	return 0;
}

int dp_open(const struct dp_options *opt, struct dp **ret, struct err *err)
{
	cleanup(dp_close) struct dp *dp = NULL;
	int r = dp_new(opt->bpffs, &dp, err);

	if (r < 0)
		return r;
	if (path_format(dp->meter_cgroup, sizeof(dp->meter_cgroup), "%s", opt->meter_cgroup))
		return err_set(err, -ENAMETOOLONG, "%s: path too long", opt->meter_cgroup);
	dp->adopted = dp_adoptable(dp, opt);
	r = dp->adopted ? dp_host_netns(dp, err) : dp_load(dp, opt, err);
	if (!r && !dp->adopted)
		r = others_end(dp, err);
	if (!r)
		r = link_get(dp, "weir_walk", &dp->walk, err);
	if (!r)
		r = link_get(dp, "weir_ends", &dp->ends, err);
	if (r < 0)
		return r;
	*ret = take_ptr(dp);
	return 0;
}

int dp_open_pinned(const char *bpffs, struct dp **ret, struct err *err)
{
	cleanup(dp_close) struct dp *dp = NULL;
	int r = dp_new(bpffs, &dp, err);

	if (r < 0)
		return r;
	dp->read_only = true;
	r = dp_tables_open(dp, err);
	if (r < 0)
		return r;
	*ret = take_ptr(dp);
	return 0;
}

int dp_detach(const char *bpffs, struct err *err)
{
	cleanup(dp_close) struct dp *dp = NULL;
	int r = dp_new(bpffs, &dp, err);

	if (r < 0)
		return r;
	dp->read_only = true;
	if (!dp_tables_open(dp, NULL) && !dp_sides_open(dp, NULL))
		dp_filters_end(dp);
	*strrchr(dp->pins, '/') = '\0';
	r = versions_end(dp->pins, NULL, err);
	if (r < 0)
		return r;
	if (rmdir(dp->pins) < 0 && errno != ENOENT)
		return err_errno(err, -errno, "%s", dp->pins);
	return 0;
}

bool dp_adopted(const struct dp *dp)
{
	return dp->adopted;
}
