/* SPDX-License-Identifier: Apache-2.0 */
/* Node, v1; and ServiceCIDR, networking.k8s.io/v1, which like a Node mostly says whose a range is. */
#include <errno.h>

#include "core/json.h"
#include "k8s/decode.h"

static int decode_addresses(const struct kube_field *root, struct kube_node *ret)
{
	struct kube_field status = kube_field_get(root, "status");
	struct kube_field list = kube_field_get(&status, "addresses");
	size_t n = 0, i = 0;
	int r = kube_field_list(&list, KUBE_MAX_ADDRS, &n);

	if (r < 0 || n == 0)
		return r;
	struct addr *internal = kube_alloc(list.dec, n, sizeof(*internal));
	struct addr *external = kube_alloc(list.dec, n, sizeof(*external));
	if (!internal || !external)
		return kube_field_fail(&list, -ENOMEM, "no memory");
	json_foreach(node, list.node) {
		struct kube_field el = kube_field_at(&list, i++, node),
				  addr = kube_field_get(&el, "address");
		const char *type = json_str(node, "type", "");
		bool in = strcmp(type, "InternalIP") == 0;

		if (!in && strcmp(type, "ExternalIP") != 0)
			continue;
		if (!kube_field_is_set(&addr))
			return kube_field_fail(&addr, -EINVAL, "is missing; give an IP address");
		r = kube_field_addr(&addr, in ? &internal[ret->n_internal_ips++] :
						&external[ret->n_external_ips++]);
		if (r < 0)
			return r;
	}
	ret->internal_ips = internal;
	ret->external_ips = external;
	return 0;
}

/* podCIDRs, or podCIDR where a manifest gives only that. */
static int decode_pod_cidrs(const struct kube_field *spec, struct kube_node *ret)
{
	struct kube_field all = kube_field_get(spec, "podCIDRs"),
			  one = kube_field_get(spec, "podCIDR");
	int r = kube_field_cidrs(&all, KUBE_MAX_ADDRS, &ret->pod_cidrs, &ret->n_pod_cidrs);

	if (r < 0 || ret->n_pod_cidrs || !*json_text(one.node, ""))
		return r;
	struct cidr *cidr = kube_alloc(one.dec, 1, sizeof(*cidr));
	if (!cidr)
		return kube_field_fail(&one, -ENOMEM, "no memory");
	if ((r = kube_field_cidr(&one, cidr)) < 0)
		return r;
	ret->pod_cidrs = cidr;
	ret->n_pod_cidrs = 1;
	return 0;
}

/* As kube-proxy's /healthz has it (KEP-3836): going when deleted or when the autoscaler says so. */
static int decode_eligible(const struct kube_field *spec, bool *ret)
{
	struct kube_field taints = kube_field_get(spec, "taints");
	bool eligible = !spec->dec->obj->meta.deleting;
	size_t n = 0;
	int r = kube_field_list(&taints, KUBE_MAX_TAINTS, &n);

	if (r < 0)
		return r;
	json_foreach(node, n ? taints.node : NULL) {
		if (strcmp(json_str(node, "key", ""), "ToBeDeletedByClusterAutoscaler") == 0)
			eligible = false;
	}
	*ret = eligible;
	return 0;
}

int kube_node_decode(const struct kube_field *root, struct kube_node *ret)
{
	struct kube_field meta = kube_field_get(root, "metadata"),
			  labels = kube_field_get(&meta, "labels");
	struct kube_field zone = kube_field_get(&labels, "topology.kubernetes.io/zone");
	struct kube_field spec = kube_field_get(root, "spec");
	int r;

	ret->zone = "";
	if ((r = kube_field_str(&zone, KUBE_MAX_LABEL, &ret->zone)) < 0 ||
	    (r = kube_field_object(&spec)) < 0 || (r = decode_pod_cidrs(&spec, ret)) < 0 ||
	    (r = decode_eligible(&spec, &ret->eligible)) < 0)
		return r;
	return decode_addresses(root, ret);
}

int kube_cidr_decode(const struct kube_field *root, struct kube_cidr *ret)
{
	struct kube_field spec = kube_field_get(root, "spec"),
			  cidrs = kube_field_get(&spec, "cidrs");

	return kube_field_cidrs(&cidrs, KUBE_MAX_ADDRS, &ret->cidrs, &ret->n_cidrs);
}
