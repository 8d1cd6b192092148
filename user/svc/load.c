/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the saved table: the way back from view.c. All of it is checked, as from outside. */
#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "dp/dp.h"
#include "svc/svc.h"
#include "svc/view.h"

static int bad(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "%s is missing or not valid", what);
}

static int get_uint(const struct json *o, const char *key, uint64_t limit, uint64_t *ret,
		    struct err *err)
{
	uint64_t v = 0;

	if (json_u64(o, key, &v) || v > limit)
		return bad(err, key);
	*ret = v;
	return 0;
}

static int get_port(const struct json *o, const char *key, uint16_t *ret, struct err *err)
{
	uint64_t v = 0;
	int r = get_uint(o, key, UINT16_MAX, &v, err);

	if (!r)
		*ret = v;
	return r;
}

static int get_bool(const struct json *o, const char *key, bool *ret, struct err *err)
{
	const struct json *v = json_get(o, key);

	if (!v || json_type(v) != JSON_BOOL)
		return bad(err, key);
	*ret = json_bool(o, key, false);
	return 0;
}

static int get_addr(const char *text, const char *what, struct addr *ret, struct err *err)
{
	return addr_parse(text, ret) ? bad(err, what) : 0;
}

/* The place of a word among n, by the function that names them. */
#define GET_WORD(o, key, name_of, max, ret, err)                   \
	({                                                         \
		const char *word_ = json_str(o, key, "");          \
		__typeof__(*(ret)) at_ = 0;                        \
		while (at_ < (max) && strcmp(word_, name_of(at_))) \
			at_++;                                     \
		if (at_ < (max))                                   \
			*(ret) = at_;                              \
		at_ < (max) ? 0 : bad(err, key);                   \
	})

static int get_either(const struct json *o, const char *key, const char *no, const char *yes,
		      bool *ret, struct err *err)
{
	const char *word = json_str(o, key, "");

	if (strcmp(word, no) && strcmp(word, yes))
		return bad(err, key);
	*ret = !strcmp(word, yes);
	return 0;
}

/* NULL: it is no array, or has more than limit elements. */
static const struct json *get_list(const struct json *o, const char *key, size_t limit,
				   struct err *err)
{
	const struct json *arr = json_get(o, key);

	if (json_type(arr) == JSON_ARRAY && json_len(arr) <= limit)
		return arr;
	bad(err, key);
	return NULL;
}

static int get_addrs(const struct json *o, const char *key, size_t limit, struct addr *ret,
		     size_t *ret_n, struct err *err)
{
	const struct json *arr = get_list(o, key, limit, err);
	size_t n = 0;

	if (!arr)
		return -EBADMSG;
	json_foreach(text, arr)
		if (get_addr(json_text(text, ""), key, &ret[n++], err))
			return -EBADMSG;
	*ret_n = n;
	return 0;
}

static int get_ranges(const struct json *o, const char *key, size_t limit, struct cidr *ret,
		      size_t *ret_n, struct err *err)
{
	const struct json *arr = get_list(o, key, limit, err);
	size_t n = 0;

	if (!arr)
		return -EBADMSG;
	json_foreach(text, arr)
		if (cidr_parse(json_text(text, ""), &ret[n++]))
			return bad(err, key);
	*ret_n = n;
	return 0;
}

static int endpoint_load(struct svc_table *t, struct svc_port *p, const struct json *o,
			 struct err *err)
{
	struct svc_endpoint e = {
		.node = json_str(o, "node", ""),
		.pod = json_str(o, "pod", ""),
	};
	int r = get_addr(json_str(o, "address", ""), "address", &e.addr, err);

	if (!r)
		r = get_port(o, "port", &e.port, err);
	if (!r)
		r = get_bool(o, "chosen", &e.chosen, err);
	if (!r)
		r = get_bool(o, "chosenExternal", &e.chosen_external, err);
	if (!r)
		r = get_bool(o, "chosenOutside", &e.chosen_outside, err);
	if (!r)
		r = get_bool(o, "local", &e.local, err);
	if (!r)
		r = get_bool(o, "ready", &e.ready, err);
	if (!r)
		r = get_bool(o, "serving", &e.serving, err);
	if (!r)
		r = get_bool(o, "terminating", &e.terminating, err);
	if (!r)
		r = GET_WORD(o, "nodeHint", svc_hint_name, SVC_HINT_MAX_, &e.node_hint, err);
	if (!r)
		r = GET_WORD(o, "zoneHint", svc_hint_name, SVC_HINT_MAX_, &e.zone_hint, err);
	return r ? r : svc_endpoint_add(t, p, &e, err);
}

static int endpoints_load(struct svc_table *t, struct svc_port *p, const struct json *o,
			  struct err *err)
{
	const struct json *arr = get_list(o, "backends", SIZE_MAX, err);

	if (!arr)
		return -EBADMSG;
	json_foreach(e, arr) {
		int r = endpoint_load(t, p, e, err);

		if (r)
			return err_wrap(err, "port %u", p->port);
	}
	return 0;
}

static int frontend_load(struct svc_port *p, size_t vip, const struct json *o, struct err *err)
{
	struct svc_frontend f = { .vip = vip };
	int r = GET_WORD(o, "kind", svc_kind_name, SVC_KIND_MAX_, &f.kind, err);

	if (!r)
		r = get_addr(json_str(o, "address", ""), "address", &f.addr, err);
	if (!r)
		r = get_port(o, "port", &f.port, err);
	if (!r)
		r = GET_WORD(o, "result", svc_result_name, SVC_RESULT_MAX_, &f.result, err);
	if (!r)
		r = GET_WORD(o, "outside", svc_result_name, SVC_RESULT_MAX_, &f.outside, err);
	return r ? r : svc_frontend_add(p, &f);
}

static int frontends_load(struct svc_port *p, size_t vip, const struct json *o, struct err *err)
{
	const struct json *arr = json_get(o, "external");

	if (json_type(arr) != JSON_ARRAY || json_len(arr) > SVC_MAX_FRONTENDS)
		return bad(err, "external");
	json_foreach(f, arr) {
		int r = frontend_load(p, vip, f, err);

		if (r)
			return err_wrap(err, "port %u", p->port);
	}
	return 0;
}

/* The entry of a port for its first cluster IP makes the port; that for the second adds to it. */
static int port_load(struct svc_table *t, struct svc_service *s, size_t at, const struct json *o,
		     struct err *err)
{
	struct svc_port spec = { .name = json_str(o, "name", "") };
	size_t vip = at % s->n_cluster_ips;
	enum svc_result result = 0;
	struct svc_port *p = NULL;
	struct addr addr;
	int r = get_addr(json_str(o, "vip", ""), "vip", &addr, err);

	if (!r && !addr_eq(&addr, &s->cluster_ips[vip]))
		r = bad(err, "vip");
	if (!r)
		r = get_port(o, "port", &spec.port, err);
	if (!r)
		r = get_port(o, "nodePort", &spec.node_port, err);
	if (!r)
		r = GET_WORD(o, "protocol", svc_proto_name, SVC_PROTO_MAX_, &spec.proto, err);
	if (!r)
		r = GET_WORD(o, "result", svc_result_name, SVC_RESULT_MAX_, &result, err);
	if (!r && !vip)
		r = svc_port_add(t, s, &spec, &p, err);
	if (r)
		return r;
	if (vip)
		p = s->ports[s->n_ports - 1];
	if (p->port != spec.port || p->proto != spec.proto)
		return bad(err, "port");
	p->result[vip] = result;
	r = frontends_load(p, vip, o, err);
	if (r)
		return r;
	if (vip && addr_is_v4(&addr) == addr_is_v4(&s->cluster_ips[0]))
		return 0; /* the same endpoints again */
	return endpoints_load(t, p, o, err);
}

static int ports_load(struct svc_table *t, struct svc_service *s, const struct json *o,
		      struct err *err)
{
	const struct json *arr = get_list(o, "ports", SIZE_MAX, err);
	size_t at = 0;

	if (!arr)
		return -EBADMSG;
	if (json_len(arr) % s->n_cluster_ips)
		return bad(err, "ports");
	json_foreach(port, arr) {
		int r = port_load(t, s, at++, port, err);

		if (r)
			return r;
	}
	return 0;
}

static int service_load(struct svc_table *t, const struct json *o, struct err *err)
{
	struct addr external[SVC_MAX_LIST], ingress[SVC_MAX_LIST];
	struct cidr ranges[SVC_MAX_LIST];
	struct svc_service spec = {
		.ns = json_str(o, "namespace", ""),
		.name = json_str(o, "name", ""),
		.uid = json_str(o, "uid", ""),
		.external_ips = external,
		.ingress_ips = ingress,
		.source_ranges = ranges,
	};
	struct svc_service *s;
	uint64_t timeout = 0;
	int r = GET_WORD(o, "type", svc_type_name, SVC_TYPE_MAX_, &spec.type, err);

	if (!r)
		r = get_addrs(o, "clusterIPs", SVC_MAX_CLUSTER_IPS, spec.cluster_ips,
			      &spec.n_cluster_ips, err);
	if (!r)
		r = get_either(o, "sessionAffinity", "None", "ClientIP", &spec.affinity, err);
	if (!r)
		r = get_uint(o, "sessionAffinityTimeoutSeconds", UINT32_MAX, &timeout, err);
	if (!r)
		r = get_either(o, "internalTrafficPolicy", "Cluster", "Local", &spec.internal_local,
			       err);
	if (!r)
		r = get_either(o, "externalTrafficPolicy", "Cluster", "Local", &spec.external_local,
			       err);
	if (!r)
		r = get_port(o, "healthCheckNodePort", &spec.health_check_node_port, err);
	if (!r)
		r = get_addrs(o, "externalIPs", SVC_MAX_LIST, external, &spec.n_external_ips, err);
	if (!r)
		r = get_addrs(o, "loadBalancerIPs", SVC_MAX_LIST, ingress, &spec.n_ingress_ips,
			      err);
	if (!r)
		r = get_ranges(o, "loadBalancerSourceRanges", SVC_MAX_LIST, ranges,
			       &spec.n_source_ranges, err);
	if (r)
		return r;
	spec.affinity_timeout_s = timeout;
	r = svc_service_add(t, &spec, &s, err);
	return r ? r : ports_load(t, s, o, err);
}

static int services_load(struct svc_table *t, const struct json *root, struct err *err)
{
	const struct json *arr = get_list(root, "services", SIZE_MAX, err);

	if (!arr)
		return -EBADMSG;
	json_foreach(o, arr)
		if (service_load(t, o, err))
			return err_wrap(err, "Service %.64s/%.64s", json_str(o, "namespace", "?"),
					json_str(o, "name", "?"));
	return 0;
}

static int classes_load(struct svc_table *t, const struct json *root, struct err *err)
{
	const struct json *arr = get_list(root, "classes", SIZE_MAX, err);

	if (!arr)
		return -EBADMSG;
	json_foreach(o, arr) {
		enum weir_class class = 0;
		struct cidr prefix;
		bool pod = false;
		int r = cidr_parse(json_str(o, "prefix", ""), &prefix) ? bad(err, "prefix") : 0;

		if (!r)
			r = GET_WORD(o, "class", dp_class_name, WEIR_CLASS_MAX_, &class, err);
		if (!r)
			r = get_bool(o, "pod", &pod, err);
		if (!r)
			r = svc_class_add(t, &prefix, class, pod, err);
		if (r)
			return r;
	}
	return 0;
}

static int nodes_load(struct svc_table *t, const struct json *root, struct err *err)
{
	const struct json *arr = get_list(root, "nodes", SVC_MAX_NODES, err);

	if (!arr)
		return -EBADMSG;
	json_foreach(o, arr) {
		struct addr v4, v6;
		int r = get_addr(json_str(o, "v4", ""), "v4", &v4, err);

		if (!r)
			r = get_addr(json_str(o, "v6", ""), "v6", &v6, err);
		if (!r)
			r = svc_node_add(t, json_str(o, "name", ""), &v4, &v6, err);
		if (r)
			return r;
	}
	return 0;
}

static int table_load(struct svc_table *t, const struct json *root, struct err *err)
{
	uint64_t version = 0;
	int r = get_uint(root, "version", UINT32_MAX, &version, err);

	if (!r && version != SVC_SAVED_VERSION)
		r = err_set(err, -EBADMSG, "version %" PRIu64 " is not known here, only %d",
			    version, SVC_SAVED_VERSION);
	if (!r)
		r = get_either(root, "algorithm", "random", "maglev", &t->maglev, err);
	if (!r)
		r = classes_load(t, root, err);
	if (!r)
		r = nodes_load(t, root, err);
	if (!r)
		r = services_load(t, root, err);
	return r == -ENOMEM || !r ? r : -EBADMSG;
}

int svc_load_text(const char *text, size_t len, const char *name, struct svc_table **ret,
		  struct err *err)
{
	cleanup(svc_table_free) struct svc_table *t = NULL;
	cleanup(json_free) struct json *root = NULL;
	int r = json_parse(text, len, SVC_SAVED_MAX, name, &root, err);

	if (r)
		return r;
	if (svc_table_new(&t))
		return err_errno(err, -ENOMEM, "loading %s", name);
	r = table_load(t, root, err);
	if (r) {
		err_wrap(err, "%s is not a table of Services", name);
		if (err)
			err->code = r;
		return r;
	}
	t->selected = true;
	*ret = take_ptr(t);
	return 0;
}

int svc_load(const char *path, struct svc_table **ret, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(SVC_SAVED_MAX);
	int r = file_read(path, &text, err);

	return r ? r : svc_load_text(text.data ? text.data : "", text.len, path, ret, err);
}
