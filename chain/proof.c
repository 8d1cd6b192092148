/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/proof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/field.h"
#include "core/json.h"
#include "core/parse.h"

#define HEAD "{\"version\":\"" PROOFS_VERSION "\",\"totals\":["
#define RECEIPTS_TAIL "\n]}\n"

void proofs_fini(struct proofs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		for (size_t j = 0; j < p->at[i].count; j++)
			free(p->at[i].list[j].path);
		free(p->at[i].list);
	}
	free(p->at);
	*p = (struct proofs){};
}

/* Room for one more of `size` bytes. */
static int grow(void *list, size_t count, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 16;
	void *got;

	if (count < *cap)
		return 0;
	got = reallocarray(*(void **)list, more, size);
	if (!got)
		return -ENOMEM;
	*(void **)list = got;
	*cap = more;
	return 0;
}

int proofs_add(struct proofs *p, struct proof_totals **ret)
{
	if (grow(&p->at, p->count, &p->cap, sizeof(*p->at)) < 0)
		return -ENOMEM;
	*ret = &p->at[p->count++];
	**ret = (struct proof_totals){};
	return 0;
}

int proofs_add_leaf(struct proof_totals *t, const struct leaf *leaf, const struct totals_step *path,
		    size_t steps)
{
	struct totals_step *own = calloc(steps ? steps : 1, sizeof(*own));

	if (!own || grow(&t->list, t->count, &t->cap, sizeof(*t->list)) < 0) {
		free(own);
		return -ENOMEM;
	}
	for (size_t i = 0; i < steps; i++)
		own[i] = path[i];
	t->list[t->count++] = (struct proof){ .leaf = *leaf, .path = own, .steps = steps };
	return 0;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void put_hex(struct buf *out, const void *data, size_t len)
{
	char text[2 * LEAF_LEN_MAX + 1];

	format_hex(data, len, text);
	buf_puts(out, text);
}

static void render_leaf(const struct proof *p, struct buf *out)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEAF_LEN_MAX);

	leaf_encode(&p->leaf, &bytes);
	buf_puts(out, "{\"leaf\":\"");
	put_hex(out, bytes.data, bytes.len);
	buf_puts(out, "\",\"path\":\"");
	for (size_t i = 0; i < p->steps; i++) {
		uint8_t step[TOTALS_STEP_LEN];

		totals_step_encode(&p->path[i], step);
		put_hex(out, step, sizeof(step));
	}
	buf_puts(out, "\"}");
}

static void render_totals(const struct proof_totals *t, struct buf *out)
{
	buf_puts(out, "{\"statement\":\"");
	put_hex(out, t->statement, sizeof(t->statement));
	buf_puts(out, "\",\"signature\":\"");
	put_hex(out, t->sig, sizeof(t->sig));
	buf_puts(out, "\",\"leaves\":[");
	for (size_t i = 0; i < t->count; i++) {
		buf_puts(out, i ? "," : "");
		render_leaf(&t->list[i], out);
	}
	buf_puts(out, "]}");
}

int proofs_render(const struct proofs *p, struct buf *out, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(PROOFS_LEN_MAX);
	int r;

	if (!p->count)
		return err_set(err, -EINVAL, "no statements: nothing can be proven");
	buf_puts(&text, HEAD);
	for (size_t i = 0; i < p->count; i++) {
		buf_puts(&text, i ? ",\n" : "\n");
		render_totals(&p->at[i], &text);
	}
	buf_puts(&text, RECEIPTS_TAIL);
	r = buf_error(&text);
	if (r == 0)
		r = buf_append(out, text.data, text.len);
	return r < 0 ? err_errno(err, r, "rendering proofs; export fewer receipts at a time") : 0;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Bytes of a length that the text decides. */
static int read_hex(const struct json *obj, const char *key, uint8_t *ret, size_t size,
		    size_t *ret_len, struct err *err)
{
	const char *text = json_str(obj, key, NULL);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return err_set(err, -EBADMSG, "%s: missing, or not a text", key);
	if (len % 2 || len / 2 > size || parse_hex(text, ret, len / 2) < 0)
		return err_set(err, -EBADMSG, "%s: not lower-case hex of at most %zu bytes", key,
			       size);
	*ret_len = len / 2;
	return 0;
}

static int read_path(const struct json *obj, struct totals_step ret[TOTALS_DEPTH_MAX],
		     size_t *ret_steps, struct err *err)
{
	uint8_t bytes[TOTALS_DEPTH_MAX * TOTALS_STEP_LEN];
	size_t len = 0;
	int r = read_hex(obj, "path", bytes, sizeof(bytes), &len, err);

	if (r == 0 && len % TOTALS_STEP_LEN)
		r = err_set(err, -EBADMSG, "path: %zu bytes, want a multiple of %d", len,
			    TOTALS_STEP_LEN);
	for (size_t i = 0; r == 0 && i < len / TOTALS_STEP_LEN; i++)
		if (totals_step_decode(bytes + i * TOTALS_STEP_LEN, &ret[i]) < 0)
			r = err_set(err, -EBADMSG, "path: step %zu is on neither side", i + 1);
	if (r == 0)
		*ret_steps = len / TOTALS_STEP_LEN;
	return r;
}

static int read_leaf(const struct json *obj, struct proof_totals *t, struct err *err)
{
	struct totals_step path[TOTALS_DEPTH_MAX];
	uint8_t bytes[LEAF_LEN_MAX];
	size_t len = 0, steps = 0;
	struct leaf leaf;
	int r = read_hex(obj, "leaf", bytes, sizeof(bytes), &len, err);

	if (r == 0)
		r = leaf_decode(bytes, len, &leaf, err);
	if (r == 0)
		r = read_path(obj, path, &steps, err);
	if (r == 0 && proofs_add_leaf(t, &leaf, path, steps) < 0)
		r = err_errno(err, -ENOMEM, "leaf");
	return r;
}

static int read_totals(const struct json *obj, struct proof_totals *t, struct err *err)
{
	uint8_t statement[TOTALS_LEN];
	const struct json *leaves = NULL;
	size_t len = 0;
	int r = read_hex(obj, "statement", statement, sizeof(statement), &len, err);

	if (r == 0 && len != TOTALS_LEN)
		r = err_set(err, -EBADMSG, "statement: %zu bytes, want %d", len, TOTALS_LEN);
	if (r == 0)
		r = field_hex(obj, "signature", t->sig, sizeof(t->sig), err);
	if (r == 0)
		r = field_array(obj, "leaves", &leaves, err);
	if (r < 0)
		return r;
	memcpy(t->statement, statement, sizeof(statement));
	json_foreach(leaf, leaves) {
		r = read_leaf(leaf, t, err);
		if (r < 0)
			return err_wrap(err, "leaf %zu", t->count + 1);
	}
	return 0;
}

/* What was read must be what we would have written: one content, one file. */
static int check_form(const struct proofs *p, const char *text, size_t len, struct err *err)
{
	cleanup(buf_fini) struct buf want = BUF_INIT(PROOFS_LEN_MAX);
	size_t at = 0;
	int r = proofs_render(p, &want, err);

	if (r < 0)
		return r;
	while (at < len && at < want.len && text[at] == want.data[at])
		at++;
	if (at < len || at < want.len)
		return err_set(err, -EBADMSG,
			       "byte %zu of the proofs: not in the one form that is exported", at);
	return 0;
}

int proofs_parse(const char *text, size_t len, struct proofs *ret, struct err *err)
{
	cleanup(json_free) struct json *doc = NULL;
	cleanup(proofs_fini) struct proofs p = {};
	const struct json *list = NULL;
	int r;

	if (len < strlen(HEAD) || memcmp(text, HEAD, strlen(HEAD)) != 0)
		return err_set(err, -EBADMSG, "the proofs do not begin with %s", HEAD);
	r = json_parse(text, len, PROOFS_LEN_MAX, "proofs", &doc, err);
	if (r == 0)
		r = field_array(doc, "totals", &list, err);
	if (r < 0)
		return r;
	json_foreach(obj, list) {
		struct proof_totals *t;

		r = proofs_add(&p, &t) < 0 ? err_errno(err, -ENOMEM, "proofs") :
					     read_totals(obj, t, err);
		if (r < 0)
			return err_wrap(err, "proofs: statement %zu", p.count);
	}
	r = p.count ? check_form(&p, text, len, err) :
		      err_set(err, -EBADMSG, "the proofs have no statement");
	if (r < 0)
		return r;
	*ret = p;
	p = (struct proofs){};
	return 0;
}

/* A receipt file has one line that is this, its last one. */
size_t proofs_behind(const char *text, size_t len)
{
	const size_t tail = strlen(RECEIPTS_TAIL);
	const char *end = memmem(text, len, RECEIPTS_TAIL, tail);

	return end ? (size_t)(end - text) + tail : len;
}
