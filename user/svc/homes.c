/* SPDX-License-Identifier: Apache-2.0 */
/* Which node has a backend and answers for it by itself: weir_home, for direct server return. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "svc/planner.h"
#include "svc/svc.h"

int svc_home_cmp(const void *a, const void *b)
{
	const struct dp_home *left = a, *right = b;

	return memcmp(&left->backend, &right->backend, sizeof(left->backend));
}

static int whole_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct dp_home));
}

/* ---- What should be there -------------------------------------------------------------------- */

/* Clients outside keep their address by policy Local, and are sent nowhere without a frontend of theirs. */
static bool is_reached(const struct svc_service *s, const struct svc_port *p)
{
	return p->n_frontends && !s->external_local && p->proto != SVC_SCTP;
}

static const struct svc_node *node_of(const struct svc_table *t, const struct svc_endpoint *e)
{
	size_t low = 0, high = t->n_nodes;

	if (!e->ready && !e->serving)
		return NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = strcmp(t->nodes[mid].name, e->node);

		if (!r)
			return &t->nodes[mid];
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void home_add(struct svc_want *w, const struct svc_node *node, const struct svc_endpoint *e)
{
	const struct addr *a = addr_is_v4(&e->addr) ? &node->v4 : &node->v6;
	static const struct addr none;

	if (addr_eq(a, &none))
		return;
	w->homes[w->n_homes++] = (struct dp_home){ .backend = svc_kernel_addr(&e->addr),
						   .node = svc_kernel_addr(a) };
}

static size_t endpoints(const struct svc_service *s)
{
	size_t n = 0;

	for (size_t k = 0; k < s->n_ports; k++)
		n += is_reached(s, s->ports[k]) ? s->ports[k]->n_endpoints : 0;
	return n;
}

int svc_want_homes(struct svc_want *w, const struct svc_table *t)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; t->n_nodes && i < t->n_services; i++)
		n += endpoints(t->services[i]);
	w->homes = calloc(n + 1, sizeof(*w->homes));
	if (!w->homes)
		return -ENOMEM;
	for (size_t i = 0; n && i < t->n_services; i++)
		for (size_t k = 0; k < t->services[i]->n_ports; k++) {
			const struct svc_port *p = t->services[i]->ports[k];

			for (size_t e = 0; is_reached(t->services[i], p) && e < p->n_endpoints;
			     e++) {
				const struct svc_node *node = node_of(t, &p->endpoints[e]);

				if (node)
					home_add(w, node, &p->endpoints[e]);
			}
		}
	qsort(w->homes, w->n_homes, sizeof(*w->homes), whole_cmp);
	for (size_t i = 0; i < w->n_homes; i++)
		if (!kept || svc_home_cmp(&w->homes[kept - 1], &w->homes[i]))
			w->homes[kept++] = w->homes[i];
	w->n_homes = kept;
	return 0;
}

/* ---- Planning -------------------------------------------------------------------------------- */

static int home_op(struct planner *p, enum svc_op_kind kind, const struct dp_home *home)
{
	struct svc_op op = { .kind = kind, .home = *home };

	return planner_emit(p, &op);
}

int planner_homes(struct planner *p, const struct dp_home *have, size_t n, bool prune)
{
	const struct dp_home *home = p->want.homes, *home_end = home + p->want.n_homes;
	const struct dp_home *have_end = have + n;
	int r = 0;

	while (!r && (home < home_end || (prune && have < have_end))) {
		int side = home == home_end ? 1 : have == have_end ? -1 : svc_home_cmp(home, have);

		if (side > 0 && prune) {
			r = home_op(p, SVC_OP_HOME_DEL, have);
		} else if (side < 0 && n >= WEIR_MAX_HOMES) {
			p->no_home++;
		} else if (side < 0 || (!side && whole_cmp(home, have))) {
			n += side < 0;
			r = home_op(p, SVC_OP_HOME_PUT, home);
		}
		home += side <= 0;
		have += side >= 0;
	}
	return r;
}
