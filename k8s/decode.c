/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/decode.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"

#define SHOWN_MAX 64 /* characters of a bad value in an error */

struct kube_chunk {
	struct kube_chunk *next;
	max_align_t data[];
};

void *kube_alloc(struct kube_dec *dec, size_t n, size_t size)
{
	size_t align = size & -size, len, from,
	       to; /* an element's size is a multiple of its alignment */

	if (align > sizeof(uint64_t))
		align = sizeof(uint64_t);
	from = (dec->used + align - 1) & ~(align - 1);
	if (__builtin_mul_overflow(n, size, &len) || __builtin_add_overflow(from, len, &to) ||
	    to > SIZE_MAX / 2)
		return NULL;
	if (dec->room && to > dec->size)
		return NULL; /* it took less the first time, which can't be */
	dec->used = to;
	if (dec->room)
		return dec->room + from;
	if (to <= sizeof(dec->first))
		return (char *)dec->first + from;
	struct kube_chunk *c = calloc(1, sizeof(*c) + len);
	if (!c)
		return NULL;
	c->next = dec->chunks;
	dec->chunks = c;
	return c->data;
}

void kube_chunks_free(struct kube_chunk **chunks)
{
	while (*chunks) {
		struct kube_chunk *next = (*chunks)->next;

		free(*chunks);
		*chunks = next;
	}
}

struct kube_field kube_field_get(const struct kube_field *up, const char *key)
{
	return (struct kube_field){
		.dec = up->dec, .up = up, .key = key, .node = json_get(up->node, key)
	};
}

struct kube_field kube_field_at(const struct kube_field *up, size_t index, const struct json *node)
{
	return (struct kube_field){ .dec = up->dec, .up = up, .index = index, .node = node };
}

bool kube_field_is_set(const struct kube_field *f)
{
	return json_type(f->node) != JSON_NULL;
}

/* "spec.ports[1].port"; label keys, which have dots of their own, as kubectl does: labels[a.b/c]. */
static void put_path(const struct kube_field *f, struct buf *out)
{
	if (!f->up)
		return;
	put_path(f->up, out);
	if (!f->key)
		buf_printf(out, "[%zu]", f->index);
	else if (strpbrk(f->key, "./"))
		buf_printf(out, "[%s]", f->key);
	else
		buf_printf(out, "%s%s", out->len ? "." : "", f->key);
}

int kube_field_fail(const struct kube_field *f, int code, const char *fmt, ...)
{
	cleanup(buf_fini) struct buf path = BUF_INIT(256);
	const struct kube_field *at = f;
	char title[KUBE_TITLE_MAX];
	va_list ap;

	while (!at->node && at->up)
		at = at->up;
	f->dec->at = at->node;
	put_path(f, &path);
	va_start(ap, fmt);
	err_setv(f->dec->err, code, fmt, ap);
	va_end(ap);
	if (path.len)
		err_wrap(f->dec->err, "%s", path.data);
	if (f->dec->obj)
		err_wrap(f->dec->err, "%s", kube_object_title(f->dec->obj, title));
	return code;
}

int kube_field_bad(const struct kube_field *f, const char *what)
{
	cleanup(buf_fini) struct buf value = BUF_INIT(1u << 16);

	/* as JSON, so that control characters come out escaped */
	if (json_print(f->node, false, &value) < 0)
		return kube_field_fail(f, -EINVAL, "its value %s", what);
	if (value.len <= SHOWN_MAX)
		return kube_field_fail(f, -EINVAL, "%s %s", value.data, what);
	return kube_field_fail(f, -EINVAL, "%.*s... %s", SHOWN_MAX, value.data, what);
}

int kube_field_text(const struct kube_field *f, size_t max, const char **ret)
{
	if (!kube_field_is_set(f))
		return 0;
	const char *text = json_text(f->node, NULL);
	if (!text)
		return kube_field_bad(f, "is not a text; write it in quotes");
	if (strlen(text) > max)
		return kube_field_fail(f, -E2BIG, "has %zu characters; use at most %zu",
				       strlen(text), max);
	*ret = text;
	return 0;
}

int kube_field_str(const struct kube_field *f, size_t max, const char **ret)
{
	const char *text = NULL;
	int r = kube_field_text(f, max, &text);

	if (r < 0 || !text)
		return r;
	size_t size = strlen(text) + 1;
	char *copy = kube_alloc(f->dec, size, 1);
	if (!copy)
		return kube_field_fail(f, -ENOMEM, "no memory");
	memcpy(copy, text, size);
	*ret = copy;
	return 0;
}

int kube_field_bool(const struct kube_field *f, bool *ret)
{
	if (!kube_field_is_set(f))
		return 0;
	if (json_type(f->node) != JSON_BOOL)
		return kube_field_bad(f, "is not a boolean; use true or false");
	*ret = json_bool(f->up->node, f->key, false);
	return 0;
}

int kube_field_u32(const struct kube_field *f, uint32_t min, uint32_t max, uint32_t *ret)
{
	char what[96];
	uint64_t v;

	if (!kube_field_is_set(f))
		return 0;
	bool number = json_type(f->node) == JSON_NUMBER;
	if (number && json_number(f->node, &v) == 0 && v >= min && v <= max) {
		*ret = (uint32_t)v;
		return 0;
	}
	snprintf(what, sizeof(what), "is %s; use %" PRIu32 " to %" PRIu32,
		 number ? "out of range" : "not a number", min, max);
	return kube_field_bad(f, what);
}

int kube_field_port(const struct kube_field *f, uint16_t min, uint16_t *ret)
{
	uint32_t port = *ret;
	int r = kube_field_u32(f, min, UINT16_MAX, &port);

	if (r == 0)
		*ret = (uint16_t)port;
	return r;
}

int kube_field_enum(const struct kube_field *f, const char *const *names, size_t n,
		    unsigned int *ret)
{
	cleanup(buf_fini) struct buf what = BUF_INIT(256);
	const char *text = json_text(f->node, NULL);

	if (!kube_field_is_set(f) || (text && !*text))
		return 0;
	for (size_t i = 0; text && i < n; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (unsigned int)i;
			return 0;
		}
	}
	buf_puts(&what, "is not known; use ");
	for (size_t i = 0; i < n; i++)
		buf_printf(&what, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", names[i]);
	return kube_field_bad(f,
			      buf_error(&what) ? "is not known; see the API reference" : what.data);
}

int kube_field_proto(const struct kube_field *f, uint8_t *ret)
{
	static const char *const names[] = { "TCP", "UDP", "SCTP" };
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	unsigned int i = 0;
	int r = kube_field_enum(f, names, ARRAY_LEN(names), &i);

	if (r == 0)
		*ret = protos[i];
	return r;
}

int kube_field_addr(const struct kube_field *f, struct addr *ret)
{
	static const struct addr any6 = {}, any4 = { { [10] = 0xff, [11] = 0xff } };

	if (!kube_field_is_set(f))
		return 0;
	const char *text = json_text(f->node, NULL);
	struct addr addr;
	if (!text || addr_parse(text, &addr) < 0)
		return kube_field_bad(
			f, "is not an IP address; use the form 192.0.2.1 or 2001:db8::1");
	if (addr_eq(&addr, &any4) || addr_eq(&addr, &any6))
		return kube_field_bad(f, "is the unspecified address; use one that can be dialled");
	*ret = addr;
	return 0;
}

/* Blanks around it and host bits are fine: Kubernetes trims and masks. */
static int parse_cidr(const char *text, struct cidr *ret)
{
	char copy[CIDR_TEXT_MAX + 16];
	uint32_t bits;
	struct addr a;

	text += strspn(text, " \t\n");
	size_t len = strlen(text);
	while (len > 0 && strchr(" \t\n", text[len - 1]))
		len--;
	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';

	char *slash = strchr(copy, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	if (addr_parse(copy, &a) < 0)
		return -EINVAL;
	bool v4 = !strchr(copy, ':');
	if (parse_u32(slash + 1, 0, v4 ? 32 : 128, &bits) < 0)
		return -EINVAL;
	bits += v4 ? 96 : 0;

	for (uint32_t i = 0; i < 16; i++) {
		uint32_t keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			a.b[i] &= (uint8_t)(0xff00 >> keep);
	}
	*ret = (struct cidr){ .addr = a, .bits = (uint8_t)bits };
	return 0;
}

int kube_field_cidr(const struct kube_field *f, struct cidr *ret)
{
	if (!kube_field_is_set(f))
		return 0;
	const char *text = json_text(f->node, NULL);
	if (!text || parse_cidr(text, ret) < 0)
		return kube_field_bad(f,
				      "is not a prefix; use the form 10.0.0.0/8 or 2001:db8::/32");
	return 0;
}

int kube_field_object(const struct kube_field *f)
{
	if (!kube_field_is_set(f) || json_type(f->node) == JSON_OBJECT)
		return 0;
	return kube_field_bad(f, "is not an object; write fields below it");
}

int kube_field_list(const struct kube_field *f, size_t max, size_t *ret_n)
{
	if (!kube_field_is_set(f)) {
		*ret_n = 0;
		return 0;
	}
	if (json_type(f->node) != JSON_ARRAY)
		return kube_field_bad(f, "is not a list; write a list");
	size_t n = json_len(f->node);
	if (n > max)
		return kube_field_fail(f, -E2BIG, "has %zu elements; use at most %zu", n, max);
	*ret_n = n;
	return 0;
}

int kube_field_items(const struct kube_field *f, const struct kube_list *how, void **ret,
		     size_t *ret_n)
{
	size_t n = 0, i = 0;
	int r = kube_field_list(f, how->max, &n);

	if (r < 0 || n == 0)
		return r;
	char *list = kube_alloc(f->dec, n, how->size);
	if (!list)
		return kube_field_fail(f, -ENOMEM, "no memory");
	json_foreach(node, f->node) {
		struct kube_field el = kube_field_at(f, i, node);

		if (!kube_field_is_set(&el))
			return kube_field_fail(&el, -EINVAL, "is empty; remove the element");
		r = how->get(&el, list + i * how->size);
		if (r < 0)
			return r;
		i++;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

static int get_addr(const struct kube_field *f, void *ret)
{
	return kube_field_addr(f, ret);
}

static int get_cidr(const struct kube_field *f, void *ret)
{
	return kube_field_cidr(f, ret);
}

int kube_field_addrs(const struct kube_field *f, size_t max, struct addr **ret, size_t *ret_n)
{
	const struct kube_list how = { max, sizeof(struct addr), get_addr };
	void *list = NULL;
	size_t n = 0;
	int r = kube_field_items(f, &how, &list, &n);

	if (r < 0)
		return r;
	*ret = list;
	*ret_n = n;
	return 0;
}

int kube_field_cidrs(const struct kube_field *f, size_t max, struct cidr **ret, size_t *ret_n)
{
	const struct kube_list how = { max, sizeof(struct cidr), get_cidr };
	void *list = NULL;
	size_t n = 0;
	int r = kube_field_items(f, &how, &list, &n);

	if (r < 0)
		return r;
	*ret = list;
	*ret_n = n;
	return 0;
}

static int get_name(const struct kube_field *f, void *ret)
{
	struct kube_field name = kube_field_get(f, "name");
	const char *text = "";
	int r = kube_field_str(&name, KUBE_MAX_NAME, &text);

	if (r < 0)
		return r;
	if (!*text)
		return kube_field_fail(&name, -EINVAL, "is missing; give a name");
	*(const char **)ret = text;
	return 0;
}

int kube_field_names(const struct kube_field *f, size_t max, const char *const **ret, size_t *ret_n)
{
	const struct kube_list how = { max, sizeof(const char *), get_name };
	void *list = NULL;
	size_t n = 0;
	int r = kube_field_items(f, &how, &list, &n);

	if (r < 0)
		return r;
	*ret = list;
	*ret_n = n;
	return 0;
}
