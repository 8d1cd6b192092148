/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/split.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"

#define DEPTH_MAX (1u << 20) /* of what is cut out or bad: it is only counted */
#define ITEMS_DEPTH 2 /* brackets open around an item of a list */

/* Members that no decoder of k8s/ reads, whatever object they are in, and that are long. */
static const struct {
	const char *name;
	size_t len;
} cut_out[] = {
#define NAME(text) { text, sizeof(text) - 1 }
	NAME("managedFields"),
	NAME("kubectl.kubernetes.io/last-applied-configuration"),
	NAME("ownerReferences"),
	NAME("images"),
	NAME("containers"),
	NAME("initContainers"),
	NAME("volumes"),
	NAME("containerStatuses"),
	NAME("tolerations"),
	NAME("initContainerStatuses"),
	NAME("ephemeralContainers"),
#undef NAME
};

void kube_split_init(struct kube_split *s, enum kube_split_kind kind, kube_piece_fn piece,
		     void *arg)
{
	*s = (struct kube_split){ .kind = kind,
				  .piece = piece,
				  .arg = arg,
				  .doc = BUF_INIT(KUBE_PIECE_MAX),
				  .item = BUF_INIT(KUBE_PIECE_MAX) };
}

void kube_split_fini(struct kube_split *s)
{
	buf_fini(&s->doc);
	buf_fini(&s->item);
}

/* The bytes at hand: [from, at) of them are read and not yet in the piece. */
struct feed {
	struct kube_split *s;
	const char *from, *at, *end;
	const char *key; /* where the last key begins; NULL: in what came before */
};

static bool is_item(const struct kube_split *s)
{
	return s->in_items && s->depth > ITEMS_DEPTH;
}

static struct buf *piece_of(struct kube_split *s)
{
	return is_item(s) ? &s->item : &s->doc;
}

/* What was read goes into the piece; what is too much makes it bad, and its beginning stays. */
static int store(struct feed *f)
{
	struct kube_split *s = f->s;
	struct buf *to = piece_of(s);
	size_t len = (size_t)(f->at - f->from), room = to->limit - to->len;
	const char *from = f->from;
	int r = 0;

	f->from = f->at;
	s->skipped = s->bad ? s->skipped + len : 0;
	if (s->skipped > KUBE_SKIP_MAX)
		return -E2BIG;
	if (s->cut || s->bad || (s->in_items && s->depth == ITEMS_DEPTH)) /* nobody's */
		return 0;
	s->bad = len > room;
	r = buf_append(to, from, s->bad ? room : len);
	return r == -E2BIG ? 0 : r;
}

static int hand_out(struct kube_split *s, enum kube_piece piece)
{
	struct buf *of = piece == KUBE_PIECE_ITEM ? &s->item : &s->doc;
	bool bad = s->bad;
	int r = 0;

	if (bad && of->len > KUBE_PIECE_SHOWN) {
		of->len = KUBE_PIECE_SHOWN;
		of->data[of->len] = '\0';
	}
	if (of->len)
		r = s->piece(s->arg, bad ? KUBE_PIECE_BAD : piece, of->data, of->len);
	buf_reset(of);
	s->bad = false;
	s->cut = 0;
	s->is_key = s->wants_key = s->key_cut = s->key_items = false;
	return r;
}

/* ---- Watches: a line each --------------------------------------------------------------------- */

static int line_end(struct feed *f)
{
	struct kube_split *s = f->s;
	int r = store(f);

	s->bad = s->bad || s->depth || s->in_string;
	s->depth = 0;
	s->in_string = s->escaped = false;
	f->from = ++f->at;
	return r < 0 ? r : hand_out(s, KUBE_PIECE_DOC);
}

/* ---- Keys ------------------------------------------------------------------------------------- */

static void key_judge(struct kube_split *s, const char *key, size_t len)
{
	s->key_items = s->kind == KUBE_SPLIT_LIST && s->depth == 1 && len == 5 &&
		       memcmp(key, "items", 5) == 0;
	s->key_cut = false;
	for (size_t i = 0; i < ARRAY_LEN(cut_out); i++)
		if (cut_out[i].len == len && memcmp(cut_out[i].name, key, len) == 0)
			s->key_cut = true;
}

static int key_end(struct feed *f)
{
	struct kube_split *s = f->s;
	struct buf *of = piece_of(s);

	s->is_key = false;
	if (f->key) {
		key_judge(s, f->key, (size_t)(f->at - f->key));
		return 0;
	}
	int r = store(f);
	if (r == 0 && of->len >= s->key_at)
		key_judge(s, of->data + s->key_at, of->len - s->key_at);
	return r;
}

/* ---- Strings ---------------------------------------------------------------------------------- */

static void string_begin(struct feed *f)
{
	struct kube_split *s = f->s;

	s->in_string = true;
	s->is_key = s->wants_key && !s->cut && !s->bad;
	s->wants_key = false;
	f->at++;
	f->key = f->at;
	if (s->is_key)
		s->key_at = piece_of(s)->len + (size_t)(f->at - f->from);
}

static int string_feed(struct feed *f)
{
	struct kube_split *s = f->s;
	const char *at = f->at;

	if (s->escaped) {
		s->escaped = false;
		at += *at != '\n';
	}
	while (at < f->end && *at != '"' && *at != '\\' && *at != '\n')
		at++;
	f->at = at;
	if (at == f->end)
		return 0;
	if (*at == '\n' && s->kind == KUBE_SPLIT_WATCH)
		return line_end(f);
	if (*at == '"') {
		int r = s->is_key ? key_end(f) : 0;

		s->in_string = false;
		f->at++;
		return r;
	}
	s->escaped = *at == '\\';
	f->at++;
	return 0;
}

/* ---- Brackets --------------------------------------------------------------------------------- */

static int open_bracket(struct feed *f, char c)
{
	struct kube_split *s = f->s;
	int r;

	if (s->in_items && s->depth == ITEMS_DEPTH) {
		if (c != '{')
			return -EBADMSG;
		f->from = f->at;
		s->bad = false;
	}
	if (s->depth == DEPTH_MAX)
		return -E2BIG;
	if (s->depth >= JSON_MAX_DEPTH && !s->cut && !s->bad) {
		r = store(f);
		s->bad = true;
		if (r < 0)
			return r;
	}
	if (s->key_items && s->depth == 1 && c == '[') {
		f->at++;
		r = store(f);
		f->at--;
		s->in_items = true;
		if (r < 0)
			return r;
	}
	if (s->depth < 64)
		s->objects = (s->objects & ~(1ull << s->depth)) | (uint64_t)(c == '{') << s->depth;
	s->depth++;
	s->key_items = false;
	s->wants_key = c == '{';
	f->at++;
	return 0;
}

/* After the bracket that closed something. */
static int closed(struct feed *f)
{
	struct kube_split *s = f->s;
	int r = 0;

	if (s->in_items && s->depth == ITEMS_DEPTH) {
		f->from = f->at;
		return hand_out(s, KUBE_PIECE_ITEM);
	}
	if (s->in_items && s->depth < ITEMS_DEPTH) {
		s->in_items = false;
		f->from = f->at - 1;
	}
	if (s->depth == 0 && s->kind == KUBE_SPLIT_LIST) {
		r = store(f);
		s->ended = true;
		return r < 0 ? r : hand_out(s, KUBE_PIECE_DOC);
	}
	return 0;
}

static int close_bracket(struct feed *f, char c)
{
	struct kube_split *s = f->s;
	bool is_object;
	int r = 0;

	if (s->depth == 0 && s->kind == KUBE_SPLIT_LIST)
		return -EBADMSG;
	if (s->depth == 0) {
		f->at++;
		r = store(f);
		s->bad = true;
		return r;
	}
	if (s->cut && s->cut == s->depth) {
		s->cut = 0;
		f->from = f->at;
	}
	is_object = s->depth <= 64 && s->objects >> (s->depth - 1) & 1;
	if (s->depth <= 64 && is_object != (c == '}') && !s->cut) {
		if (s->kind == KUBE_SPLIT_LIST)
			return -EBADMSG;
		r = store(f);
		s->bad = true;
	}
	f->at++;
	if (is_item(s) && s->depth == ITEMS_DEPTH + 1 && r == 0)
		r = store(f); /* while it is still an item's */
	s->depth--;
	s->wants_key = false;
	return r < 0 ? r : closed(f);
}

/* ---- All others -------------------------------------------------------------------------------- */

/* Between a key and its value. */
static int colon(struct feed *f)
{
	struct kube_split *s = f->s;
	int r;

	f->at++;
	if (!s->key_cut || s->cut || s->bad)
		return 0;
	s->key_cut = false;
	r = store(f);
	if (r == 0 && !s->bad)
		r = buf_append(piece_of(s), "0", 1);
	s->cut = s->depth;
	return r == -E2BIG ? 0 : r;
}

static void comma(struct feed *f)
{
	struct kube_split *s = f->s;

	if (s->cut && s->cut == s->depth) {
		s->cut = 0;
		f->from = f->at;
	}
	s->wants_key = s->depth > 0 && s->depth <= 64 && s->objects >> (s->depth - 1) & 1;
	f->at++;
}

static int special(struct feed *f, char c)
{
	switch (c) {
	case '"':
		string_begin(f);
		return 0;
	case '{':
	case '[':
		return open_bracket(f, c);
	case '}':
	case ']':
		return close_bracket(f, c);
	case ':':
		return colon(f);
	case ',':
		comma(f);
		return 0;
	case '\n':
		if (f->s->kind == KUBE_SPLIT_WATCH)
			return line_end(f);
		break;
	default:
		break;
	}
	f->at++;
	return 0;
}

int kube_split_feed(struct kube_split *s, const void *data, size_t len)
{
	struct feed f = { .s = s, .from = data, .at = data, .end = (const char *)data + len };
	int r = 0;

	while (f.at < f.end && r == 0 && !s->ended)
		r = s->in_string ? string_feed(&f) : special(&f, *f.at);
	return r < 0 || s->ended ? r : store(&f);
}
