/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/type_tag.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "chain/address.h"
#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS "0123456789"

enum type_kind {
	TYPE_BOOL,
	TYPE_U8,
	TYPE_U64,
	TYPE_U128,
	TYPE_ADDRESS,
	TYPE_SIGNER,
	TYPE_VECTOR,
	TYPE_STRUCT,
	TYPE_U16,
	TYPE_U32,
	TYPE_U256,
	TYPE_MAX_
};

static const char *const names[] = {
	[TYPE_BOOL] = "bool",	  [TYPE_U8] = "u8",	      [TYPE_U64] = "u64",
	[TYPE_U128] = "u128",	  [TYPE_ADDRESS] = "address", [TYPE_SIGNER] = "signer",
	[TYPE_VECTOR] = "vector", [TYPE_STRUCT] = NULL,	      [TYPE_U16] = "u16",
	[TYPE_U32] = "u32",	  [TYPE_U256] = "u256",
};
static_assert(ARRAY_LEN(names) == TYPE_MAX_, "each kind of type has a name, a struct its own");

/* Reading BCS, with the text as a by-product when out is there. */

static bool is_name(const char *text, size_t len)
{
	return len > 0 && len <= MOVE_NAME_MAX && strchr(LETTERS, text[0]) && text[0] &&
	       strspn(text, LETTERS DIGITS) >= len;
}

const uint8_t *move_name_get(struct bcs *in, uint32_t *ret_len)
{
	char name[MOVE_NAME_MAX + 1];
	const uint8_t *at = bcs_get_bytes(in, MOVE_NAME_MAX, ret_len);

	if (!at)
		return NULL;
	memcpy(name, at, *ret_len);
	name[*ret_len] = '\0';
	if (is_name(name, *ret_len))
		return at;
	in->error = -EBADMSG;
	return NULL;
}

static void add(struct buf *out, const void *text, size_t len)
{
	if (out)
		buf_append(out, text, len);
}

static void read_name(struct bcs *in, struct buf *out)
{
	uint32_t len = 0;
	const uint8_t *at = move_name_get(in, &len);

	add(out, "::", 2);
	if (at)
		add(out, at, len);
}

static void read_type(struct bcs *in, unsigned int depth, struct buf *out);

static void read_struct(struct bcs *in, unsigned int depth, struct buf *out)
{
	uint8_t id[OBJECT_ID_LEN] = {};
	char text[ADDRESS_SIZE];
	uint32_t n;

	bcs_copy_fixed(in, id, sizeof(id));
	address_format(id, text);
	add(out, text, strlen(text));
	read_name(in, out);
	read_name(in, out);
	n = bcs_get_uleb(in, TYPE_TAG_ARGS_MAX);
	for (uint32_t i = 0; i < n && !in->error; i++) {
		add(out, i ? ", " : "<", i ? 2 : 1);
		read_type(in, depth + 1, out);
	}
	if (n)
		add(out, ">", 1);
}

static void read_type(struct bcs *in, unsigned int depth, struct buf *out)
{
	uint8_t kind = bcs_get_u8(in);

	if (kind >= TYPE_MAX_ || depth > TYPE_TAG_DEPTH_MAX)
		in->error = -EBADMSG;
	if (in->error)
		return;
	if (kind == TYPE_STRUCT) {
		read_struct(in, depth, out);
		return;
	}
	add(out, names[kind], strlen(names[kind]));
	if (kind != TYPE_VECTOR)
		return;
	add(out, "<", 1);
	read_type(in, depth + 1, out);
	add(out, ">", 1);
}

const uint8_t *type_tag_get(struct bcs *in, uint32_t *ret_len)
{
	const uint8_t *at = in->at;

	read_type(in, 1, NULL);
	if (!in->error && in->at - at > TYPE_TAG_LEN_MAX)
		in->error = -EBADMSG;
	if (in->error)
		return NULL;
	*ret_len = (uint32_t)(in->at - at);
	return at;
}

int type_tag_format(const void *bcs, size_t len, struct buf *out, struct err *err)
{
	/* an address grows from 32 bytes to 66 characters, a byte to "address" and ", " */
	cleanup(buf_fini) struct buf text = BUF_INIT((size_t)9 * TYPE_TAG_LEN_MAX);
	struct bcs in;

	bcs_init(&in, bcs, len > TYPE_TAG_LEN_MAX ? 0 : len);
	read_type(&in, 1, &text);
	if (bcs_end(&in) < 0)
		return err_set(err, -EBADMSG, "type: malformed at byte %zu",
			       len - (size_t)(in.end - in.at));
	if (buf_error(&text) || buf_append(out, text.data, text.len) < 0)
		return err_errno(err, buf_error(&text) ? buf_error(&text) : buf_error(out), "type");
	return 0;
}

/* Reading text. */

struct text {
	const char *begin, *at;
	struct buf bcs;
	int error;
	struct err *err;
};

static void text_fini(struct text *t)
{
	buf_fini(&t->bcs);
}

static void fault(struct text *t, const char *want)
{
	if (!t->error)
		t->error = err_set(t->err, -EINVAL, "type %.200s: character %zu: want %s", t->begin,
				   (size_t)(t->at - t->begin) + 1, want);
}

static void skip_blanks(struct text *t)
{
	t->at += strspn(t->at, " ");
}

static bool take(struct text *t, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(t);
	if (t->error || strncmp(t->at, word, n) != 0)
		return false;
	t->at += n;
	return true;
}

static void want(struct text *t, const char *word)
{
	if (!take(t, word))
		fault(t, word);
}

static void parse_name(struct text *t)
{
	size_t n;

	want(t, "::");
	n = strspn(t->at, LETTERS DIGITS);
	if (is_name(t->at, n))
		bcs_put_bytes(&t->bcs, t->at, (uint32_t)n);
	else
		fault(t, "a name");
	t->at += n;
}

static void parse_type(struct text *t, unsigned int depth);

/* "<T, T>" or nothing */
static void parse_args(struct text *t, unsigned int depth)
{
	size_t count_at = t->bcs.len;
	unsigned int n = 0;

	bcs_put_uleb(&t->bcs, 0);
	if (!take(t, "<"))
		return;
	do {
		if (++n > TYPE_TAG_ARGS_MAX)
			fault(t, "fewer arguments");
		parse_type(t, depth + 1);
	} while (take(t, ","));
	want(t, ">");
	static_assert(TYPE_TAG_ARGS_MAX < 0x80, "the count is one byte");
	if (!t->error && !buf_error(&t->bcs))
		t->bcs.data[count_at] = (char)n;
}

static void parse_struct(struct text *t, unsigned int depth)
{
	char text[ADDRESS_SIZE];
	uint8_t id[OBJECT_ID_LEN];
	size_t n = strspn(t->at, DIGITS "xabcdefABCDEF");

	if (n >= sizeof(text)) {
		fault(t, "a shorter address");
		return;
	}
	memcpy(text, t->at, n);
	text[n] = '\0';
	if (address_parse(text, id) < 0) {
		fault(t, "a type");
		return;
	}
	t->at += n;
	bcs_put_u8(&t->bcs, TYPE_STRUCT);
	bcs_put_fixed(&t->bcs, id, sizeof(id));
	parse_name(t);
	parse_name(t);
	parse_args(t, depth);
}

static void parse_type(struct text *t, unsigned int depth)
{
	size_t n;

	skip_blanks(t);
	n = strspn(t->at, LETTERS DIGITS);
	if (depth > TYPE_TAG_DEPTH_MAX)
		fault(t, "less depth");
	if (t->error)
		return;
	for (unsigned int kind = 0; kind < TYPE_MAX_; kind++) {
		if (!names[kind] || strlen(names[kind]) != n || strncmp(t->at, names[kind], n) != 0)
			continue;
		t->at += n;
		bcs_put_u8(&t->bcs, (uint8_t)kind);
		if (kind == TYPE_VECTOR) {
			want(t, "<");
			parse_type(t, depth + 1);
			want(t, ">");
		}
		return;
	}
	parse_struct(t, depth);
}

int type_tag_parse(const char *text, struct buf *out, struct err *err)
{
	cleanup(text_fini) struct text t = {
		.begin = text, .at = text, .bcs = BUF_INIT(TYPE_TAG_LEN_MAX), .err = err
	};

	parse_type(&t, 1);
	skip_blanks(&t);
	if (*t.at)
		fault(&t, "its end");
	if (t.error)
		return t.error;
	if (buf_error(&t.bcs) || buf_append(out, t.bcs.data, t.bcs.len) < 0)
		return err_errno(err, buf_error(&t.bcs) ? buf_error(&t.bcs) : buf_error(out),
				 "type %.200s", text);
	return 0;
}
