/* SPDX-License-Identifier: Apache-2.0 */
/* Service, v1. Fields and defaults: kube-proxy 1.36, pkg/proxy/serviceport.go. */
#include <errno.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "k8s/decode.h"

#define AFFINITY_MAX_S 86400
#define AFFINITY_DEFAULT_S 10800

static bool is_none(const struct kube_field *f)
{
	return strcmp(json_text(f->node, ""), "None") == 0;
}

static int check_families(const struct kube_field *ips, const struct kube_service *s)
{
	if (s->n_cluster_ips < 2 ||
	    addr_is_v4(&s->cluster_ips[0]) != addr_is_v4(&s->cluster_ips[1]))
		return 0;
	struct kube_field second = kube_field_at(ips, 1, json_at(ips->node, 1));
	return kube_field_bad(&second,
			      "is of the family of the first; use one IPv4 and one IPv6 address");
}

/* clusterIPs, or clusterIP where a manifest gives only that; given both, clusterIP is the first. */
static int decode_cluster_ips(const struct kube_field *spec, struct kube_service *ret)
{
	struct kube_field ip = kube_field_get(spec, "clusterIP"),
			  ips = kube_field_get(spec, "clusterIPs");
	struct addr only = {};
	const char *text = "";
	size_t n = 0, i = 0;
	int r;

	if ((r = kube_field_text(&ip, ADDR_TEXT_MAX, &text)) < 0 ||
	    (r = kube_field_list(&ips, 2, &n)) < 0)
		return r;
	ret->headless = is_none(&ip);
	if (*text && !ret->headless && (r = kube_field_addr(&ip, &only)) < 0)
		return r;
	json_foreach(node, n ? ips.node : NULL) {
		struct kube_field el = kube_field_at(&ips, i, node);

		if (is_none(&el) && i == 0)
			ret->headless = true;
		if (ret->headless)
			return 0;
		if (!kube_field_is_set(&el))
			return kube_field_fail(&el, -EINVAL, "is empty; remove the element");
		if ((r = kube_field_addr(&el, &ret->cluster_ips[i])) < 0)
			return r;
		if (i == 0 && *text && !addr_eq(&only, &ret->cluster_ips[0]))
			return kube_field_bad(&el, "is not spec.clusterIP; make them equal");
		i++;
	}
	if (n == 0 && *text && !ret->headless) {
		ret->cluster_ips[0] = only;
		n = 1;
	}
	ret->n_cluster_ips = n;
	return check_families(&ips, ret);
}

static int get_port(const struct kube_field *f, void *ret)
{
	struct kube_service_port *p = ret;
	struct kube_field name = kube_field_get(f, "name"), proto = kube_field_get(f, "protocol");
	struct kube_field port = kube_field_get(f, "port"),
			  node_port = kube_field_get(f, "nodePort");
	int r;

	p->name = "";
	if ((r = kube_field_str(&name, KUBE_MAX_LABEL, &p->name)) < 0 ||
	    (r = kube_field_proto(&proto, &p->proto)) < 0 ||
	    (r = kube_field_port(&port, 1, &p->port)) < 0 ||
	    (r = kube_field_port(&node_port, 0, &p->node_port)) < 0)
		return r;
	if (!kube_field_is_set(&port))
		return kube_field_fail(&port, -EINVAL, "is missing; use 1 to 65535");
	return 0;
}

static int decode_ports(const struct kube_field *spec, struct kube_service *ret)
{
	struct kube_field ports = kube_field_get(spec, "ports");
	static const struct kube_list how = { KUBE_MAX_PORTS, sizeof(struct kube_service_port),
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

static int decode_affinity(const struct kube_field *spec, uint32_t *ret_s)
{
	static const char *const names[] = { "None", "ClientIP" };
	struct kube_field f = kube_field_get(spec, "sessionAffinity");
	struct kube_field config = kube_field_get(spec, "sessionAffinityConfig");
	struct kube_field client = kube_field_get(&config, "clientIP");
	struct kube_field timeout = kube_field_get(&client, "timeoutSeconds");
	uint32_t s = AFFINITY_DEFAULT_S;
	unsigned int i = 0;
	int r;

	if ((r = kube_field_enum(&f, names, ARRAY_LEN(names), &i)) < 0 ||
	    (r = kube_field_u32(&timeout, 1, AFFINITY_MAX_S, &s)) < 0)
		return r;
	*ret_s = i == 1 ? s : 0;
	return 0;
}

static int decode_policy(const struct kube_field *spec, const char *key, bool *ret_local)
{
	static const char *const names[] = { "Cluster", "Local" };
	struct kube_field f = kube_field_get(spec, key);
	unsigned int i = 0;
	int r = kube_field_enum(&f, names, ARRAY_LEN(names), &i);

	if (r == 0)
		*ret_local = i == 1;
	return r;
}

/* One address of a load balancer. ipMode Proxy asks nothing of a node, and a hostname is for DNS. */
static int decode_ingress(const struct kube_field *f, struct addr *ret, bool *ret_is_vip)
{
	static const char *const modes[] = { "VIP", "Proxy" };
	struct kube_field ip = kube_field_get(f, "ip"), mode = kube_field_get(f, "ipMode");
	unsigned int i = 0;
	int r = kube_field_enum(&mode, modes, ARRAY_LEN(modes), &i);

	if (r < 0)
		return r;
	*ret_is_vip = i == 0 && *json_text(ip.node, "");
	return *ret_is_vip ? kube_field_addr(&ip, ret) : 0;
}

static int decode_status(const struct kube_field *root, struct kube_service *ret)
{
	struct kube_field status = kube_field_get(root, "status");
	struct kube_field lb = kube_field_get(&status, "loadBalancer");
	struct kube_field ingress = kube_field_get(&lb, "ingress");
	size_t n = 0, i = 0, n_vips = 0;
	int r = kube_field_list(&ingress, KUBE_MAX_ADDRS, &n);

	if (r < 0 || n == 0)
		return r;
	struct addr *list = kube_alloc(ingress.dec, n, sizeof(*list));
	if (!list)
		return kube_field_fail(&ingress, -ENOMEM, "no memory");
	json_foreach(node, ingress.node) {
		struct kube_field el = kube_field_at(&ingress, i++, node);
		bool vip = false;

		if ((r = decode_ingress(&el, &list[n_vips], &vip)) < 0)
			return r;
		n_vips += vip;
	}
	ret->ingress_ips = list;
	ret->n_ingress_ips = n_vips;
	return 0;
}

static int decode_type(const struct kube_field *spec, enum kube_service_type *ret)
{
	static const char *const names[] = {
		[KUBE_SERVICE_CLUSTER_IP] = "ClusterIP",
		[KUBE_SERVICE_NODE_PORT] = "NodePort",
		[KUBE_SERVICE_LOAD_BALANCER] = "LoadBalancer",
		[KUBE_SERVICE_EXTERNAL_NAME] = "ExternalName",
	};
	_Static_assert(ARRAY_LEN(names) == KUBE_SERVICE_TYPE_MAX_, "a name for each type");
	struct kube_field f = kube_field_get(spec, "type");
	unsigned int i = KUBE_SERVICE_CLUSTER_IP;
	int r = kube_field_enum(&f, names, ARRAY_LEN(names), &i);

	if (r == 0)
		*ret = (enum kube_service_type)i;
	return r;
}

static int decode_spec(const struct kube_field *spec, struct kube_service *ret)
{
	struct kube_field external = kube_field_get(spec, "externalIPs");
	struct kube_field ranges = kube_field_get(spec, "loadBalancerSourceRanges");
	struct kube_field health = kube_field_get(spec, "healthCheckNodePort");
	struct kube_field publish = kube_field_get(spec, "publishNotReadyAddresses");
	int r;

	if ((r = kube_field_object(spec)) < 0 || (r = decode_type(spec, &ret->type)) < 0 ||
	    (r = decode_ports(spec, ret)) < 0 ||
	    (r = kube_field_addrs(&external, KUBE_MAX_ADDRS, &ret->external_ips,
				  &ret->n_external_ips)) < 0 ||
	    (r = kube_field_cidrs(&ranges, KUBE_MAX_ADDRS, &ret->source_ranges,
				  &ret->n_source_ranges)) < 0 ||
	    (r = decode_affinity(spec, &ret->affinity_s)) < 0 ||
	    (r = decode_policy(spec, "internalTrafficPolicy", &ret->internal_local)) < 0 ||
	    (r = decode_policy(spec, "externalTrafficPolicy", &ret->external_local)) < 0 ||
	    (r = kube_field_port(&health, 0, &ret->health_check_node_port)) < 0 ||
	    (r = kube_field_bool(&publish, &ret->publish_not_ready)) < 0)
		return r;
	if (ret->type == KUBE_SERVICE_EXTERNAL_NAME)
		return 0;
	return decode_cluster_ips(spec, ret);
}

int kube_service_decode(const struct kube_field *root, struct kube_service *ret)
{
	struct kube_field meta = kube_field_get(root, "metadata"),
			  labels = kube_field_get(&meta, "labels");
	struct kube_field spec = kube_field_get(root, "spec");
	int r = decode_spec(&spec, ret);

	if (r < 0)
		return r;
	/* the label's presence counts, also with an empty value */
	ret->other_proxy = json_get(labels.node, "service.kubernetes.io/service-proxy-name");
	return decode_status(root, ret);
}
