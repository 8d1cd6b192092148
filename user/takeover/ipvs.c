/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kube-proxy's IPVS mode made: virtual services, the dummy device that holds their addresses,
 * and ipsets. A service is kube-proxy's when its address is on that device, or when it is that of
 * a node port, which is in an ipset. So they go in this order, and when one fails the rest stays.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "takeover/kernel.h"
#include "takeover/names.h"
#include "takeover/takeover_int.h"

/* A rule of nf_tables lets go of its set some time after it is deleted: when no packet can be on its
 * way through it any more. */
#define BUSY_TRIES 50
#define BUSY_WAIT_MS 20

struct ipvs {
	unsigned int device; /* 0: none */
	struct addr *addrs; /* on the device, sorted */
	size_t n_addrs;
	struct kernel_service *services; /* kube-proxy's */
	size_t n_services;
};

static void ipvs_fini(struct ipvs *v)
{
	free(v->addrs);
	free(v->services);
}

static void free_addrs(struct ifaddrs **list)
{
	if (*list)
		freeifaddrs(*list);
}

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static bool addr_of(const struct ifaddrs *i, struct addr *ret)
{
	const void *sa = i->ifa_addr;

	if (!sa || strcmp(i->ifa_name, NAMES_DEVICE) != 0)
		return false;
	if (i->ifa_addr->sa_family == AF_INET) {
		*ret = (struct addr){ .b = { [10] = 0xff, [11] = 0xff } };
		memcpy(ret->b + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
		return true;
	}
	if (i->ifa_addr->sa_family != AF_INET6)
		return false;
	memcpy(ret->b, &((const struct sockaddr_in6 *)sa)->sin6_addr, sizeof(ret->b));
	return true;
}

static int look_addrs(struct ipvs *v, struct err *err)
{
	cleanup(free_addrs) struct ifaddrs *list = NULL;
	size_t n = 0;

	if (getifaddrs(&list) < 0)
		return err_errno(err, -errno, "listing addresses");
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		n++;
	v->addrs = calloc(n + 1, sizeof(*v->addrs));
	if (!v->addrs)
		return -ENOMEM;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		v->n_addrs += addr_of(i, &v->addrs[v->n_addrs]);
	qsort(v->addrs, v->n_addrs, sizeof(*v->addrs), by_addr);
	return 0;
}

static int is_kube_proxys(const struct ipvs *v, const struct kernel_service *s, bool *ret,
			  struct err *err)
{
	const char *set = names_node_ports(!addr_is_v4(&s->addr), s->protocol);

	*ret = bsearch(&s->addr, v->addrs, v->n_addrs, sizeof(*v->addrs), by_addr);
	return *ret || !set ? 0 : kernel_set_has(set, s, ret, err);
}

static int look(struct ipvs *v, struct err *err)
{
	size_t n = 0;
	int r = kernel_dummy(NAMES_DEVICE, &v->device, err);

	if (r == 0 && v->device)
		r = look_addrs(v, err);
	if (r == 0)
		r = kernel_services(&v->services, &n, err);
	for (size_t i = 0; i < n && r == 0; i++) {
		bool ours = false;

		r = is_kube_proxys(v, &v->services[i], &ours, err);
		if (ours)
			v->services[v->n_services++] = v->services[i];
	}
	return r;
}

static const char *protocol_name(int protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	default:
		return "sctp"; /* IPVS knows no other */
	}
}

/* 1: it failed, which is in the list. */
static int service_remove(struct takeover *t, const struct kernel_service *s)
{
	char name[ADDR_TEXT_MAX + 16], addr[ADDR_TEXT_MAX];
	bool v4 = addr_is_v4(&s->addr);
	struct takeover_item item = {
		.kind = "ipvs", .family = v4 ? "ip" : "ip6", .what = "service", .name = name
	};
	struct err why = {};
	int r;

	snprintf(name, sizeof(name), v4 ? "%s %s:%u" : "%s [%s]:%u", protocol_name(s->protocol),
		 addr_format(&s->addr, addr), s->port);
	if (!t->dry_run && kernel_service_delete(s, &why) < 0)
		item.error = why.text;
	r = takeover_add(t, &item);
	return r < 0 ? r : item.error != NULL;
}

static int device_remove(struct takeover *t, unsigned int index)
{
	struct takeover_item item = { .kind = "device", .what = "device", .name = NAMES_DEVICE };
	struct err why = {};
	int r;

	if (!t->dry_run && kernel_device_delete(index, &why) < 0)
		item.error = why.text;
	r = takeover_add(t, &item);
	return r < 0 ? r : item.error != NULL;
}

static int set_delete(const char *name, struct err *err)
{
	int r = kernel_set_delete(name, err);

	for (int i = 0; i < BUSY_TRIES && r == -EBUSY; i++) {
		poll(NULL, 0, BUSY_WAIT_MS);
		r = kernel_set_delete(name, err);
	}
	return r;
}

static int set_remove(void *ctx, const struct kernel_name *n)
{
	struct takeover_item item = { .kind = "ipset", .what = "set", .name = n->name };
	struct takeover *t = ctx;
	struct err why = {};

	if (!names_set(n->name))
		return 0;
	if (!t->dry_run && set_delete(n->name, &why) < 0)
		item.error = why.text;
	return takeover_add(t, &item);
}

static int not_seen(struct takeover *t, int r, const struct err *why)
{
	const struct takeover_item item = {
		.kind = "ipvs", .what = "service", .action = "look", .error = why->text
	};

	return r == -ENOMEM ? r : takeover_add(t, &item);
}

int ipvs_remove(struct takeover *t, struct err *err)
{
	cleanup(ipvs_fini) struct ipvs v = {};
	struct err why = {};
	int r = look(&v, &why);

	if (r < 0)
		return not_seen(t, r, &why);
	for (size_t i = 0; i < v.n_services && r == 0; i++)
		r = service_remove(t, &v.services[i]);
	if (r == 0 && v.device)
		r = device_remove(t, v.device);
	if (r == 0)
		r = kernel_sets(set_remove, t, err);
	return r < 0 ? r : 0;
}
