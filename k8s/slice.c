/* SPDX-License-Identifier: Apache-2.0 */
/* EndpointSlice, discovery.k8s.io/v1. Defaults: the API server's (pkg/apis/discovery/v1/
 * defaults.go), then kube-proxy's (pkg/proxy/endpointslicecache.go), 1.36. */
#include <errno.h>

#include "core/cleanup.h"
#include "core/clock.h"
#include "core/json.h"
#include "k8s/decode.h"

static int get_port(const struct kube_field *f, void *ret)
{
	struct kube_slice_port *p = ret;
	struct kube_field name = kube_field_get(f, "name"), proto = kube_field_get(f, "protocol");
	struct kube_field port = kube_field_get(f, "port");
	int r;

	p->name = "";
	if ((r = kube_field_str(&name, KUBE_MAX_LABEL, &p->name)) < 0 ||
	    (r = kube_field_proto(&proto, &p->proto)) < 0)
		return r;
	return kube_field_port(&port, 0, &p->port);
}

static int decode_ports(const struct kube_field *root, struct kube_slice *ret)
{
	struct kube_field ports = kube_field_get(root, "ports");
	static const struct kube_list how = { KUBE_MAX_PORTS, sizeof(struct kube_slice_port),
					      get_port };
	void *list = NULL;
	size_t n = 0;
	int r = kube_field_items(&ports, &how, &list, &n);

	if (r < 0)
		return r;
	ret->ports = list;
	ret->n_ports = n;
	return 0;
}

/* Only addresses[0]: more have had no agreed meaning since v1. The slice's type is known by now. */
static int decode_address(const struct kube_field *f, struct addr *ret)
{
	enum kube_address_type type = f->dec->obj->slice.type;
	struct kube_field list = kube_field_get(f, "addresses");
	size_t n = 0;
	int r = kube_field_list(&list, KUBE_MAX_ADDRS, &n);

	if (r < 0)
		return r;
	struct kube_field first = kube_field_at(&list, 0, json_first(list.node));
	if (n == 0 || !kube_field_is_set(&first))
		return kube_field_fail(&list, -EINVAL, "is empty; give one address");
	r = kube_field_addr(&first, ret);
	if (r == 0 && addr_is_v4(ret) != (type == KUBE_ADDRESS_IPV4))
		return kube_field_bad(&first,
				      "is not of the slice's addressType; correct one of them");
	return r;
}

static int decode_conditions(const struct kube_field *f, struct kube_endpoint *ret)
{
	struct kube_field conditions = kube_field_get(f, "conditions");
	struct kube_field ready = kube_field_get(&conditions, "ready");
	struct kube_field serving = kube_field_get(&conditions, "serving");
	struct kube_field terminating = kube_field_get(&conditions, "terminating");
	int r;

	ret->ready = true;
	ret->serving = true;
	ret->terminating = false;
	if ((r = kube_field_object(&conditions)) < 0 ||
	    (r = kube_field_bool(&ready, &ret->ready)) < 0 ||
	    (r = kube_field_bool(&serving, &ret->serving)) < 0)
		return r;
	return kube_field_bool(&terminating, &ret->terminating);
}

static int decode_hints(const struct kube_field *f, struct kube_endpoint *ret)
{
	struct kube_field hints = kube_field_get(f, "hints");
	struct kube_field zones = kube_field_get(&hints, "forZones"),
			  nodes = kube_field_get(&hints, "forNodes");
	int r;

	if ((r = kube_field_object(&hints)) < 0 ||
	    (r = kube_field_names(&zones, KUBE_MAX_HINTS, &ret->zone_hints, &ret->n_zone_hints)) <
		    0)
		return r;
	return kube_field_names(&nodes, KUBE_MAX_HINTS, &ret->node_hints, &ret->n_node_hints);
}

static int get_endpoint(const struct kube_field *f, void *ret)
{
	struct kube_endpoint *e = ret;
	struct kube_field node = kube_field_get(f, "nodeName"),
			  target = kube_field_get(f, "targetRef");
	struct kube_field pod = kube_field_get(&target, "name");
	int r;

	e->node_name = "";
	e->pod = "";
	if ((r = decode_address(f, &e->addr)) < 0 || (r = decode_conditions(f, e)) < 0 ||
	    (r = decode_hints(f, e)) < 0 ||
	    (r = kube_field_str(&node, KUBE_MAX_NAME, &e->node_name)) < 0)
		return r;
	if (strcmp(json_str(target.node, "kind", ""), "Pod") == 0)
		return kube_field_str(&pod, KUBE_MAX_NAME, &e->pod);
	return 0;
}

static int decode_endpoints(const struct kube_field *root, struct kube_slice *ret)
{
	struct kube_field endpoints = kube_field_get(root, "endpoints");
	static const struct kube_list how = { KUBE_MAX_ENDPOINTS, sizeof(struct kube_endpoint),
					      get_endpoint };
	void *list = NULL;
	size_t n = 0;
	int r = kube_field_items(&endpoints, &how, &list, &n);

	if (r < 0)
		return r;
	ret->endpoints = list;
	ret->n_endpoints = n;
	return 0;
}

static int decode_type(const struct kube_field *root, enum kube_address_type *ret)
{
	static const char *const names[] = {
		[KUBE_ADDRESS_IPV4] = "IPv4",
		[KUBE_ADDRESS_IPV6] = "IPv6",
		[KUBE_ADDRESS_FQDN] = "FQDN",
	};
	struct kube_field f = kube_field_get(root, "addressType");
	unsigned int i = ARRAY_LEN(names);
	int r = kube_field_enum(&f, names, ARRAY_LEN(names), &i);

	if (r < 0)
		return r;
	if (i == ARRAY_LEN(names))
		return kube_field_fail(&f, -EINVAL, "is missing; use IPv4 or IPv6");
	*ret = (enum kube_address_type)i;
	return 0;
}

int kube_slice_decode(const struct kube_field *root, struct kube_slice *ret)
{
	struct kube_field meta = kube_field_get(root, "metadata"),
			  labels = kube_field_get(&meta, "labels");
	struct kube_field annotations = kube_field_get(&meta, "annotations");
	struct kube_field service = kube_field_get(&labels, "kubernetes.io/service-name");
	int r;

	/* only ever measured with, so what is no time is none */
	time_parse(
		json_str(annotations.node, "endpoints.kubernetes.io/last-change-trigger-time", ""),
		&ret->trigger_ms);
	ret->service = "";
	if ((r = kube_field_str(&service, KUBE_MAX_NAME, &ret->service)) < 0 ||
	    (r = decode_type(root, &ret->type)) < 0 || (r = decode_ports(root, ret)) < 0)
		return r;
	/* the label's presence counts, also with an empty value */
	ret->headless = json_get(labels.node, "service.kubernetes.io/headless");
	return ret->type == KUBE_ADDRESS_FQDN ? 0 : decode_endpoints(root, ret);
}
