/* SPDX-License-Identifier: Apache-2.0 */
/* What differs in the tables of addresses: what one is, who may come, where backends are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "svc/differ.h"
#include "svc/svc.h"

/* ---- Classes --------------------------------------------------------------------------------- */

static void put_addr(struct differ *d, const struct weir_addr *a)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;

	memcpy(addr.b, a, sizeof(addr.b));
	buf_puts(&d->line, addr_format(&addr, text));
}

static void put_prefix(struct differ *d, const struct weir_addr *a, uint32_t bits)
{
	struct cidr prefix = { .bits = bits };
	char text[CIDR_TEXT_MAX];

	memcpy(prefix.addr.b, a, sizeof(prefix.addr.b));
	buf_puts(&d->line, cidr_format(&prefix, text));
}

static void put_class(struct differ *d, uint32_t class)
{
	buf_puts(&d->line, dp_class_name(class & ~WEIR_CLASS_POD));
	if (class & WEIR_CLASS_POD)
		buf_puts(&d->line, " (pods)");
}

int differ_classes(struct differ *d)
{
	const struct dp_class *c = d->want.classes, *c_end = c + d->want.n_classes;
	const struct dp_class *have = d->classes, *have_end = have + d->actual->n_classes;
	int r = 0;

	while (!r && (c < c_end || have < have_end)) {
		int side = c == c_end ? 1 : have == have_end ? -1 : svc_class_cmp(c, have);
		const struct weir_prefix *prefix;

		if (!side && c->class == have->class) {
			c++;
			have++;
			continue;
		}
		prefix = side > 0 ? &have->prefix : &c->prefix;
		put_prefix(d, &prefix->addr, prefix->bits);
		buf_puts(&d->line, ": ");
		if (side < 0) {
			buf_puts(&d->line, "has no class, should be ");
		} else {
			buf_puts(&d->line, "is of class ");
			put_class(d, have->class);
			buf_puts(&d->line, ", should ");
			buf_puts(&d->line, side ? "have none" : "be ");
		}
		if (side <= 0)
			put_class(d, c->class);
		c += side <= 0;
		have += side >= 0;
		r = differ_end(d);
	}
	return r;
}

/* ---- Source ranges --------------------------------------------------------------------------- */

static int frontend_id_cmp(const void *left, const void *right)
{
	const struct dp_frontend *a = left, *b = right;

	return (a->svc.id > b->svc.id) - (a->svc.id < b->svc.id);
}

/* owners: the kernel's frontends in order of id. */
static int range_differs(struct differ *d, const struct dp_frontend *owners,
			 const struct weir_range *range, const char *verb)
{
	const struct dp_frontend key = { .svc.id = range->svc };
	const struct dp_frontend *owner =
		bsearch(&key, owners, d->actual->n_frontends, sizeof(*owners), frontend_id_cmp);
	const struct svc_want_frontend *f =
		owner ? bsearch(&owner->vip, d->want.frontends, d->want.n_frontends, sizeof(*f),
				svc_vip_cmp) :
			NULL;

	if (owner && !f)
		return 0; /* that nobody wants the frontend was said */
	if (owner)
		differ_vip(d, &owner->vip, f->service);
	buf_puts(&d->line, owner ? verb : "no frontend has ");
	buf_puts(&d->line, "source range ");
	put_prefix(d, &range->addr, range->bits > 32 ? range->bits - 32 : 0);
	return differ_end(d);
}

int differ_ranges(struct differ *d)
{
	size_t n_frontends = d->actual->n_frontends, n_have = d->actual->n_ranges, n = 0;
	cleanup(free_ptr) struct dp_frontend *owners = calloc(n_frontends + 1, sizeof(*owners));
	cleanup(free_ptr) struct weir_range *have = calloc(n_have + 1, sizeof(*have));
	cleanup(free_ptr) struct weir_range *should = NULL;
	int r = svc_want_ranges(&d->want, d->ids, &should, &n);

	if (r || !owners || !have)
		return -ENOMEM;
	for (size_t i = 0; i < n_frontends; i++)
		owners[i] = d->frontends[i];
	for (size_t i = 0; i < n_have; i++)
		have[i] = d->actual->ranges[i];
	qsort(owners, n_frontends, sizeof(*owners), frontend_id_cmp);
	qsort(have, n_have, sizeof(*have), svc_range_cmp);
	for (size_t i = 0, k = 0; !r && (i < n || k < n_have);) {
		int side = i == n ? 1 : k == n_have ? -1 : svc_range_cmp(&should[i], &have[k]);

		if (side)
			r = range_differs(d, owners, side < 0 ? &should[i] : &have[k],
					  side < 0 ? "lacks " : "should not have ");
		i += side <= 0;
		k += side >= 0;
	}
	return r;
}

/* ---- Homes ----------------------------------------------------------------------------------- */

static void put_way(struct differ *d, const struct dp_home *home)
{
	buf_puts(&d->line, home ? "by node " : "masked");
	if (home)
		put_addr(d, &home->node);
}

int differ_homes(struct differ *d)
{
	const struct dp_home *home = d->want.homes, *home_end = home + d->want.n_homes;
	const struct dp_home *have = d->homes, *have_end = have + d->actual->n_homes;
	int r = 0;

	while (!r && (home < home_end || have < have_end)) {
		int side = home == home_end ? 1 : have == have_end ? -1 : svc_home_cmp(home, have);

		if (side || memcmp(home, have, sizeof(*home))) {
			put_addr(d, side > 0 ? &have->backend : &home->backend);
			buf_puts(&d->line, ": clients outside reach it ");
			put_way(d, side < 0 ? NULL : have);
			buf_puts(&d->line, ", should ");
			put_way(d, side > 0 ? NULL : home);
			r = differ_end(d);
		}
		home += side <= 0;
		have += side >= 0;
	}
	return r;
}
