/* SPDX-License-Identifier: Apache-2.0 */
/* What an API server's reply says, piece by piece: events of a watch, items and document of a list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/http.h"
#include "core/json.h"
#include "k8s/informer_int.h"
#include "k8s/set.h"

/* ---- Malformed objects ------------------------------------------------------------------------ */

/* Whose a piece is, as far as it says. */
struct whose {
	char namespace[KUBE_MAX_LABEL + 1], name[KUBE_MAX_NAME + 1];
};

static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3; /* FNV-1a */
	return h ? h : 1;
}

static uint64_t hash_of(const struct whose *w)
{
	return hash(hash(0xcbf29ce484222325, w->namespace), w->name);
}

static size_t told_at(const struct kube_informer *inf, uint64_t object)
{
	size_t i = 0;

	while (i < KUBE_TOLD_MAX && inf->told[i].object != object)
		i++;
	return i;
}

/* An object that has no name is told each time: it may be another. */
static void malformed(struct kube_informer *inf, const struct whose *w, const struct err *err)
{
	uint64_t object = hash_of(w), text = hash(object, err->text);
	size_t i = told_at(inf, object);

	if (*w->name && i < KUBE_TOLD_MAX && inf->told[i].text == text)
		return;
	if (i == KUBE_TOLD_MAX) {
		i = inf->next_told++ % KUBE_TOLD_MAX;
		inf->n_told += !inf->told[i].object;
	}
	inf->told[i].object = object;
	inf->told[i].text = text;
	inf->ops->malformed(inf->arg, err);
}

static void well_formed(struct kube_informer *inf, const struct kube_object *obj)
{
	struct whose w = {};
	size_t i;

	if (!inf->n_told)
		return;
	memcpy(w.namespace, obj->meta.namespace, strlen(obj->meta.namespace) + 1);
	memcpy(w.name, obj->meta.name, strlen(obj->meta.name) + 1);
	i = told_at(inf, hash_of(&w));
	if (i < KUBE_TOLD_MAX) {
		inf->told[i].object = 0;
		inf->n_told--;
	}
}

/* While a list is read, what can't be read of it is as it was. */
static void keep(struct kube_informer *inf, const struct whose *w)
{
	if (inf->fresh && *w->name)
		kube_set_share(inf->fresh, inf->set, inf->resource->kind, w->namespace, w->name);
}

static void copy_name(const char *text, size_t len, char *ret, size_t size)
{
	if (len >= size)
		return;
	memcpy(ret, text, len);
	ret[len] = '\0';
}

static void whose_json(const struct json *obj, struct whose *ret)
{
	const struct json *meta = json_get(obj, "metadata");
	const char *namespace = json_str(meta, "namespace", ""), *name = json_str(meta, "name", "");

	*ret = (struct whose){};
	copy_name(namespace, strlen(namespace), ret->namespace, sizeof(ret->namespace));
	copy_name(name, strlen(name), ret->name, sizeof(ret->name));
}

/* Of a text that is no JSON: its first names. */
static void whose_text(const char *text, struct whose *ret)
{
	static const char name_key[] = "\"name\":\"", namespace_key[] = "\"namespace\":\"";
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	const char *name = strstr(text, name_key), *namespace = strstr(text, namespace_key);

	*ret = (struct whose){};
	if (name) {
		name += sizeof(name_key) - 1;
		copy_name(name, strspn(name, plain), ret->name, sizeof(ret->name));
	}
	if (namespace) {
		namespace += sizeof(namespace_key) - 1;
		copy_name(namespace, strspn(namespace, plain), ret->namespace,
			  sizeof(ret->namespace));
	}
}

static void malformed_text(struct kube_informer *inf, const char *text, const struct err *why)
{
	struct err err = *why;
	struct whose w;

	whose_text(text, &w);
	if (*w.name)
		err_wrap(&err, "%s %s%s%s", kube_kind_name(inf->resource->kind), w.namespace,
			 *w.namespace ? "/" : "", w.name);
	else
		err_wrap(&err, "%s", inf->resource->path);
	malformed(inf, &w, &err);
	keep(inf, &w);
}

/* ---- Objects ---------------------------------------------------------------------------------- */

/* One that is there already stays the same object: nothing of it has to be compared, or kept twice. */
static int put_fresh(struct kube_informer *inf, struct kube_object *obj)
{
	const struct kube_meta *m = &obj->meta;
	const struct kube_object *was = kube_set_find(inf->set, obj->kind, m->namespace, m->name);

	if (was && *m->resource_version && !strcmp(was->meta.uid, m->uid) &&
	    !strcmp(was->meta.resource_version, m->resource_version))
		return kube_set_share(inf->fresh, inf->set, obj->kind, m->namespace, m->name);
	return kube_set_put(inf->fresh, obj);
}

static int put_live(struct kube_informer *inf, struct kube_object *obj)
{
	cleanup(kube_object_free) struct kube_object *was = NULL;
	int r = kube_set_replace(inf->set, obj, &was);

	if (r == 0 && !(was && kube_object_same(was, obj)))
		inf->ops->changed(inf->arg, was, obj);
	return r;
}

static int take_object(struct kube_informer *inf, const struct json *j)
{
	cleanup(kube_object_free) struct kube_object *obj = NULL;
	struct err err = {};
	struct whose w;
	int r = kube_object_decode(j, inf->resource->kind, &obj, NULL, &err);

	if (r == 0) {
		r = inf->fresh ? put_fresh(inf, obj) : put_live(inf, obj);
		if (r == -E2BIG)
			err_set(&err, r, "%s: too many objects", inf->resource->path);
	}
	if (r == 0)
		well_formed(inf, obj);
	if (r == 0 || r == -ENOMEM)
		return r;
	whose_json(j, &w);
	malformed(inf, &w, &err);
	keep(inf, &w);
	return 0;
}

/* By its name alone: what else is wrong with it does not matter any more. */
static void drop_object(struct kube_informer *inf, const struct json *j)
{
	cleanup(kube_object_free) struct kube_object *was = NULL;
	struct whose w;

	whose_json(j, &w);
	was = kube_set_take(inf->fresh ? inf->fresh : inf->set, inf->resource->kind, w.namespace,
			    w.name);
	if (was && !inf->fresh)
		inf->ops->changed(inf->arg, was, NULL);
}

void kube_events_commit(struct kube_informer *inf)
{
	kube_set_swap(inf->set, inf->fresh, inf->resource->kind);
	kube_set_diff(inf->fresh, inf->set, inf->resource->kind, inf->ops->changed, inf->arg);
	kube_set_free(&inf->fresh);
	inf->synced = true;
	inf->whole = inf->doubt = false;
	inf->failures = 0;
}

/* ---- Events ----------------------------------------------------------------------------------- */

static int set_rv(struct kube_informer *inf, const struct json *obj)
{
	const char *rv = json_str(json_get(obj, "metadata"), "resourceVersion", "");

	if (!*rv || strlen(rv) > KUBE_RV_MAX)
		return -EBADMSG;
	memcpy(inf->rv, rv, strlen(rv) + 1);
	return 0;
}

static int event_changed(struct kube_informer *inf, const struct json *obj)
{
	int r = take_object(inf, obj);

	if (r == 0)
		set_rv(inf, obj); /* an object without one moves nothing on */
	return r;
}

static int event_deleted(struct kube_informer *inf, const struct json *obj)
{
	drop_object(inf, obj);
	set_rv(inf, obj);
	return 0;
}

static int event_bookmark(struct kube_informer *inf, const struct json *obj)
{
	const struct json *notes = json_path(obj, "metadata.annotations");
	bool ends = strcmp(json_str(notes, "k8s.io/initial-events-end", ""), "true") == 0;
	int r = set_rv(inf, obj);

	if (r < 0)
		return err_set(&inf->err, r, "%s: a bookmark without resourceVersion",
			       inf->resource->path);
	if (inf->plan == KUBE_STREAM && ends) {
		kube_events_commit(inf);
		inf->plan = KUBE_WATCH;
	}
	return 0;
}

static int event_error(struct kube_informer *inf, const struct json *obj)
{
	uint64_t status = 0;
	int r;

	json_u64(obj, "code", &status);
	r = http_status_error((unsigned int)(status <= 999 ? status : 0));
	return err_set(&inf->err, r ? r : -EIO, "%s: the watch ends: %.300s", inf->resource->path,
		       json_str(obj, "message", "without a message"));
}

static int event(struct kube_informer *inf, const struct json *j, const char *text)
{
	static const struct {
		const char *type;
		int (*take)(struct kube_informer *inf, const struct json *obj);
	} events[] = {
		{ "ADDED", event_changed },   { "MODIFIED", event_changed },
		{ "DELETED", event_deleted }, { "BOOKMARK", event_bookmark },
		{ "ERROR", event_error },
	};
	const char *type = json_str(j, "type", "");
	struct err err = {};

	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (strcmp(type, events[i].type) != 0)
			continue;
		inf->heard = true;
		return events[i].take(inf, json_get(j, "object"));
	}
	err_set(&err, -EBADMSG, "an event of type \"%.32s\"", type);
	malformed_text(inf, text, &err);
	return 0;
}

/* ---- Lists ------------------------------------------------------------------------------------ */

static int list_end(struct kube_informer *inf, const struct json *j)
{
	const char *kind = json_str(j, "kind", ""), *own = kube_kind_name(inf->resource->kind);
	const char *page = json_str(json_get(j, "metadata"), "continue", "");
	size_t len = strlen(own);

	if (strncmp(kind, own, len) != 0 || strcmp(kind + len, "List") != 0 || set_rv(inf, j) < 0)
		return err_set(&inf->err, -EBADMSG, "%s: is not a list of %s", inf->resource->path,
			       own);
	inf->listed = true;
	if (strlen(page) > KUBE_CONTINUE_MAX) /* in one page, then */
		return err_set(&inf->err, -ESTALE, "%s: the mark of the next page is too long",
			       inf->resource->path);
	memcpy(inf->next_page, page, strlen(page) + 1);
	return 0;
}

int kube_events_piece(void *arg, enum kube_piece piece, const char *text, size_t len)
{
	static const char blanks[] = " \t\r";
	struct kube_informer *inf = arg;
	cleanup(json_free) struct json *j = NULL;
	struct err err = {};
	int r;

	if (len <= 1 && strspn(text, blanks) == len)
		return 0;
	r = piece == KUBE_PIECE_BAD ?
		    err_set(&err, -EBADMSG, "is too large, too deep or cut in the middle") :
		    json_parse(text, len, KUBE_PIECE_MAX, "line", &j, &err);
	if (r == -ENOMEM)
		return r;
	if (r < 0 && piece == KUBE_PIECE_DOC && inf->plan == KUBE_LIST)
		return inf->err = err, r;
	if (r < 0) {
		malformed_text(inf, text, &err);
		return 0;
	}
	if (piece == KUBE_PIECE_ITEM)
		return take_object(inf, j);
	return inf->plan == KUBE_LIST ? list_end(inf, j) : event(inf, j, text);
}
