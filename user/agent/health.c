/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/health.h"

#include <errno.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "svc/svc.h"

static bool is_asked(const struct svc_service *s)
{
	return s->type == SVC_LOAD_BALANCER && s->external_local && s->health_check_node_port;
}

static int cmp_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static int count_endpoints(const struct svc_service *s, size_t *ret)
{
	cleanup(free_ptr) struct addr *here = NULL;
	size_t all = 0, n = 0, v4 = 0, v6 = 0;

	for (size_t i = 0; i < s->n_ports; i++)
		all += s->ports[i]->n_endpoints;
	here = calloc(all + 1, sizeof(*here));
	if (!here)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_ports; i++)
		for (size_t j = 0; j < s->ports[i]->n_endpoints; j++) {
			const struct svc_endpoint *e = &s->ports[i]->endpoints[j];

			if (e->ready && e->local)
				here[n++] = e->addr;
		}
	qsort(here, n, sizeof(*here), cmp_addr);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !addr_eq(&here[i - 1], &here[i]))
			++*(addr_is_v4(&here[i]) ? &v4 : &v6);
	*ret = v4 > v6 ? v4 : v6;
	return 0;
}

int health_ports(const struct svc_table *t, struct health_port **ret, size_t *ret_n)
{
	cleanup(free_ptr) struct health_port *out = calloc(t->n_services + 1, sizeof(*out));
	size_t n = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_services; i++) {
		const struct svc_service *s = t->services[i];
		struct health_port port = { .ns = s->ns,
					    .name = s->name,
					    .port = s->health_check_node_port };

		if (!is_asked(s))
			continue;
		if (count_endpoints(s, &port.endpoints) < 0)
			return -ENOMEM;
		out[n++] = port;
	}
	*ret = take_ptr(out);
	*ret_n = n;
	return 0;
}
