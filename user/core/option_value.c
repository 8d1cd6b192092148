/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/option.h"
#include "core/option_kind.h"
#include "core/parse.h"

/* What all lists look like; only ever copied by memcpy(), since the types are not compatible. */
struct list {
	void *v;
	size_t n;
};
_Static_assert(sizeof(struct list) == sizeof(struct option_strings), "lists have one layout");
_Static_assert(sizeof(struct list) == sizeof(struct option_addrs), "lists have one layout");
_Static_assert(sizeof(struct list) == sizeof(struct option_cidrs), "lists have one layout");
_Static_assert(sizeof(struct list) == sizeof(struct option_cidr_words), "lists have one layout");
_Static_assert(offsetof(struct list, n) == offsetof(struct option_strings, n), "as above");

static bool holds_strings(const struct option_spec *o)
{
	return o->type == OPTION_STRING || o->type == OPTION_STRINGS;
}

/* ---- Errors --------------------------------------------------------------------------------- */

static void put_form(const struct option_spec *o, struct buf *out)
{
	buf_puts(out, option_kind(o)->form);
	for (size_t i = 0; o->choices && o->choices[i]; i++)
		buf_printf(out, "%s%s", i ? ", " : " ", o->choices[i]);
}

static void put_plain(const char *text, struct buf *out)
{
	for (size_t i = 0; i < 64 && text[i]; i++)
		buf_printf(out, "%c",
			   (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i]);
	if (strnlen(text, 65) > 64)
		buf_puts(out, "...");
}

static int fail_value(const struct option_spec *o, int code, const char *text, struct err *err)
{
	cleanup(buf_fini) struct buf line = BUF_INIT(480);
	const struct option_kind *k = option_kind(o);
	uint64_t max = option_upper(o);

	if (code == -ENOMEM)
		return err_errno(err, code, "value");
	if (code == -E2BIG)
		return err_set(err, -ERANGE, "is over %d bytes long", OPTION_STRING_MAX);
	buf_puts(&line, "\"");
	put_plain(text, &line);
	if (code == -ERANGE) {
		buf_puts(&line, "\" is out of range; use ");
		k->put(o, &o->min, &line);
		buf_puts(&line, " to ");
		k->put(o, &max, &line);
	} else {
		buf_puts(&line, "\" is not ");
		put_form(o, &line);
	}
	return err_set(err, code, "%s", line.data ? line.data : "is not valid");
}

static int fail_type(const struct option_spec *o, const struct json *node, bool list,
		     struct err *err)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",	[JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "text", [JSON_ARRAY] = "a list",       [JSON_OBJECT] = "a mapping",
	};
	cleanup(buf_fini) struct buf line = BUF_INIT(480);
	enum json_type type = json_type(node);
	bool text = holds_strings(o) && (type == JSON_BOOL || type == JSON_NUMBER);

	if (list)
		buf_puts(&line, "a list, each item ");
	put_form(o, &line);
	return err_set(err, -EINVAL, "must be %s, not %s%s", line.data ? line.data : "otherwise",
		       names[type], text ? "; put it in quotes" : "");
}

/* ---- Scalars and lists ---------------------------------------------------------------------- */

static int set_scalar(const struct option_spec *o, const char *text, void *at, struct err *err)
{
	int r = o->check ? o->check(text, err) : 0;

	if (r < 0)
		return r;
	r = option_kind(o)->read(o, text, at);
	return r < 0 ? fail_value(o, r, text, err) : 0;
}

/* The value of a YAML scalar in the form of a flag's; buf holds a number's digits. */
static const char *scalar_text(const struct option_spec *o, const struct json *section,
			       const struct json *node, char buf[U128_TEXT_MAX])
{
	enum json_type type = json_type(node);
	uint64_t v = 0;

	if (!(option_kind(o)->takes & (1u << type)))
		return NULL;
	if (type == JSON_STRING)
		return json_text(node, NULL);
	if (type == JSON_BOOL)
		return json_bool(section, json_key(node), false) ? "true" : "false";
	if (json_number(node, &v) < 0)
		return NULL;
	return format_u128(v, buf);
}

static void list_free(const struct option_spec *o, struct list *l)
{
	if (holds_strings(o))
		for (size_t i = 0; i < l->n; i++)
			free(((char **)l->v)[i]);
	free(l->v);
	*l = (struct list){};
}

static int list_new(const struct option_spec *o, size_t n, struct list *ret, struct err *err)
{
	size_t max = o->max ? o->max : OPTION_LIST_MAX;
	void *v;

	if (n > max)
		return err_set(err, -ERANGE, "has %zu items; %zu are the limit", n, max);
	v = n ? calloc(n, option_kind(o)->size) : NULL;
	if (n && !v)
		return err_errno(err, -ENOMEM, "list");
	*ret = (struct list){ .v = v, .n = n };
	return 0;
}

static int list_set(const struct option_spec *o, struct list *l, size_t i, const char *text,
		    struct err *err)
{
	int r = *text ? set_scalar(o, text, (char *)l->v + i * option_kind(o)->size, err) :
			err_set(err, -EINVAL, "is empty");

	if (r < 0)
		err_wrap(err, "item %zu", i + 1);
	return r;
}

/* Puts the new list in the place of the old one. */
static void list_swap(const struct option_spec *o, struct list *l, void *at)
{
	struct list old;

	memcpy(&old, at, sizeof(old));
	memcpy(at, l, sizeof(*l));
	list_free(o, &old);
}

static int list_from_text(const struct option_spec *o, const char *text, struct list *ret,
			  struct err *err)
{
	char item[OPTION_STRING_MAX + 1];
	size_t n = *text ? 1 : 0;
	int r;

	for (const char *c = text; *c; c++)
		n += *c == ',';
	r = list_new(o, n, ret, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t len = strcspn(text, ",");

		if (len >= sizeof(item))
			return fail_value(o, -E2BIG, text, err);
		memcpy(item, text, len);
		item[len] = '\0';
		r = list_set(o, ret, i, item, err);
		text += len + 1;
	}
	return r;
}

static int list_from_json(const struct option_spec *o, const struct json *node, struct list *ret,
			  struct err *err)
{
	size_t i = 0;
	int r;

	if (json_type(node) != JSON_ARRAY)
		return fail_type(o, node, true, err);
	r = list_new(o, json_len(node), ret, err);
	if (r < 0)
		return r;
	json_foreach(item, node) {
		const char *text = json_text(item, NULL);

		r = text ? list_set(o, ret, i, text, err) : fail_type(o, item, false, err);
		if (r < 0)
			return r;
		i++;
	}
	return 0;
}

/* ---- What option.c sees --------------------------------------------------------------------- */

int option_set_text(const struct option_spec *o, void *base, const char *text, struct err *err)
{
	void *at = (char *)base + o->offset;
	struct list l = {};
	int r;

	if (!option_kind(o)->list)
		return set_scalar(o, text, at, err);
	r = list_from_text(o, text, &l, err);
	if (r == 0)
		list_swap(o, &l, at);
	else
		list_free(o, &l);
	return r;
}

int option_set_json(const struct option_spec *o, void *base, const struct json *section,
		    const struct json *node, struct err *err)
{
	void *at = (char *)base + o->offset;
	char digits[U128_TEXT_MAX];
	const char *text;
	struct list l = {};
	int r;

	if (json_type(node) == JSON_NULL)
		return 0;
	if (!option_kind(o)->list) {
		text = scalar_text(o, section, node, digits);
		return text ? set_scalar(o, text, at, err) : fail_type(o, node, false, err);
	}
	r = list_from_json(o, node, &l, err);
	if (r == 0)
		list_swap(o, &l, at);
	else
		list_free(o, &l);
	return r;
}

void option_clear(const struct option_spec *o, void *base)
{
	void *at = (char *)base + o->offset;
	struct list none = {};

	if (option_kind(o)->list) {
		list_swap(o, &none, at);
		return;
	}
	if (o->type == OPTION_STRING)
		free(*(char **)at);
	memset(at, 0, option_kind(o)->size);
}

void option_put_yaml(const struct option_spec *o, const void *base, struct buf *out)
{
	const struct option_kind *k = option_kind(o);
	const char *at = (const char *)base + o->offset;
	struct list l;

	if (!k->list) {
		k->put(o, at, out);
		return;
	}
	memcpy(&l, at, sizeof(l));
	buf_puts(out, "[");
	for (size_t i = 0; i < l.n; i++) {
		buf_puts(out, i ? ", " : "");
		k->put(o, (const char *)l.v + i * k->size, out);
	}
	buf_puts(out, "]");
}

int option_strings_add(struct option_strings *l, const char *text)
{
	char **v, *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v) {
		free(copy);
		return -ENOMEM;
	}
	v[l->n] = copy;
	l->v = v;
	l->n++;
	return 0;
}

void option_strings_free(struct option_strings *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct option_strings){};
}
