/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quilts of @mysten/walrus: written here as its encodeQuilt() does, which must give the SDK's bytes, then read by our
 * code, which must find what was put in.
 */
#include "interop/vectors/walrus.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/bcs.h"
#include "walrus/blobid.h"
#include "walrus/blobname.h"
#include "walrus/quilt.h"

#define FILES_MAX 667
#define INDEX_COLUMNS_MAX 10
#define CONTENT_MAX (64u << 20)
#define HEAD_BYTES 64

struct file {
	const char *name;
	const struct json *tags;
	struct buf content; /* behind its header */
	uint16_t end;
};

struct quilt_text {
	struct file files[FILES_MAX]; /* by name */
	size_t n;
	struct buf index; /* with version and length in front */
	size_t rows, columns, symbol;
	uint8_t *at;
	size_t size;
};

static void quilt_text_fini(struct quilt_text *q)
{
	for (size_t i = 0; i < q->n; i++)
		buf_fini(&q->files[i].content);
	buf_fini(&q->index);
	free(q->at);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static int by_bcs_key(const void *a, const void *b)
{
	const char *x = json_key(*(const struct json *const *)a);
	const char *y = json_key(*(const struct json *const *)b);

	return strlen(x) != strlen(y) ? (strlen(x) < strlen(y) ? -1 : 1) : strcmp(x, y);
}

/* A map, in the order of its encoded keys. */
static void put_tags(struct buf *b, const struct json *tags)
{
	const struct json *sorted[64];
	size_t n = 0;

	json_foreach(t, tags)
		if (n < ARRAY_LEN(sorted))
			sorted[n++] = t;
	if (n > 0)
		qsort(sorted, n, sizeof(sorted[0]), by_bcs_key);
	bcs_put_uleb(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		bcs_put_str(b, json_key(sorted[i]));
		bcs_put_str(b, json_text(sorted[i], ""));
	}
}

/* What the group's note says of a file: NAME="text" or NAME={text}; else the pattern. */
static bool put_content(struct run *r, const struct json *group, const char *name, size_t size,
			struct buf *out)
{
	const char *note = json_str(group, "note", "");
	char start[128];
	size_t n = (size_t)snprintf(start, sizeof(start), " %s=", name);
	const char *at = n < sizeof(start) ? strstr(note, start) : NULL;

	if (at && (at[n] == '"' || at[n] == '{')) {
		bool quoted = at[n] == '"';
		const char *text = at + n + quoted;
		const char *end = strchr(text, quoted ? '"' : '}');
		size_t len = end ? (size_t)(end - text) + !quoted : 0;

		return want(r, len == size, "%s has %zu bytes in the note", name, len) &&
		       buf_append(out, text, len) == 0;
	}
	cleanup(free_ptr) uint8_t *data = walrus_pattern(r, "affine7_3", NULL, size);

	return data && want(r, buf_append(out, data, size) == 0, "no memory");
}

static void put_header(const struct file *f, size_t size, struct buf *out)
{
	cleanup(buf_fini) struct buf name = BUF_INIT(1 << 16);
	cleanup(buf_fini) struct buf tags = BUF_INIT(1 << 16);
	bool tagged = json_len(f->tags) > 0;

	bcs_put_str(&name, f->name);
	put_tags(&tags, f->tags);
	bcs_put_u8(out, 1);
	bcs_put_u32(out, (uint32_t)(2 + name.len + (tagged ? 2 + tags.len : 0) + size));
	bcs_put_u8(out, tagged);
	bcs_put_u16(out, (uint16_t)name.len);
	bcs_put_fixed(out, name.data, name.len);
	if (!tagged)
		return;
	bcs_put_u16(out, (uint16_t)tags.len);
	bcs_put_fixed(out, tags.data, tags.len);
}

static bool read_inputs(struct run *r, const struct json *group, const struct json *v,
			struct quilt_text *q)
{
	json_foreach(input, json_get(v, "inputs")) {
		struct file *f = &q->files[q->n];

		if (!want(r, q->n < FILES_MAX, "over %d files", FILES_MAX))
			return false;
		q->n++;
		*f = (struct file){ .name = json_str(input, "identifier", ""),
				    .tags = json_get(input, "tags"),
				    .content = BUF_INIT(CONTENT_MAX) };
	}
	qsort(q->files, q->n, sizeof(q->files[0]), by_name);
	for (size_t i = 0; i < q->n; i++) {
		struct file *f = &q->files[i];

		json_foreach(input, json_get(v, "inputs")) {
			size_t size = (size_t)walrus_number(r, input, "size");

			if (strcmp(json_str(input, "identifier", ""), f->name) != 0)
				continue;
			put_header(f, size, &f->content);
			if (!put_content(r, group, f->name, size, &f->content))
				return false;
		}
	}
	return true;
}

static void put_index(struct quilt_text *q)
{
	buf_reset(&q->index);
	bcs_put_u8(&q->index, 1);
	bcs_put_u32(&q->index, 0);
	bcs_put_uleb(&q->index, (uint32_t)q->n);
	for (size_t i = 0; i < q->n; i++) {
		bcs_put_u16(&q->index, q->files[i].end);
		bcs_put_str(&q->index, q->files[i].name);
		put_tags(&q->index, q->files[i].tags);
	}
	uint32_t len = (uint32_t)(q->index.len - 5);

	for (size_t i = 0; i < sizeof(len); i++)
		q->index.data[1 + i] = (char)(len >> 8 * i);
}

static size_t columns_for(const struct quilt_text *q, size_t bytes)
{
	return (bytes + q->rows * q->symbol - 1) / (q->rows * q->symbol);
}

static bool fits(const struct quilt_text *q)
{
	size_t need = columns_for(q, q->index.len);

	if (need > INDEX_COLUMNS_MAX)
		return false;
	for (size_t i = 0; i < q->n; i++)
		need += columns_for(q, q->files[i].content.len);
	return need <= q->columns;
}

static void put_columns(struct quilt_text *q, size_t column, const struct buf *data)
{
	for (size_t k = 0; k < data->len; k++) {
		size_t in_columns = column * q->rows * q->symbol + k;
		size_t c = in_columns / (q->rows * q->symbol);
		size_t row = in_columns % (q->rows * q->symbol) / q->symbol;

		q->at[(row * q->columns + c) * q->symbol + k % q->symbol] = (uint8_t)data->data[k];
	}
}

static bool build(struct run *r, struct quilt_text *q)
{
	size_t column;

	put_index(q);
	for (q->symbol = 2; !fits(q); q->symbol += 2)
		if (!want(r, q->symbol < BLOBID_SYMBOL_MAX, "too large for a quilt"))
			return false;
	q->size = q->rows * q->columns * q->symbol;
	q->at = calloc(1, q->size);
	if (!want(r, q->at, "no memory"))
		return false;
	column = columns_for(q, q->index.len);
	for (size_t i = 0; i < q->n; i++) {
		put_columns(q, column, &q->files[i].content);
		column += columns_for(q, q->files[i].content.len);
		q->files[i].end = (uint16_t)column;
	}
	put_index(q);
	put_columns(q, 0, &q->index);
	return true;
}

static void check_bytes(struct run *r, const struct json *v, const struct quilt_text *q)
{
	uint8_t head[HEAD_BYTES];

	want(r, q->size == walrus_number(r, v, "quilt_size"), "quilt_size: %zu", q->size);
	want(r, q->symbol == walrus_number(r, v, "symbol_size"), "symbol_size: %zu", q->symbol);
	want(r, q->columns * q->symbol == walrus_number(r, v, "row_size"), "row_size");
	want(r, q->rows * q->symbol == walrus_number(r, v, "column_size"), "column_size");
	want_sha256(r, v, "quilt_sha256_hex", q->at, q->size);
	want_hex(r, v, "index_bcs_hex", q->index.data + 5, q->index.len - 5);
	for (size_t k = 0; k < HEAD_BYTES; k++)
		head[k] = q->at[k / q->symbol * q->columns * q->symbol + k % q->symbol];
	want_hex(r, v, "first_64_bytes_column0_hex", head, sizeof(head));
}

static void check_content(struct run *r, const struct json *v, const struct quilt *q,
			  const struct quilt_patch *p)
{
	cleanup(close_fd) int fd = memfd_create("patch", MFD_CLOEXEC);
	cleanup(free_ptr) uint8_t *data = NULL;
	struct err err = {};
	uint64_t size = 0;

	if (!want(r, quilt_extract(q, p, CONTENT_MAX, fd, &size, &err) == 0, "%s", err.text))
		return;
	data = malloc(size + 1);
	if (!want(r, data && pread(fd, data, size, 0) == (ssize_t)size, "reading '%s'", p->name))
		return;
	want(r, size == walrus_number(r, v, "content_size"), "content_size: %" PRIu64, size);
	want_sha256(r, v, "content_sha256_hex", data, size);
}

static void check_patch(struct run *r, const struct json *v, const struct quilt *q,
			const struct blobid *b)
{
	const struct quilt_patch *p = NULL, *again = NULL;
	struct quilt_patch_id id = {};
	char text[QUILT_PATCH_ID_MAX];
	struct err err = {};

	if (!want(r, quilt_by_name(q, json_str(v, "identifier", ""), &p, &err) == 0, "%s",
		  err.text))
		return;
	want(r, p->start == walrus_number(r, v, "start"), "%s: start %u", p->name, p->start);
	want(r, p->end == walrus_number(r, v, "end"), "%s: end %u", p->name, p->end);
	want(r, p->ntags == json_len(json_get(v, "tags")), "%s: %zu tags", p->name, p->ntags);
	for (size_t i = 0; i < p->ntags; i++)
		want_text(r, p->tags[i].key, p->tags[i].value,
			  json_str(json_get(v, "tags"), p->tags[i].key, "(missing)"));
	if (!want(r, quilt_patch_id_parse(json_str(v, "patch_id", ""), &id) == 0, "patch_id"))
		return;
	want_text(r, "patch_id", quilt_patch_id_format(&id, text), json_str(v, "patch_id", ""));
	want_bytes(r, "patch_id's quilt", id.quilt, BLOBID_LEN, b->id, BLOBID_LEN);
	if (want(r, quilt_by_start(q, id.start, id.end, &again, &err) == 0, "%s", err.text))
		want(r, again == p, "patch_id names '%s'", again->name);
	check_content(r, v, q, p);
}

static void check_read(struct run *r, const struct json *v, const struct quilt_text *text,
		       uint32_t shards)
{
	cleanup(close_fd) int fd = walrus_file(r, text->at, text->size);
	cleanup(quilt_free) struct quilt *q = NULL;
	struct blobid_options o = { .shards = shards };
	char name[BLOBNAME_MAX];
	struct err err = {};
	struct blobid b;

	if (fd < 0 || !want(r, blobid_of(fd, &o, &b, &err) == 0, "%s", err.text))
		return;
	want_text(r, "quilt_blob_id", blobname_format(b.id, name),
		  json_str(v, "quilt_blob_id", "(missing)"));
	if (!want(r, quilt_read(fd, shards, &q, &err) == 0, "%s", err.text))
		return;
	want(r, q->len == json_len(json_get(v, "patches")), "%zu patches", q->len);
	json_foreach(p, json_get(v, "patches"))
		check_patch(r, p, q, &b);
}

void check_quilts(struct run *r, const struct json *group)
{
	uint32_t shards = (uint32_t)walrus_number(r, r->file, "n_shards");
	struct blobid_shape shape;
	size_t i = 0;

	json_foreach(v, json_get(group, "vectors")) {
		cleanup(quilt_text_fini) struct quilt_text q = { .index = BUF_INIT(1 << 20) };

		vector(r, "quilts", i++, json_str(v, "label", ""));
		if (!want(r, blobid_shape(0, shards, &shape, NULL) == 0, "n_shards"))
			return;
		q.rows = shape.rows;
		q.columns = shape.columns;
		if (!read_inputs(r, group, v, &q) || !build(r, &q))
			continue;
		check_bytes(r, v, &q);
		check_read(r, v, &q, shards);
	}
}
