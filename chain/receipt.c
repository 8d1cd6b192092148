/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/receipt.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "chain/receipt_json.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"

/* The frame: FRAME_HEAD lease FRAME_LIST receipt ",\n" receipt FRAME_TAIL. */
#define FRAME_HEAD "{\"version\":\"" RECEIPTS_VERSION "\",\"lease\":"
#define FRAME_LIST ",\"receipts\":["
#define FRAME_TAIL "]}\n"

#define LINE_MAX_LEN (8U << 20) /* 4096 pods with the longest names stay below 6 MiB */

/* ---- The list ------------------------------------------------------------------------------- */

int receipts_add(struct receipts *rs, struct receipt **ret)
{
	if (rs->count >= RECEIPTS_MAX)
		return -E2BIG;
	if (rs->count == rs->cap) {
		size_t cap = rs->cap ? 2 * rs->cap : 16;
		struct receipt *list = reallocarray(rs->list, cap, sizeof(*list));

		if (!list)
			return -ENOMEM;
		rs->list = list;
		rs->cap = cap;
	}
	*ret = &rs->list[rs->count++];
	**ret = (struct receipt){};
	return 0;
}

void receipts_fini(struct receipts *rs)
{
	for (size_t i = 0; i < rs->count; i++)
		record_fini(&rs->list[i].record);
	free(rs->list);
	*rs = (struct receipts){};
}

void receipts_free(struct receipts **rs)
{
	if (!*rs)
		return;
	receipts_fini(*rs);
	free(*rs);
	*rs = NULL;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* Takes the tree. */
static int print(struct json *tree, struct buf *out)
{
	cleanup(json_free) struct json *owned = tree;

	return owned ? json_print(owned, false, out) : -ENOMEM;
}

static int check(const struct receipts *rs, size_t i, struct err *err)
{
	const struct record *a = &rs->list[0].record, *b = &rs->list[i].record;
	struct report report;

	if (memcmp(a->lease, b->lease, sizeof(a->lease)) != 0 || strcmp(a->label, b->label) != 0 ||
	    a->opened_ms != b->opened_ms || price_diff(&a->prices, &b->prices))
		return err_set(err, -EINVAL,
			       "of other terms than the first; export one lease at a time");
	if (report_decode(rs->list[i].report, REPORT_LEN, &report, err) < 0)
		return -EINVAL;
	return record_check(b, err);
}

static int render(const struct receipts *rs, struct buf *out)
{
	int r;

	buf_puts(out, FRAME_HEAD);
	r = print(receipt_lease_to_json(rs), out);
	buf_puts(out, FRAME_LIST);
	for (size_t i = 0; !r && i < rs->count; i++) {
		buf_puts(out, i ? ",\n" : "\n");
		r = print(receipt_to_json(&rs->list[i]), out);
	}
	buf_puts(out, "\n" FRAME_TAIL);
	return r < 0 ? r : buf_error(out);
}

int receipts_render(const struct receipts *rs, struct buf *out, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	int r;

	if (!rs->count)
		return err_set(err, -EINVAL, "no receipts: a file needs at least one");
	for (size_t i = 0; i < rs->count; i++) {
		r = check(rs, i, err);
		if (r < 0) {
			err_wrap(err, "receipt %zu (seq %" PRIu64 ")", i + 1,
				 rs->list[i].record.seq);
			return r;
		}
	}
	r = render(rs, &text);
	if (!r)
		r = buf_append(out, text.data, text.len);
	if (r < 0)
		return err_errno(err, r, "rendering %zu receipts; export fewer at a time",
				 rs->count);
	return 0;
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct lines {
	const char *text;
	size_t len, at;
};

/* The next line without its newline; false when no newline is left. */
static bool next_line(struct lines *in, const char **ret, size_t *ret_len)
{
	const char *start = in->text + in->at;
	const char *end = memchr(start, '\n', in->len - in->at);

	if (!end)
		return false;
	*ret = start;
	*ret_len = (size_t)(end - start);
	in->at += *ret_len + 1;
	return true;
}

/* text must be what we would have written: one content, one file. base is its place in the file. */
static int check_canonical(struct json *ours, const char *text, size_t len, size_t base,
			   struct err *err)
{
	cleanup(buf_fini) struct buf want = BUF_INIT(LINE_MAX_LEN);
	size_t at = 0;
	int r = print(ours, &want);

	if (r < 0)
		return err_errno(err, r, "rendering it again");
	while (at < len && at < want.len && text[at] == want.data[at])
		at++;
	if (at < len || at < want.len)
		return err_set(err, -EBADMSG,
			       "byte %zu of the file: not in the one form that is exported",
			       base + at);
	return 0;
}

static int parse_lease(struct lines *in, struct receipts *rs, struct record *ret_terms,
		       struct err *err)
{
	const size_t head = strlen(FRAME_HEAD), list = strlen(FRAME_LIST);
	cleanup(json_free) struct json *obj = NULL;
	struct receipt only = {};
	struct receipts lease = { .list = &only, .count = 1 };
	const char *line;
	size_t len;
	int r;

	if (!next_line(in, &line, &len) || len < head + list || memcmp(line, FRAME_HEAD, head) != 0)
		return err_set(err, -EBADMSG, "byte 0: does not begin with %s", FRAME_HEAD);
	if (memcmp(line + len - list, FRAME_LIST, list) != 0)
		return err_set(err, -EBADMSG, "byte %zu: want %s and a new line", len - list,
			       FRAME_LIST);
	line += head;
	len -= head + list;
	r = json_parse(line, len, LINE_MAX_LEN, "json", &obj, err);
	if (!r)
		r = receipt_lease_from_json(obj, &lease, &only.record, err);
	if (!r)
		r = check_canonical(receipt_lease_to_json(&lease), line, len, head, err);
	if (r < 0) {
		err_wrap(err, "lease (line 1)");
		return r;
	}
	memcpy(rs->provider, lease.provider, sizeof(rs->provider));
	memcpy(rs->market, lease.market, sizeof(rs->market));
	*ret_terms = only.record;
	return 0;
}

static int parse_receipt(const char *line, size_t len, size_t base, const struct record *terms,
			 struct receipts *rs, struct err *err)
{
	cleanup(json_free) struct json *obj = NULL;
	struct err why = {};
	struct receipt *rc;
	int r;

	r = json_parse(line, len, LINE_MAX_LEN, "json", &obj, err);
	if (r < 0)
		return r;
	r = receipts_add(rs, &rc);
	if (r < 0)
		return err_errno(err, r, "limit is %u receipts", RECEIPTS_MAX);
	r = receipt_from_json(obj, terms, rc, err);
	if (r < 0)
		return r;
	if (record_check(&rc->record, &why) < 0)
		return err_set(err, -EBADMSG, "%s", why.text);
	return check_canonical(receipt_to_json(rc), line, len, base, err);
}

static int parse_list(struct lines *in, const struct record *terms, struct receipts *rs,
		      struct err *err)
{
	bool more = true;
	int r;

	while (more) {
		size_t base = in->at, n = rs->count + 1, len;
		const char *line;

		if (!next_line(in, &line, &len))
			return err_set(err, -EBADMSG, "receipt %zu (line %zu): the file ends here",
				       n, n + 1);
		more = len && line[len - 1] == ',';
		r = parse_receipt(line, len - more, base, terms, rs, err);
		if (r < 0) {
			err_wrap(err, "receipt %zu (line %zu)", n, n + 1);
			return r;
		}
	}
	if (in->len - in->at != strlen(FRAME_TAIL) ||
	    memcmp(in->text + in->at, FRAME_TAIL, strlen(FRAME_TAIL)) != 0)
		return err_set(err, -EBADMSG, "byte %zu: want ]}, a new line and the end", in->at);
	return 0;
}

int receipts_parse(const char *text, size_t len, struct receipts **ret, struct err *err)
{
	cleanup(receipts_free) struct receipts *rs = NULL;
	struct lines in = { .text = text, .len = len };
	struct record terms;
	int r;

	if (len > RECEIPTS_LEN_MAX)
		return err_set(err, -E2BIG, "receipt file: %zu bytes, want at most %u", len,
			       RECEIPTS_LEN_MAX);
	rs = calloc(1, sizeof(*rs));
	if (!rs)
		return err_set(err, -ENOMEM, "out of memory");
	r = parse_lease(&in, rs, &terms, err);
	if (!r)
		r = parse_list(&in, &terms, rs, err);
	if (r < 0)
		return r;
	*ret = take_ptr(rs);
	return 0;
}
