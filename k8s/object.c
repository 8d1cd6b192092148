/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/object.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "k8s/decode.h"

static const struct kube_type {
	const char *name, *version;
	bool namespaced;
} types[] = {
	[KUBE_SERVICE] = { "Service", "v1", true },
	[KUBE_SLICE] = { "EndpointSlice", "discovery.k8s.io/v1", true },
	[KUBE_NODE] = { "Node", "v1", false },
	[KUBE_POD] = { "Pod", "v1", true },
	[KUBE_CIDR] = { "ServiceCIDR", "networking.k8s.io/v1", false },
};
_Static_assert(ARRAY_LEN(types) == KUBE_KIND_MAX_, "a type for each kind");

const char *kube_kind_name(enum kube_kind kind)
{
	return kind < KUBE_KIND_MAX_ ? types[kind].name : "unknown";
}

char *kube_object_title(const struct kube_object *obj, char *ret)
{
	const struct kube_meta *m = &obj->meta;

	snprintf(ret, KUBE_TITLE_MAX, "%s%s%s%s%s", kube_kind_name(obj->kind), *m->name ? " " : "",
		 *m->name ? m->namespace : "", *m->name && *m->namespace ? "/" : "", m->name);
	return ret;
}

struct kube_object *kube_object_ref(struct kube_object *obj)
{
	obj->refs++;
	return obj;
}

void kube_object_free(struct kube_object **obj)
{
	struct kube_object *o = take_ptr(*obj);

	if (o && --o->refs == 0)
		free(o);
}

static int check_version(const struct kube_field *root, const struct kube_type *type)
{
	struct kube_field f = kube_field_get(root, "apiVersion");
	const char *version = json_text(f.node, "");

	if (!*version)
		return kube_field_fail(&f, -EINVAL, "is missing; write %s", type->version);
	if (strcmp(version, type->version) != 0)
		return kube_field_fail(&f, -ENOTSUP,
				       "another %s than that of %s is not read here; remove it",
				       type->name, type->version);
	return 0;
}

int kube_kind_of(const struct kube_field *root, enum kube_kind *ret, bool *ret_list)
{
	static const char suffix[] = "List";
	struct kube_field f = kube_field_get(root, "kind");
	const char *name = json_text(f.node, "");
	size_t len = strlen(name), tail = sizeof(suffix) - 1;

	if (!*name)
		return kube_field_fail(&f, -EINVAL, "is missing; write the object's kind");
	bool list = len >= tail && strcmp(name + len - tail, suffix) == 0;
	if (list && len == tail) {
		*ret = KUBE_KIND_MAX_;
		*ret_list = true;
		return 0;
	}
	len -= list ? tail : 0;
	for (unsigned int i = 0; i < KUBE_KIND_MAX_; i++) {
		if (strncmp(name, types[i].name, len) != 0 || types[i].name[len])
			continue;
		int r = check_version(root, &types[i]);
		if (r < 0)
			return r;
		*ret = (enum kube_kind)i;
		*ret_list = list;
		return 0;
	}
	kube_field_bad(&f,
		       "is not read here; use Service, EndpointSlice, Node, Pod or ServiceCIDR");
	if (root->dec->err)
		root->dec->err->code = -ENOTSUP;
	return -ENOTSUP;
}

/* So that a name can stand in a key, a log line and a terminal as it is. */
static int check_name(const struct kube_field *f, const char *name, const char *more)
{
	if (!*name)
		return kube_field_fail(f, -EINVAL, "is missing; give the object a name");
	for (const char *c = name; *c; c++) {
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && !strchr(more, *c))
			return kube_field_bad(f, "is not a name; use a-z, 0-9 and '-'");
	}
	return 0;
}

static int decode_meta(const struct kube_field *root, bool namespaced, struct kube_meta *ret)
{
	struct kube_meta m = { "", "", "", "", false };
	struct kube_field meta = kube_field_get(root, "metadata");
	struct kube_field name = kube_field_get(&meta, "name");
	struct kube_field namespace = kube_field_get(&meta, "namespace");
	struct kube_field uid = kube_field_get(&meta, "uid");
	struct kube_field version = kube_field_get(&meta, "resourceVersion");
	struct kube_field deletion = kube_field_get(&meta, "deletionTimestamp");
	int r;

	if ((r = kube_field_object(&meta)) < 0 ||
	    (r = kube_field_str(&name, KUBE_MAX_NAME, &m.name)) < 0 ||
	    (r = check_name(&name, m.name, ".-")) < 0)
		return r;
	if (namespaced) {
		m.namespace = "default";
		r = kube_field_str(&namespace, KUBE_MAX_LABEL, &m.namespace);
		if (r == 0)
			r = check_name(&namespace, m.namespace, "-");
		if (r < 0)
			return r;
	}
	*ret = m; /* from here on an error can say whose it is */
	if ((r = kube_field_str(&uid, KUBE_MAX_UID, &ret->uid)) < 0)
		return r;
	ret->deleting = kube_field_is_set(&deletion);
	return kube_field_str(&version, KUBE_MAX_VERSION, &ret->resource_version);
}

static int decode_body(const struct kube_field *root, struct kube_object *obj)
{
	switch (obj->kind) {
	case KUBE_SERVICE:
		return kube_service_decode(root, &obj->service);
	case KUBE_SLICE:
		return kube_slice_decode(root, &obj->slice);
	case KUBE_NODE:
		return kube_node_decode(root, &obj->node);
	case KUBE_POD:
		return kube_pod_decode(root, &obj->pod);
	case KUBE_CIDR:
		return kube_cidr_decode(root, &obj->cidr);
	case KUBE_KIND_MAX_:
		break;
	}
	return -ENOTSUP;
}

/* The object's own kind; an item of a list need not repeat what its list says. */
static int decide_kind(const struct kube_field *root, enum kube_kind expected, enum kube_kind *ret)
{
	struct kube_field f = kube_field_get(root, "kind");
	bool list = false;

	if (expected == KUBE_KIND_MAX_) {
		int r = kube_kind_of(root, ret, &list);
		if (r < 0)
			return r;
		return list ? kube_field_bad(&f, "is a list; give one object") : 0;
	}
	if (kube_field_is_set(&f) && strcmp(json_text(f.node, ""), types[expected].name) != 0)
		return kube_field_bad(&f, "is another kind than its list; correct one of them");
	*ret = expected;
	return 0;
}

static int decode_into(const struct kube_field *root, enum kube_kind kind, struct kube_object *obj)
{
	int r;

	obj->refs = 1;
	obj->kind = kind;
	obj->meta = (struct kube_meta){ "", "", "", "", false };
	root->dec->obj = obj;
	root->dec->used = 0;
	r = decode_meta(root, types[kind].namespaced, &obj->meta);
	return r < 0 ? r : decode_body(root, obj);
}

/* Up to where an object of the kind has its strings and lists. */
static size_t size_of(enum kube_kind kind)
{
	static const size_t sizes[] = {
		[KUBE_SERVICE] = sizeof(struct kube_service),
		[KUBE_SLICE] = sizeof(struct kube_slice),
		[KUBE_NODE] = sizeof(struct kube_node),
		[KUBE_POD] = sizeof(struct kube_pod),
		[KUBE_CIDR] = sizeof(struct kube_cidr),
	};
	_Static_assert(ARRAY_LEN(sizes) == KUBE_KIND_MAX_, "a size for each kind");
	size_t own = kind < KUBE_KIND_MAX_ ? sizes[kind] : 0;
	size_t size = offsetof(struct kube_object, service) + own;

	return (size + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
}

static int decode(const struct kube_field *root, enum kube_kind expected, struct kube_object **ret)
{
	cleanup(kube_object_free) struct kube_object *obj = NULL;
	struct kube_dec *dec = root->dec;
	struct kube_object first = {};
	enum kube_kind kind = expected;
	int r;

	if (json_type(root->node) != JSON_OBJECT)
		return kube_field_fail(root, -EINVAL,
				       "not an object; write apiVersion, kind, metadata");
	if ((r = decide_kind(root, expected, &kind)) < 0 ||
	    (r = decode_into(root, kind, &first)) < 0)
		return r;
	obj = calloc(1, size_of(kind) + dec->used);
	if (!obj)
		return kube_field_fail(root, -ENOMEM, "no memory");
	dec->room = (char *)obj + size_of(kind);
	dec->size = dec->used;
	r = decode_into(root, kind, obj);
	if (r < 0)
		return r;
	*ret = take_ptr(obj);
	return 0;
}

int kube_object_decode(const struct json *j, enum kube_kind kind, struct kube_object **ret,
		       const struct json **at, struct err *err)
{
	struct kube_dec dec = { .err = err };
	struct kube_field root = { .dec = &dec, .node = j };
	int r = decode(&root, kind, ret);

	if (r < 0 && at)
		*at = dec.at;
	kube_chunks_free(&dec.chunks);
	return r;
}
