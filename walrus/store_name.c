/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"
#include "walrus/blobid.h"
#include "walrus/blobname.h"
#include "walrus/store_impl.h"

#define LINK_PREFIX "../sha512/"
#define LINK_MAX (sizeof(LINK_PREFIX) + 2 * SHA512_LEN)

struct incoming {
	struct store *store;
	struct store_temp temp;
};

int store_incoming(struct store *s, struct incoming **ret, struct err *err)
{
	cleanup(incoming_free) struct incoming *i = calloc(1, sizeof(*i));

	if (!i)
		return err_errno(err, -ENOMEM, "blob store %s", s->root);
	i->store = s;
	i->temp.fd = -1;
	int r = store_temp_open(s, &i->temp, err);

	if (r < 0)
		return r;
	*ret = take_ptr(i);
	return 0;
}

int incoming_fd(const struct incoming *i)
{
	return i->temp.fd;
}

void incoming_free(struct incoming **i)
{
	if (!*i)
		return;
	store_temp_fini(&(*i)->temp);
	free(*i);
	*i = NULL;
}

static int check_blob_id(const struct incoming *i, const struct store_name *name, struct err *err)
{
	struct blobid_options options = { .shards = name->shards };
	char have[BLOBNAME_MAX], want[BLOBNAME_MAX];
	struct blobid found;
	int r = blobid_of(i->temp.fd, &options, &found, err);

	if (r < 0 || memcmp(found.id, name->blob_id, BLOBID_LEN) == 0)
		return r;
	return err_set(err, -EBADMSG, "content of %" PRIu64 " bytes is %s, not %s", found.size,
		       blobname_format(found.id, have), blobname_format(name->blob_id, want));
}

/* A folder of links that are named by blob ids. */
struct store_names {
	int fd;
	const char *root, *dir;
};

static struct store_names walrus_names(const struct store *s)
{
	return (struct store_names){ s->names_fd, s->root, "walrus" };
}

static struct store_names opened_names(const struct store *s)
{
	return (struct store_names){ s->opened_fd, s->root, "opened" };
}

/* One blob id is one content, and opens to one, so a link that is there already is the same, though what it leads to
 * may have gone meanwhile. */
static int link_name(const struct store_names *n, const uint8_t *blob_id,
		     const uint8_t digest[SHA512_LEN], struct err *err)
{
	char name[BLOBNAME_MAX], target[LINK_MAX] = LINK_PREFIX;

	format_hex(digest, SHA512_LEN, target + strlen(LINK_PREFIX));
	blobname_format(blob_id, name);
	if ((symlinkat(target, n->fd, name) < 0 && errno != EEXIST) || fsync(n->fd) < 0)
		return err_errno(err, -errno, "naming blob %s/blobs/%s/%s", n->root, n->dir, name);
	return 0;
}

/* The blob id is right and the integrity is not: no other source would do better. */
static int contradiction(struct err *err)
{
	if (err)
		err->code = -EINVAL;
	err_wrap(err, "the blob id and the integrity name different content");
	return -EINVAL;
}

int store_keep(struct incoming *i, const struct store_name *name, uint8_t ret_digest[SHA512_LEN],
	       struct err *err)
{
	struct store *s = i->store;
	const struct store_names names = walrus_names(s), opened = opened_names(s);
	uint8_t digest[SHA512_LEN];
	uint64_t size;
	int r;

	if (name->opens)
		i->temp.mode = 0400;
	if (lseek(i->temp.fd, 0, SEEK_SET) < 0)
		return err_errno(err, -errno, "reading %s/blobs/tmp/%s", s->root, i->temp.name);
	r = store_hash(i->temp.fd, -1, s->max_bytes, digest, &size);
	if (r == -E2BIG)
		return store_errno_size(s, err);
	if (r < 0)
		return err_errno(err, r, "reading %s/blobs/tmp/%s", s->root, i->temp.name);
	if (name->blob_id)
		r = check_blob_id(i, name, err);
	if (r < 0)
		return r;
	r = store_publish(s, &i->temp, name->sri, digest, err);
	if (r == -EBADMSG && name->blob_id)
		return contradiction(err);
	if (r == 0 && name->blob_id)
		r = link_name(&names, name->blob_id, digest, err);
	if (r == 0 && name->opens)
		r = link_name(&opened, name->opens, digest, err);
	if (r == 0)
		memcpy(ret_digest, digest, sizeof(digest));
	return r;
}

static int find(const struct store_names *names, const uint8_t *blob_id,
		uint8_t ret_digest[SHA512_LEN], struct err *err)
{
	char name[BLOBNAME_MAX], target[LINK_MAX] = "";
	uint8_t digest[SHA512_LEN];
	struct stat st;
	ssize_t n = readlinkat(names->fd, blobname_format(blob_id, name), target, LINK_MAX - 1);

	if (n < 0 && errno != ENOENT)
		return err_errno(err, -errno, "reading %s/blobs/%s/%s", names->root, names->dir,
				 name);
	if (n < 0 || fstatat(names->fd, name, &st, 0) < 0)
		return err_set(err, -ENOENT,
			       "%s is not in the blob store %s; 'weir workload pull %s' gets it",
			       name, names->root, name);
	if (strncmp(target, LINK_PREFIX, strlen(LINK_PREFIX)) != 0 ||
	    parse_hex(target + strlen(LINK_PREFIX), digest, sizeof(digest)) < 0)
		return err_set(err, -EBADMSG, "%s/blobs/%s/%s is no link to a blob; remove it",
			       names->root, names->dir, name);
	memcpy(ret_digest, digest, sizeof(digest));
	return 0;
}

int store_find(struct store *s, const uint8_t *blob_id, uint8_t ret_digest[SHA512_LEN],
	       struct err *err)
{
	const struct store_names names = walrus_names(s);

	return find(&names, blob_id, ret_digest, err);
}

int store_find_opened(struct store *s, const uint8_t *blob_id, uint8_t ret_digest[SHA512_LEN],
		      struct err *err)
{
	const struct store_names opened = opened_names(s);

	return find(&opened, blob_id, ret_digest, err);
}

static int sweep(const struct store_names *n, struct err *err)
{
	cleanup(close_dir) DIR *dir = NULL;
	int r = store_dir_open(n->fd, &dir);

	for (const struct dirent *d = r < 0 ? NULL : readdir(dir); d; d = readdir(dir)) {
		struct stat st;

		if (d->d_name[0] == '.' || fstatat(n->fd, d->d_name, &st, 0) == 0)
			continue;
		if (errno == ENOENT && unlinkat(n->fd, d->d_name, 0) < 0 && errno != ENOENT)
			r = -errno;
	}
	return r < 0 ? err_errno(err, r, "sweeping %s/blobs/%s", n->root, n->dir) : 0;
}

int store_sweep_names(struct store *s, struct err *err)
{
	const struct store_names names = walrus_names(s), opened = opened_names(s);
	int r = sweep(&names, err);

	return r < 0 ? r : sweep(&opened, err);
}
