/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/svc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
/* The default, HASH_JEN, falls through case labels in a way clang warns of. */
#define HASH_FUNCTION(key, len, hash) HASH_SAX(key, len, hash)
#include <uthash.h>

#include "core/cleanup.h"
#include "core/err.h"

/* Names repeat (nodes, namespaces), and one owner for all of them leaves nothing to free one by
 * one. The text "namespace/name" of a Service marks the pair as taken. */
struct svc_text {
	UT_hash_handle hh;
	bool taken;
	char text[];
};

/* Of names that do not repeat (pods, Services, uids) there are too many to look each up: one after the
 * other, in blocks. */
#define BLOCK_SIZE 16384
struct svc_block {
	struct svc_block *next;
	size_t used;
	char text[];
};

static struct svc_text *text_get(struct svc_table *t, const char *text)
{
	struct svc_text *found = NULL;
	size_t len = strlen(text);

	HASH_FIND(hh, t->texts, text, len, found);
	if (found)
		return found;
	found = calloc(1, sizeof(*found) + len + 1);
	if (!found)
		return NULL;
	memcpy(found->text, text, len);
	HASH_ADD_KEYPTR(hh, t->texts, found->text, len, found);
	if (!found->hh.tbl) {
		free(found);
		return NULL;
	}
	return found;
}

static int text_check(const char *text, const char *what, struct err *err)
{
	if (strnlen(text, SVC_MAX_TEXT + 1) > SVC_MAX_TEXT)
		return err_set(err, -E2BIG, "%s \"%.32s...\" is longer than %d bytes", what, text,
			       SVC_MAX_TEXT);
	return 0;
}

/* Replaces a lent text by the table's own. */
static int text_own(struct svc_table *t, const char **text, const char *what, struct err *err)
{
	const char *lent = *text ? *text : "";
	struct svc_text *own;
	int r = text_check(lent, what, err);

	if (r)
		return r;
	own = text_get(t, lent);
	if (!own)
		return err_errno(err, -ENOMEM, "adding a %s", what);
	*text = own->text;
	return 0;
}

/* The same for one that is hardly there twice. */
static int text_keep(struct svc_table *t, const char **text, const char *what, struct err *err)
{
	const char *lent = *text ? *text : "";
	size_t size = strlen(lent) + 1;
	int r = text_check(lent, what, err);

	if (r)
		return r;
	if (!t->blocks || BLOCK_SIZE - t->blocks->used < size) {
		struct svc_block *block = malloc(sizeof(*block) + BLOCK_SIZE);

		if (!block)
			return err_errno(err, -ENOMEM, "adding a %s", what);
		block->used = 0;
		block->next = t->blocks;
		t->blocks = block;
	}
	char *own = t->blocks->text + t->blocks->used;
	memcpy(own, lent, size);
	t->blocks->used += size;
	*text = own;
	return 0;
}

/* Room for element n: the capacity is n rounded up to a power of two. */
static int grow(void *array, size_t n, size_t size)
{
	void **at = array;
	void *wider;

	if (n & (n - 1))
		return 0;
	wider = reallocarray(*at, n ? 2 * n : 1, size);
	if (!wider)
		return -ENOMEM;
	*at = wider;
	return 0;
}

static bool can_be_dialled(const struct addr *a)
{
	static const struct addr any6, any4 = { { [10] = 0xff, [11] = 0xff } };

	return !addr_eq(a, &any6) && !addr_eq(a, &any4);
}

int svc_table_new(struct svc_table **ret)
{
	struct svc_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

static void service_free(struct svc_service *s)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		free(s->ports[i]->endpoints);
		free(s->ports[i]->frontends);
		free(s->ports[i]);
	}
	free(s->ports);
	free(s->external_ips);
	free(s->ingress_ips);
	free(s->source_ranges);
	free(s);
}

static void service_drop(struct svc_service **s)
{
	if (*s)
		service_free(*s);
}

void svc_table_free(struct svc_table **table)
{
	struct svc_table *t = *table;
	struct svc_text *text, *next;

	if (!t)
		return;
	for (size_t i = 0; i < t->n_services; i++)
		service_free(t->services[i]);
	HASH_ITER(hh, t->texts, text, next) {
		HASH_DEL(t->texts, text);
		free(text);
	}
	while (t->blocks) {
		struct svc_block *more = t->blocks->next;

		free(t->blocks);
		t->blocks = more;
	}
	free(t->services);
	free(t->classes);
	free(t->node_addrs);
	free(t->nodes);
	free(t);
	*table = NULL;
}

/* *list points to what was lent; afterwards to a copy, or to NULL. */
static int list_own(void *list, size_t n, size_t size, const char *what, struct err *err)
{
	void **at = list, *lent = *at;

	*at = NULL;
	if (n > SVC_MAX_LIST)
		return err_set(err, -E2BIG, "%zu %s; at most %d are allowed", n, what,
			       SVC_MAX_LIST);
	if (!n)
		return 0;
	*at = malloc(n * size);
	if (!*at)
		return err_errno(err, -ENOMEM, "adding %s", what);
	memcpy(*at, lent, n * size);
	return 0;
}

static int service_own(struct svc_table *t, struct svc_service *s, struct err *err)
{
	void *external = s->external_ips, *ingress = s->ingress_ips, *ranges = s->source_ranges;
	int r;

	s->external_ips = s->ingress_ips = NULL;
	s->source_ranges = NULL;
	r = text_own(t, &s->ns, "namespace", err);
	if (!r)
		r = text_keep(t, &s->name, "name", err);
	if (!r)
		r = text_keep(t, &s->uid, "uid", err);
	if (!r)
		r = list_own(&external, s->n_external_ips, sizeof(struct addr), "externalIPs", err);
	if (r)
		return r;
	s->external_ips = external;
	r = list_own(&ingress, s->n_ingress_ips, sizeof(struct addr), "ingress addresses", err);
	if (r)
		return r;
	s->ingress_ips = ingress;
	r = list_own(&ranges, s->n_source_ranges, sizeof(struct cidr), "source ranges", err);
	if (r)
		return r;
	s->source_ranges = ranges;
	return 0;
}

static int service_check(const struct svc_service *s, struct err *err)
{
	if (!*s->ns || !*s->name)
		return err_set(err, -EINVAL, "a Service without namespace or name");
	if (s->n_cluster_ips < 1 || s->n_cluster_ips > SVC_MAX_CLUSTER_IPS)
		return err_set(err, -EINVAL, "%zu cluster IPs; a Service has 1 to %d",
			       s->n_cluster_ips, SVC_MAX_CLUSTER_IPS);
	for (size_t i = 0; i < s->n_cluster_ips; i++) {
		char text[ADDR_TEXT_MAX];

		if (!can_be_dialled(&s->cluster_ips[i]))
			return err_set(err, -EINVAL, "cluster IP %s is not an address to dial",
				       addr_format(&s->cluster_ips[i], text));
	}
	return 0;
}

/* The mark that namespace and name are in the table; NULL without memory. */
static struct svc_text *service_mark(struct svc_table *t, const struct svc_service *s)
{
	char key[2 * SVC_MAX_TEXT + 2];

	snprintf(key, sizeof(key), "%s/%s", s->ns, s->name);
	return text_get(t, key);
}

int svc_service_add(struct svc_table *t, const struct svc_service *spec, struct svc_service **ret,
		    struct err *err)
{
	cleanup(service_drop) struct svc_service *s = malloc(sizeof(*s));
	struct svc_text *mark;
	int r;

	if (!s)
		return err_errno(err, -ENOMEM, "adding a Service");
	*s = *spec;
	s->ports = NULL;
	s->n_ports = 0;
	r = service_own(t, s, err);
	if (!r)
		r = service_check(s, err);
	if (r)
		return err_wrap(err, "Service %.*s/%.*s", SVC_MAX_TEXT, spec->ns ? spec->ns : "",
				SVC_MAX_TEXT, spec->name ? spec->name : "");
	if (t->n_services >= SVC_MAX_SERVICES)
		return err_set(err, -E2BIG, "Service %s/%s: the table has %d already", s->ns,
			       s->name, SVC_MAX_SERVICES);
	mark = service_mark(t, s);
	if (!mark || grow(&t->services, t->n_services, sizeof(*t->services)))
		return err_errno(err, -ENOMEM, "adding Service %s/%s", s->ns, s->name);
	if (mark->taken)
		return err_set(err, -EEXIST, "Service %s/%s is defined twice", s->ns, s->name);

	mark->taken = true;
	t->selected = false;
	*ret = t->services[t->n_services++] = take_ptr(s);
	return 0;
}

int svc_port_add(struct svc_table *t, struct svc_service *s, const struct svc_port *spec,
		 struct svc_port **ret, struct err *err)
{
	cleanup(free_ptr) struct svc_port *p = NULL;
	int r;

	if (!spec->port || spec->proto >= SVC_PROTO_MAX_)
		return err_set(err, -EINVAL, "Service %s/%s: port %u of protocol %d is not valid",
			       s->ns, s->name, spec->port, (int)spec->proto);
	if (s->n_ports >= SVC_MAX_PORTS)
		return err_set(err, -E2BIG, "Service %s/%s has more than %d ports", s->ns, s->name,
			       SVC_MAX_PORTS);
	p = malloc(sizeof(*p));
	if (!p || grow(&s->ports, s->n_ports, sizeof(struct svc_port *)))
		return err_errno(err, -ENOMEM, "adding a port to Service %s/%s", s->ns, s->name);
	*p = *spec;
	p->endpoints = NULL;
	p->frontends = NULL;
	p->n_endpoints = p->n_frontends = 0;
	r = text_own(t, &p->name, "port name", err);
	if (r)
		return err_wrap(err, "Service %s/%s", s->ns, s->name);
	t->selected = false;
	*ret = s->ports[s->n_ports++] = take_ptr(p);
	return 0;
}

int svc_endpoint_add(struct svc_table *t, struct svc_port *p, const struct svc_endpoint *spec,
		     struct err *err)
{
	char text[ADDR_TEXT_MAX];
	struct svc_endpoint e = *spec;
	int r;

	if (!e.port || !can_be_dialled(&e.addr) || e.node_hint >= SVC_HINT_MAX_ ||
	    e.zone_hint >= SVC_HINT_MAX_)
		return err_set(err, -EINVAL, "endpoint %s port %u can't be dialled",
			       addr_format(&e.addr, text), e.port);
	if (p->n_endpoints >= SVC_MAX_ENDPOINTS)
		return err_set(err, -E2BIG, "port %u has more than %d endpoints", p->port,
			       SVC_MAX_ENDPOINTS);
	r = text_own(t, &e.node, "node name", err);
	if (!r)
		r = text_keep(t, &e.pod, "pod name", err);
	if (r)
		return err_wrap(err, "endpoint %s", addr_format(&e.addr, text));
	if (grow(&p->endpoints, p->n_endpoints, sizeof(e)))
		return err_errno(err, -ENOMEM, "adding endpoint %s", addr_format(&e.addr, text));
	t->selected = false;
	p->endpoints[p->n_endpoints++] = e;
	return 0;
}

int svc_frontend_add(struct svc_port *p, const struct svc_frontend *spec)
{
	if (grow(&p->frontends, p->n_frontends, sizeof(*p->frontends)))
		return -ENOMEM;
	p->frontends[p->n_frontends++] = *spec;
	return 0;
}

static int prefix_cmp(const struct cidr *a, const struct cidr *b)
{
	int r = addr_cmp(&a->addr, &b->addr);

	return r ? r : (a->bits > b->bits) - (a->bits < b->bits);
}

int svc_class_add(struct svc_table *t, const struct cidr *prefix, enum weir_class class, bool pod,
		  struct err *err)
{
	size_t low = 0, high = t->n_classes;

	if (prefix->bits > 128 || class >= WEIR_CLASS_MAX_)
		return err_set(err, -EINVAL, "class %d of a prefix of %u bits is not valid",
			       (int)class, prefix->bits);
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (prefix_cmp(&t->classes[mid].prefix, prefix) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < t->n_classes && !prefix_cmp(&t->classes[low].prefix, prefix))
		return 0;
	if (t->n_classes >= WEIR_MAX_CLASSES)
		return err_set(err, -E2BIG, "more than %d address ranges", WEIR_MAX_CLASSES);
	if (grow(&t->classes, t->n_classes, sizeof(*t->classes)))
		return err_errno(err, -ENOMEM, "adding an address range");
	memmove(&t->classes[low + 1], &t->classes[low],
		(t->n_classes++ - low) * sizeof(*t->classes));
	t->classes[low] = (struct svc_class){ .prefix = *prefix, .class = class, .pod = pod };
	return 0;
}

int svc_node_addr_add(struct svc_table *t, const struct addr *a, struct err *err)
{
	for (size_t i = 0; i < t->n_node_addrs; i++)
		if (addr_eq(&t->node_addrs[i], a))
			return 0;
	if (t->n_node_addrs >= SVC_MAX_LIST)
		return err_set(err, -E2BIG,
			       "more than %d addresses for node ports; name fewer in "
			       "datapath.nodePortAddresses",
			       SVC_MAX_LIST);
	if (grow(&t->node_addrs, t->n_node_addrs, sizeof(*t->node_addrs)))
		return err_errno(err, -ENOMEM, "adding an address for node ports");
	t->selected = false;
	t->node_addrs[t->n_node_addrs++] = *a;
	return 0;
}

int svc_node_add(struct svc_table *t, const char *name, const struct addr *v4,
		 const struct addr *v6, struct err *err)
{
	struct svc_node node = { .name = name };
	size_t low = 0, high = t->n_nodes;
	int r;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(t->nodes[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < t->n_nodes && !strcmp(t->nodes[low].name, name))
		return 0;
	if (t->n_nodes >= SVC_MAX_NODES)
		return err_set(err, -E2BIG, "more than %d nodes", SVC_MAX_NODES);
	r = text_own(t, &node.name, "node name", err);
	if (r)
		return r;
	if (grow(&t->nodes, t->n_nodes, sizeof(*t->nodes)))
		return err_errno(err, -ENOMEM, "adding node %s", name);
	if (v4)
		node.v4 = *v4;
	if (v6)
		node.v6 = *v6;
	memmove(&t->nodes[low + 1], &t->nodes[low], (t->n_nodes++ - low) * sizeof(*t->nodes));
	t->nodes[low] = node;
	return 0;
}
