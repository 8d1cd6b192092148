/* SPDX-License-Identifier: Apache-2.0 */
/* Pod, v1. */
#include <errno.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "k8s/decode.h"

/* status.podIPs, or status.podIP where only that is given. */
static int decode_ips(const struct kube_field *status, struct kube_pod *ret)
{
	struct kube_field all = kube_field_get(status, "podIPs"),
			  one = kube_field_get(status, "podIP");
	size_t n = 0, i = 0;
	int r = kube_field_list(&all, KUBE_MAX_ADDRS, &n);

	if (r < 0)
		return r;
	bool single = n == 0 && *json_text(one.node, "");
	if (n == 0 && !single)
		return 0;
	struct addr *list = kube_alloc(all.dec, single ? 1 : n, sizeof(*list));
	if (!list)
		return kube_field_fail(&all, -ENOMEM, "no memory");
	if (single && (r = kube_field_addr(&one, &list[0])) < 0)
		return r;
	json_foreach(node, single ? NULL : all.node) {
		struct kube_field el = kube_field_at(&all, i, node), ip = kube_field_get(&el, "ip");

		if (!kube_field_is_set(&ip))
			return kube_field_fail(&ip, -EINVAL, "is missing; give an IP address");
		if ((r = kube_field_addr(&ip, &list[i++])) < 0)
			return r;
	}
	ret->ips = list;
	ret->n_ips = single ? 1 : n;
	return 0;
}

static int decode_phase(const struct kube_field *status, enum kube_pod_phase *ret)
{
	static const char *const names[] = {
		[KUBE_POD_PENDING] = "Pending",	    [KUBE_POD_RUNNING] = "Running",
		[KUBE_POD_SUCCEEDED] = "Succeeded", [KUBE_POD_FAILED] = "Failed",
		[KUBE_POD_UNKNOWN] = "Unknown",
	};
	_Static_assert(ARRAY_LEN(names) == KUBE_POD_PHASE_MAX_, "a name for each phase");
	struct kube_field f = kube_field_get(status, "phase");
	unsigned int i = KUBE_POD_PENDING;
	int r = kube_field_enum(&f, names, ARRAY_LEN(names), &i);

	if (r == 0)
		*ret = (enum kube_pod_phase)i;
	return r;
}

/* The form of a label's value, so that a lease can stand in a file name and a log line. */
static int decode_lease(const struct kube_field *meta, const char **ret)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	struct kube_field labels = kube_field_get(meta, "labels"),
			  f = kube_field_get(&labels, "weir.dev/lease");
	const char *text = "";
	int r = kube_field_text(&f, KUBE_MAX_LEASE, &text);

	if (r < 0)
		return r;
	if (text[strspn(text, allowed)])
		return kube_field_bad(&f, "is not a lease; use letters, digits, '.', '_' and '-'");
	return kube_field_str(&f, KUBE_MAX_LEASE, ret);
}

static bool is_label(const struct json *node)
{
	const char *key = json_key(node);

	return json_type(node) == JSON_STRING && key && *key && strlen(key) <= KUBE_MAX_LABEL_KEY &&
	       strlen(json_text(node, "")) <= KUBE_MAX_LABEL;
}

static const char *copy(struct kube_dec *dec, const char *text)
{
	size_t size = strlen(text) + 1;
	char *made = kube_alloc(dec, size, 1);

	return made ? memcpy(made, text, size) : NULL;
}

/* Only ever shown: what is no label is left out, and the Pod stays. */
static int decode_labels(const struct kube_field *meta, struct kube_pod *ret)
{
	struct kube_field f = kube_field_get(meta, "labels");
	size_t n = 0, max = json_type(f.node) == JSON_OBJECT ? json_len(f.node) : 0;
	struct kube_label *list;

	if (max > KUBE_MAX_POD_LABELS)
		max = KUBE_MAX_POD_LABELS;
	list = max ? kube_alloc(f.dec, max, sizeof(*list)) : NULL;
	json_foreach(node, list ? f.node : NULL) {
		if (n == max || !is_label(node))
			continue;
		list[n].key = copy(f.dec, json_key(node));
		list[n].value = copy(f.dec, json_text(node, ""));
		if (!list[n].key || !list[n].value)
			return kube_field_fail(&f, -ENOMEM, "no memory");
		n++;
	}
	if (max && !list)
		return kube_field_fail(&f, -ENOMEM, "no memory");
	ret->labels = list;
	ret->n_labels = n;
	return 0;
}

/* True when the path stays below where it starts, as it is written. */
static bool is_beneath(const char *path)
{
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += part != path;
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && *part == '.') || strncmp(part, "../", 3) == 0 ||
		    strcmp(part, "..") == 0)
			return false;
	}
	return true;
}

static int decode_cgroup(const struct kube_field *meta, const char **ret)
{
	struct kube_field annotations = kube_field_get(meta, "annotations");
	struct kube_field f = kube_field_get(&annotations, "weir.dev/cgroup");
	const char *text = "";
	int r = kube_field_text(&f, KUBE_MAX_PATH, &text);

	if (r < 0)
		return r;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return kube_field_bad(&f, "has control characters; use a path");
	}
	if (*text && !is_beneath(text))
		return kube_field_bad(&f,
				      "is not below the cgroup mount; use a path like weir/web-0");
	return kube_field_str(&f, KUBE_MAX_PATH, ret);
}

int kube_pod_decode(const struct kube_field *root, struct kube_pod *ret)
{
	struct kube_field meta = kube_field_get(root, "metadata");
	struct kube_field spec = kube_field_get(root, "spec"),
			  status = kube_field_get(root, "status");
	struct kube_field host = kube_field_get(&spec, "hostNetwork"),
			  node = kube_field_get(&spec, "nodeName"),
			  annotations = kube_field_get(&meta, "annotations"),
			  mirror = kube_field_get(&annotations, "kubernetes.io/config.mirror");
	int r;

	ret->mirror_of = "";
	ret->node_name = "";
	ret->lease = "";
	ret->cgroup = "";
	if ((r = kube_field_object(&spec)) < 0 || (r = kube_field_object(&status)) < 0 ||
	    (r = kube_field_bool(&host, &ret->host_network)) < 0 ||
	    (r = kube_field_str(&node, KUBE_MAX_NAME, &ret->node_name)) < 0 ||
	    (r = decode_phase(&status, &ret->phase)) < 0 || (r = decode_ips(&status, ret)) < 0 ||
	    (r = kube_field_str(&mirror, KUBE_MAX_LABEL, &ret->mirror_of)) < 0 ||
	    (r = decode_labels(&meta, ret)) < 0 || (r = decode_lease(&meta, &ret->lease)) < 0)
		return r;
	return decode_cgroup(&meta, &ret->cgroup);
}
