/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/set.h"

#include <assert.h>
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "k8s/decode.h"

struct kube_array {
	struct kube_object **v; /* sorted by namespace, then name */
	size_t n, cap;
};

struct kube_set {
	struct kube_array kinds[KUBE_KIND_MAX_];
	struct kube_array slices; /* those of KUBE_SLICE, by namespace, Service, name; no owner */
};

int kube_set_new(struct kube_set **ret)
{
	struct kube_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	*ret = set;
	return 0;
}

void kube_set_free(struct kube_set **set)
{
	struct kube_set *s = take_ptr(*set);

	if (!s)
		return;
	for (int kind = 0; kind < KUBE_KIND_MAX_; kind++) {
		struct kube_array *a = &s->kinds[kind];

		for (size_t i = 0; i < a->n; i++)
			kube_object_free(&a->v[i]);
		free(a->v);
	}
	free(s->slices.v);
	free(s);
}

/* Where (namespace, name) is, or would be; *ret_found tells which. */
static size_t place(const struct kube_array *a, const char *namespace, const char *name,
		    bool *ret_found)
{
	size_t low = 0, high = a->n;

	*ret_found = false;
	/* what comes in order goes to the end, without a search */
	if (a->n > 0) {
		const struct kube_meta *last = &a->v[a->n - 1]->meta;
		int c = strcmp(last->namespace, namespace);

		if (c < 0 || (c == 0 && strcmp(last->name, name) < 0))
			return a->n;
	}
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct kube_meta *m = &a->v[mid]->meta;
		int c = strcmp(m->namespace, namespace);

		if (c == 0)
			c = strcmp(m->name, name);
		if (c == 0) {
			*ret_found = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Room for n more, so that what follows can't fail. */
static int reserve(struct kube_array *a, size_t n)
{
	if (n > KUBE_SET_MAX - a->n)
		return -E2BIG;
	if (a->n + n <= a->cap)
		return 0;
	size_t cap = a->cap ? a->cap * 2 : 16;
	if (cap < a->n + n)
		cap = a->n + n;
	struct kube_object **v = reallocarray(a->v, cap, sizeof(struct kube_object *));
	if (!v)
		return -ENOMEM;
	a->v = v;
	a->cap = cap;
	return 0;
}

/* ---- Slices by Service ----------------------------------------------------------------------- */

static int cmp_slice(const struct kube_object *o, const char *namespace, const char *service,
		     const char *name)
{
	int c = strcmp(o->meta.namespace, namespace);

	if (c == 0)
		c = strcmp(o->slice.service, service);
	return c ? c : strcmp(o->meta.name, name);
}

/* The first that does not come before. "" comes before each name. */
static size_t slice_place(const struct kube_array *a, const char *namespace, const char *service,
			  const char *name)
{
	size_t low = 0, high = a->n;

	if (a->n && cmp_slice(a->v[a->n - 1], namespace, service, name) < 0)
		return a->n; /* what comes in order */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (cmp_slice(a->v[mid], namespace, service, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static size_t slice_at(const struct kube_array *a, const struct kube_object *obj)
{
	return slice_place(a, obj->meta.namespace, obj->slice.service, obj->meta.name);
}

/* There is room. */
static void slice_add(struct kube_array *a, struct kube_object *obj)
{
	size_t i = slice_at(a, obj);

	memmove(&a->v[i + 1], &a->v[i], (a->n - i) * sizeof(struct kube_object *));
	a->v[i] = obj;
	a->n++;
}

static void slice_remove(struct kube_array *a, const struct kube_object *obj)
{
	size_t i = slice_at(a, obj);

	a->n--;
	memmove(&a->v[i], &a->v[i + 1], (a->n - i) * sizeof(struct kube_object *));
}

const struct kube_object *const *kube_set_slices(const struct kube_set *set, size_t *ret_n)
{
	*ret_n = set->slices.n;
	return (const struct kube_object *const *)set->slices.v;
}

const struct kube_object *const *kube_set_slices_of(const struct kube_set *set,
						    const char *namespace, const char *service,
						    size_t *ret_n)
{
	const struct kube_array *a = &set->slices;
	size_t first = slice_place(a, namespace, service, ""), n = 0;

	while (first + n < a->n && !strcmp(a->v[first + n]->meta.namespace, namespace) &&
	       !strcmp(a->v[first + n]->slice.service, service))
		n++;
	*ret_n = n;
	return n ? (const struct kube_object *const *)a->v + first : NULL;
}

/* ---- All objects ----------------------------------------------------------------------------- */

static int reserve_slices(struct kube_set *set, enum kube_kind kind, size_t n)
{
	return kind == KUBE_SLICE ? reserve(&set->slices, n) : 0;
}

int kube_set_replace(struct kube_set *set, struct kube_object *obj, struct kube_object **ret_was)
{
	struct kube_array *a = &set->kinds[obj->kind];
	bool found;
	size_t i = place(a, obj->meta.namespace, obj->meta.name, &found);

	if (found) {
		if (obj->kind == KUBE_SLICE) {
			slice_remove(&set->slices, a->v[i]);
			slice_add(&set->slices, obj);
		}
		*ret_was = a->v[i];
		a->v[i] = kube_object_ref(obj);
		return 0;
	}
	int r = reserve(a, 1);
	if (r == 0)
		r = reserve_slices(set, obj->kind, 1);
	if (r < 0)
		return r;
	if (obj->kind == KUBE_SLICE)
		slice_add(&set->slices, obj);
	memmove(&a->v[i + 1], &a->v[i], (a->n - i) * sizeof(struct kube_object *));
	a->v[i] = kube_object_ref(obj);
	a->n++;
	*ret_was = NULL;
	return 0;
}

int kube_set_put(struct kube_set *set, struct kube_object *obj)
{
	cleanup(kube_object_free) struct kube_object *was = NULL;

	return kube_set_replace(set, obj, &was);
}

struct kube_object *kube_set_take(struct kube_set *set, enum kube_kind kind, const char *namespace,
				  const char *name)
{
	struct kube_array *a = &set->kinds[kind];
	bool found;
	size_t i = place(a, namespace, name, &found);

	if (!found)
		return NULL;
	struct kube_object *obj = a->v[i];
	if (kind == KUBE_SLICE)
		slice_remove(&set->slices, obj);
	a->n--;
	memmove(&a->v[i], &a->v[i + 1], (a->n - i) * sizeof(struct kube_object *));
	return obj;
}

int kube_set_del(struct kube_set *set, enum kube_kind kind, const char *namespace, const char *name)
{
	cleanup(kube_object_free) struct kube_object *was =
		kube_set_take(set, kind, namespace, name);

	return was ? 0 : -ENOENT;
}

int kube_set_share(struct kube_set *set, const struct kube_set *from, enum kube_kind kind,
		   const char *namespace, const char *name)
{
	bool found;
	size_t i = place(&from->kinds[kind], namespace, name, &found);

	return found ? kube_set_put(set, from->kinds[kind].v[i]) : -ENOENT;
}

const struct kube_object *kube_set_find(const struct kube_set *set, enum kube_kind kind,
					const char *namespace, const char *name)
{
	bool found;
	size_t i = place(&set->kinds[kind], namespace, name, &found);

	return found ? set->kinds[kind].v[i] : NULL;
}

size_t kube_set_len(const struct kube_set *set, enum kube_kind kind)
{
	return set->kinds[kind].n;
}

const struct kube_object *kube_set_at(const struct kube_set *set, enum kube_kind kind, size_t i)
{
	return set->kinds[kind].v[i];
}

int kube_set_merge(struct kube_set *set, const struct kube_set *from,
		   const struct kube_object **ret_twice)
{
	/* all that can fail first */
	for (unsigned int kind = 0; kind < KUBE_KIND_MAX_; kind++) {
		const struct kube_array *f = &from->kinds[kind];

		for (size_t i = 0; i < f->n; i++) {
			const struct kube_meta *m = &f->v[i]->meta;

			if (kube_set_find(set, (enum kube_kind)kind, m->namespace, m->name)) {
				*ret_twice = f->v[i];
				return -EEXIST;
			}
		}
		int r = reserve(&set->kinds[kind], f->n);
		if (r == 0)
			r = reserve_slices(set, (enum kube_kind)kind, f->n);
		if (r < 0)
			return r;
	}
	for (int kind = 0; kind < KUBE_KIND_MAX_; kind++) {
		for (size_t i = 0; i < from->kinds[kind].n; i++)
			kube_set_put(set, from->kinds[kind].v[i]);
	}
	return 0;
}

/* ---- What differs ----------------------------------------------------------------------------- */

static void touch(struct kube_touched *t, const char *namespace, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->v[i].namespace, namespace) && !strcmp(t->v[i].name, name))
			return;
	if (t->n == KUBE_TOUCHED_MAX) {
		t->more = true;
		return;
	}
	memcpy(t->v[t->n].namespace, namespace, strlen(namespace) + 1);
	memcpy(t->v[t->n++].name, name, strlen(name) + 1);
}

static void touch_one(struct kube_touched *t, const struct kube_object *obj)
{
	if (obj->kind == KUBE_SERVICE)
		touch(t, obj->meta.namespace, obj->meta.name);
	else if (obj->kind == KUBE_SLICE)
		touch(t, obj->meta.namespace, obj->slice.service);
	else if (obj->kind == KUBE_POD)
		t->pods = true;
	else
		t->more = true;
}

void kube_touched_add(struct kube_touched *t, const struct kube_object *was,
		      const struct kube_object *is)
{
	const struct kube_object *any = is ? is : was;

	assert(any);
	t->services += any->kind == KUBE_SERVICE;
	t->slices += any->kind == KUBE_SLICE;
	if (was)
		touch_one(t, was);
	if (is)
		touch_one(t, is);
	if (any->kind == KUBE_POD && !kube_pod_same_place(was, is))
		t->addrs = true;
}

bool kube_touched_any(const struct kube_touched *t)
{
	return t->n || t->more || t->pods || t->addrs;
}

static int cmp_meta(const struct kube_meta *a, const struct kube_meta *b)
{
	int c = strcmp(a->namespace, b->namespace);

	return c ? c : strcmp(a->name, b->name);
}

void kube_set_diff(const struct kube_set *old, const struct kube_set *new, enum kube_kind kind,
		   kube_differs_fn differs, void *arg)
{
	const struct kube_array *a = &old->kinds[kind], *b = &new->kinds[kind];
	size_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		const struct kube_object *was = i < a->n ? a->v[i] : NULL;
		const struct kube_object *is = j < b->n ? b->v[j] : NULL;
		int c = !was ? 1 : !is ? -1 : was == is ? 0 : cmp_meta(&was->meta, &is->meta);

		i += c <= 0;
		j += c >= 0;
		if (c == 0 && (was == is || kube_object_same(was, is)))
			continue;
		differs(arg, c <= 0 ? was : NULL, c >= 0 ? is : NULL);
	}
}

static void add_touched(void *arg, const struct kube_object *was, const struct kube_object *is)
{
	kube_touched_add(arg, was, is);
}

void kube_set_compare(const struct kube_set *old, const struct kube_set *new,
		      struct kube_touched *ret)
{
	*ret = (struct kube_touched){};
	for (unsigned int kind = 0; kind < KUBE_KIND_MAX_; kind++)
		kube_set_diff(old, new, (enum kube_kind)kind, add_touched, ret);
}

static void swap(struct kube_array *a, struct kube_array *b)
{
	struct kube_array x = *a;

	*a = *b;
	*b = x;
}

void kube_set_swap(struct kube_set *a, struct kube_set *b, enum kube_kind kind)
{
	swap(&a->kinds[kind], &b->kinds[kind]);
	if (kind == KUBE_SLICE)
		swap(&a->slices, &b->slices);
}

/* ---- Documents -------------------------------------------------------------------------------- */

static int decode_one(struct kube_set *set, const struct json *j, enum kube_kind kind,
		      const struct json **at, struct err *err)
{
	cleanup(kube_object_free) struct kube_object *obj = NULL;
	char title[KUBE_TITLE_MAX];
	int r = kube_object_decode(j, kind, &obj, at, err);

	if (r < 0)
		return r;
	*at = j;
	if (kube_set_find(set, obj->kind, obj->meta.namespace, obj->meta.name))
		return err_set(err, -EEXIST, "%s: is there twice; remove one",
			       kube_object_title(obj, title));
	r = kube_set_put(set, obj);
	if (r < 0)
		return err_set(err, r, "%s: %s", kube_object_title(obj, title),
			       r == -E2BIG ? "too many objects of its kind" : "no memory");
	return 0;
}

static int decode_doc(struct kube_set *set, const struct json *doc, const struct json **at,
		      struct err *err)
{
	struct kube_dec dec = { .err = err };
	struct kube_field root = { .dec = &dec, .node = doc };
	enum kube_kind kind = KUBE_KIND_MAX_;
	bool list = false;
	size_t n = 0;

	*at = doc;
	if (json_type(doc) != JSON_OBJECT)
		return decode_one(set, doc, kind, at, err); /* says so */
	int r = kube_kind_of(&root, &kind, &list);
	struct kube_field items = kube_field_get(&root, "items");
	if (r == 0 && list)
		r = kube_field_list(&items, KUBE_SET_MAX, &n);
	if (r < 0) {
		*at = dec.at;
		return r;
	}
	if (!list)
		return decode_one(set, doc, kind, at, err);
	json_foreach(item, n ? items.node : NULL) {
		r = decode_one(set, item, kind, at, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int kube_set_decode(struct kube_set *set, const struct json *doc, const struct json **at,
		    struct err *err)
{
	cleanup(kube_set_free) struct kube_set *fresh = NULL;
	const struct kube_object *twice = NULL;
	const struct json *where = doc;
	char title[KUBE_TITLE_MAX];
	int r = kube_set_new(&fresh);

	if (r < 0)
		return err_errno(err, r, "reading objects");
	r = decode_doc(fresh, doc, &where, err);
	if (r < 0) {
		if (at)
			*at = where;
		return r;
	}
	r = kube_set_merge(set, fresh, &twice);
	if (r < 0 && at)
		*at = doc;
	if (r == -EEXIST)
		return err_set(err, r, "%s: is there twice; remove one",
			       kube_object_title(twice, title));
	return r < 0 ? err_errno(err, r, "adding objects") : 0;
}
