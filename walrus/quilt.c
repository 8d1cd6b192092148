/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/quilt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/bcs.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/utf8.h"
#include "walrus/blobname.h"

#define VERSION 1
#define INDEX_COLUMNS_MAX 10
#define INDEX_PREFIX 5 /* version, length */
#define PATCH_PREFIX 6 /* version, length, mask */
#define HAS_TAGS 1u
#define TAGS_MAX 64
#define CHUNK 65536u

_Static_assert(BASE64URL_LEN(QUILT_PATCH_ID_LEN) == QUILT_PATCH_ID_MAX, "a patch id's text");

static void patch_fini(struct quilt_patch *p)
{
	for (size_t i = 0; i < p->ntags; i++) {
		free(p->tags[i].key);
		free(p->tags[i].value);
	}
	free(p->tags);
	free(p->name);
}

void quilt_free(struct quilt **q)
{
	if (!*q)
		return;
	for (size_t i = 0; i < (*q)->len; i++)
		patch_fini(&(*q)->patches[i]);
	free((*q)->patches);
	free(*q);
	*q = NULL;
}

static uint64_t column_bytes(const struct quilt *q)
{
	return (uint64_t)q->shape.rows * q->shape.symbol_bytes;
}

static int read_exactly(int fd, uint64_t offset, uint8_t *ret, size_t len)
{
	while (len > 0) {
		ssize_t n = pread(fd, ret, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		ret += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Bytes of the columns from first on, the next column behind the end of one. */
static int read_columns(const struct quilt *q, uint32_t first, uint64_t at, uint8_t *ret,
			size_t len)
{
	uint64_t s = q->shape.symbol_bytes, columns = q->shape.columns;

	if (at + len > (columns - first) * column_bytes(q))
		return -EBADMSG;
	while (len > 0) {
		uint64_t column = first + at / column_bytes(q);
		uint64_t row = at % column_bytes(q) / s, in_symbol = at % s;
		size_t n = s - in_symbol < len ? (size_t)(s - in_symbol) : len;
		int r = read_exactly(q->fd, (row * columns + column) * s + in_symbol, ret, n);

		if (r < 0)
			return r;
		ret += n;
		at += n;
		len -= n;
	}
	return 0;
}

static uint32_t little_endian(const uint8_t *bytes, size_t len)
{
	uint32_t v = 0;

	while (len-- > 0)
		v = v << 8 | bytes[len];
	return v;
}

/* A copy, or NULL with *fault set. */
static char *take_text(struct bcs *r, uint32_t max, int *fault)
{
	uint32_t len = 0;
	const uint8_t *bytes = bcs_get_bytes(r, max, &len);
	char *text;

	if (!bytes || memchr(bytes, '\0', len) || utf8_valid_len(bytes, len) != len) {
		*fault = -EBADMSG;
		return NULL;
	}
	text = strndup((const char *)bytes, len);
	if (!text)
		*fault = -ENOMEM;
	return text;
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || name[len - 1] == ' ')
		return false;
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			return false;
	return true;
}

static int read_tags(struct bcs *r, struct quilt_patch *p)
{
	uint32_t n = bcs_get_uleb(r, TAGS_MAX);
	int fault = 0;

	p->tags = n > 0 ? calloc(n, sizeof(p->tags[0])) : NULL;
	if (n > 0 && !p->tags)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && fault == 0; i++) {
		p->ntags++;
		p->tags[i].key = take_text(r, UINT16_MAX, &fault);
		p->tags[i].value = fault ? NULL : take_text(r, UINT16_MAX, &fault);
	}
	return fault;
}

/* The columns of a patch begin where those before end. */
static int read_patch(const struct quilt *q, struct bcs *r, uint16_t start, struct quilt_patch *p,
		      struct err *err)
{
	int fault = 0;

	p->start = start;
	p->end = bcs_get_u16(r);
	p->name = take_text(r, QUILT_NAME_MAX - 1, &fault);
	if (fault == 0)
		fault = read_tags(r, p);
	if (fault)
		return err_errno(err, fault, "quilt index");
	if (!is_name(p->name))
		return err_set(err, -EBADMSG, "quilt index: '%.100s' is not a file's name",
			       p->name);
	if (p->end <= p->start || p->end > q->shape.columns)
		return err_set(err, -EBADMSG, "quilt index: '%.100s' has columns %u to %u of %u",
			       p->name, p->start, p->end, q->shape.columns);
	for (const struct quilt_patch *other = q->patches; other < p; other++)
		if (strcmp(other->name, p->name) == 0)
			return err_set(err, -EBADMSG, "quilt index: two files are named '%.100s'",
				       p->name);
	return 0;
}

static int read_patches(struct quilt *q, const uint8_t *index, size_t len, struct err *err)
{
	uint64_t first = (INDEX_PREFIX + len + column_bytes(q) - 1) / column_bytes(q);
	struct bcs r;

	bcs_init(&r, index, len);
	uint32_t n = bcs_get_uleb(&r, q->shape.columns);

	q->patches = calloc(n + 1, sizeof(q->patches[0]));
	if (!q->patches)
		return err_errno(err, -ENOMEM, "quilt index");
	while (q->len < n) {
		struct quilt_patch *p = &q->patches[q->len++];
		uint16_t start = q->len > 1 ? p[-1].end : (uint16_t)first;
		int rc = read_patch(q, &r, start, p, err);

		if (rc < 0)
			return rc;
	}
	return bcs_end(&r) < 0 ? err_set(err, -EBADMSG, "the quilt's index is damaged") : 0;
}

static int read_index(struct quilt *q, struct err *err)
{
	uint64_t most = INDEX_COLUMNS_MAX * column_bytes(q) - INDEX_PREFIX;
	cleanup(free_ptr) uint8_t *index = NULL;
	uint8_t prefix[INDEX_PREFIX];
	int r = read_columns(q, 0, 0, prefix, sizeof(prefix));

	if (r < 0)
		return err_errno(err, r, "reading the quilt's index");
	uint32_t len = little_endian(prefix + 1, sizeof(uint32_t));

	if (prefix[0] != VERSION || len > most)
		return err_set(err, -EBADMSG, "the blob is no quilt of version %d", VERSION);
	if (len > QUILT_INDEX_MAX)
		return err_set(err, -E2BIG, "the quilt's index has %" PRIu32 " bytes, over %u", len,
			       QUILT_INDEX_MAX);
	index = malloc(len + 1);
	r = index ? read_columns(q, 0, INDEX_PREFIX, index, len) : -ENOMEM;
	return r < 0 ? err_errno(err, r, "reading the quilt's index") :
		       read_patches(q, index, len, err);
}

int quilt_read(int fd, uint32_t shards, struct quilt **ret, struct err *err)
{
	cleanup(quilt_free) struct quilt *q = calloc(1, sizeof(*q));
	struct stat st;

	if (!q || fstat(fd, &st) < 0)
		return err_errno(err, q ? -errno : -ENOMEM, "reading a quilt");
	q->fd = fd;
	int r = blobid_shape((uint64_t)st.st_size, shards ? shards : BLOBID_SHARDS, &q->shape, err);

	if (r < 0)
		return r;
	if ((uint64_t)st.st_size != column_bytes(q) * q->shape.columns)
		return err_set(err, -EBADMSG,
			       "a blob of %" PRIu64 " bytes is no quilt: its columns are not full",
			       (uint64_t)st.st_size);
	r = read_index(q, err);
	if (r < 0)
		return r;
	*ret = take_ptr(q);
	return 0;
}

int quilt_by_name(const struct quilt *q, const char *name, const struct quilt_patch **ret,
		  struct err *err)
{
	for (size_t i = 0; i < q->len; i++) {
		if (strcmp(q->patches[i].name, name) == 0) {
			*ret = &q->patches[i];
			return 0;
		}
	}
	return err_set(err, -ENOENT, "the quilt has no file '%.200s'; it has '%.200s'%s", name,
		       q->len ? q->patches[0].name : "", q->len > 1 ? " and others" : "");
}

int quilt_by_start(const struct quilt *q, uint16_t start, uint16_t end,
		   const struct quilt_patch **ret, struct err *err)
{
	for (size_t i = 0; i < q->len; i++) {
		if (q->patches[i].start == start && q->patches[i].end == end) {
			*ret = &q->patches[i];
			return 0;
		}
	}
	return err_set(err, -ENOENT, "the quilt has no file in columns %u to %u", start, end);
}

/* What precedes the content: prefix, name, tags. Gives where it begins and its length. */
static int read_header(const struct quilt *q, const struct quilt_patch *p, uint64_t *ret_at,
		       uint64_t *ret_len)
{
	uint8_t prefix[PATCH_PREFIX + 2], bytes[QUILT_NAME_MAX + 5], size[2];
	uint64_t at = sizeof(prefix), end;
	uint32_t name_len;
	struct bcs name;
	char found[QUILT_NAME_MAX] = "";
	int r = read_columns(q, p->start, 0, prefix, sizeof(prefix));

	if (r < 0)
		return r;
	end = PATCH_PREFIX + (uint64_t)little_endian(prefix + 1, sizeof(uint32_t));
	name_len = little_endian(prefix + PATCH_PREFIX, sizeof(uint16_t));
	if (prefix[0] != VERSION || (prefix[5] & ~HAS_TAGS) || name_len > sizeof(bytes) ||
	    end > (uint64_t)(p->end - p->start) * column_bytes(q))
		return -EBADMSG;
	r = read_columns(q, p->start, at, bytes, name_len);
	if (r < 0)
		return r;
	bcs_init(&name, bytes, name_len);
	bcs_get_str(&name, found, sizeof(found));
	if (bcs_end(&name) < 0 || strcmp(found, p->name) != 0)
		return -EBADMSG;
	at += name_len;
	if (prefix[5] & HAS_TAGS) {
		r = read_columns(q, p->start, at, size, sizeof(size));
		if (r < 0)
			return r;
		at += sizeof(size) + little_endian(size, sizeof(size));
	}
	if (at > end)
		return -EBADMSG;
	*ret_at = at;
	*ret_len = end - at;
	return 0;
}

static int copy_columns(const struct quilt *q, uint32_t first, uint64_t at, uint64_t len, int fd)
{
	cleanup(free_ptr) uint8_t *chunk = malloc(CHUNK);

	if (!chunk)
		return -ENOMEM;
	while (len > 0) {
		size_t n = len < CHUNK ? (size_t)len : CHUNK;
		int r = read_columns(q, first, at, chunk, n);

		for (size_t done = 0; r == 0 && done < n;) {
			ssize_t w = write(fd, chunk + done, n - done);

			if (w >= 0)
				done += (size_t)w;
			else if (errno != EINTR)
				r = -errno;
		}
		if (r < 0)
			return r;
		at += n;
		len -= n;
	}
	return 0;
}

int quilt_extract(const struct quilt *q, const struct quilt_patch *p, uint64_t max_bytes,
		  int out_fd, uint64_t *ret_size, struct err *err)
{
	uint64_t at, len;
	int r = read_header(q, p, &at, &len);

	if (r < 0)
		return err_errno(err, r, "reading '%.200s' of the quilt", p->name);
	if (len > max_bytes)
		return err_set(err, -E2BIG,
			       "'%.200s' of the quilt has %" PRIu64 " bytes, over %" PRIu64,
			       p->name, len, max_bytes);
	r = copy_columns(q, p->start, at, len, out_fd);
	if (r < 0)
		return err_errno(err, r, "copying '%.200s' of the quilt", p->name);
	*ret_size = len;
	return 0;
}

int quilt_patch_id_parse(const char *text, struct quilt_patch_id *ret)
{
	uint8_t bytes[QUILT_PATCH_ID_LEN];
	struct quilt_patch_id id;
	int r = base64url_decode(text, bytes, sizeof(bytes));

	if (r < 0)
		return r;
	memcpy(id.quilt, bytes, BLOBID_LEN);
	id.start = (uint16_t)little_endian(bytes + BLOBID_LEN + 1, sizeof(uint16_t));
	id.end = (uint16_t)little_endian(bytes + BLOBID_LEN + 3, sizeof(uint16_t));
	if (bytes[BLOBID_LEN] != VERSION || id.start >= id.end)
		return -EINVAL;
	*ret = id;
	return 0;
}

char *quilt_patch_id_format(const struct quilt_patch_id *id, char *ret)
{
	uint8_t bytes[QUILT_PATCH_ID_LEN];

	memcpy(bytes, id->quilt, BLOBID_LEN);
	bytes[BLOBID_LEN] = VERSION;
	bytes[BLOBID_LEN + 1] = (uint8_t)id->start;
	bytes[BLOBID_LEN + 2] = (uint8_t)(id->start >> 8);
	bytes[BLOBID_LEN + 3] = (uint8_t)id->end;
	bytes[BLOBID_LEN + 4] = (uint8_t)(id->end >> 8);
	base64url_encode(bytes, sizeof(bytes), ret);
	return ret;
}
