/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "svc/differ.h"
#include "svc/idle.h"
#include "svc/svc.h"

#define LINE_MAX_ 1024
#define NAMED_MAX 4 /* backends named in one line; the rest is counted */

static void differ_free(struct differ **differ)
{
	struct differ *d = *differ;

	if (!d)
		return;
	svc_want_fini(&d->want);
	free(d->frontends);
	free(d->classes);
	free(d->homes);
	free(d->ids);
	json_free(&d->lines);
	buf_fini(&d->line);
	free(d);
	*differ = NULL;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static void put_dest(struct buf *b, const struct weir_addr *a, __be16 port)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;

	memcpy(addr.b, a, sizeof(addr.b));
	addr_format(&addr, text);
	buf_printf(b, addr_is_v4(&addr) ? "%s:%u" : "[%s]:%u", text, ntohs(port));
}

void differ_vip(struct differ *d, const struct weir_vip *vip, const struct svc_service *s)
{
	put_dest(&d->line, &vip->addr, vip->port);
	switch (vip->proto) {
	case IPPROTO_TCP:
		buf_puts(&d->line, "/TCP");
		break;
	case IPPROTO_UDP:
		buf_puts(&d->line, "/UDP");
		break;
	case IPPROTO_SCTP:
		buf_puts(&d->line, "/SCTP");
		break;
	default:
		buf_printf(&d->line, "/%u", vip->proto);
	}
	if (vip->scope == WEIR_SCOPE_OUTSIDE)
		buf_puts(&d->line, " from outside");
	if (s)
		buf_printf(&d->line, " (%s/%s)", s->ns, s->name);
	buf_puts(&d->line, ": ");
}

int differ_end(struct differ *d)
{
	int r = buf_error(&d->line);

	if (!r)
		r = json_add_str(d->lines, d->line.data);
	buf_reset(&d->line);
	return r;
}

static const char *answer(uint32_t count, uint32_t flags)
{
	if (count)
		return "served";
	return flags & WEIR_SVC_DROP ? "dropped" : "refused";
}

/* ---- Frontends ------------------------------------------------------------------------------- */

/* What the kernel leads a frontend's readers to, in order of slot; -1: some slot leads nowhere. */
static long backends_read(const struct differ *d, const struct weir_svc *svc,
			  struct weir_backend *ret)
{
	const struct weir_slot *slots = svc_slots_of(d->actual, svc);

	if (!slots || !svc->id || !svc->gen)
		return -1;
	for (uint32_t i = 0; i < svc->count; i++) {
		if (slots[i].gen != svc->gen || slots[i].backend >= WEIR_MAX_BACKENDS ||
		    !d->by_id[slots[i].backend])
			return -1;
		ret[i] = *d->by_id[slots[i].backend];
	}
	return svc->count;
}

/* Names those of a that b lacks; both in order. Returns how many. */
static size_t put_lacking(struct buf *line, const struct weir_backend *a, size_t n_a,
			  const struct weir_backend *b, size_t n_b, const char *verb)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < n_a; i++) {
		while (at < n_b && svc_backend_cmp(&b[at], &a[i]) < 0)
			at++;
		if (at < n_b && !svc_backend_cmp(&b[at], &a[i]))
			continue;
		if (n++ >= NAMED_MAX)
			continue;
		buf_puts(line, n == 1 ? verb : ", ");
		put_dest(line, &a[i].addr, a[i].port);
	}
	if (n > NAMED_MAX)
		buf_printf(line, " and %zu more", n - NAMED_MAX);
	return n;
}

static bool backends_same(const struct weir_backend *a, const struct weir_backend *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (svc_backend_cmp(&a[i], &b[i]))
			return false;
	return true;
}

/* In order of backend id and without repetition, as session affinity needs it. */
static bool is_ordered(const struct differ *d, const struct weir_svc *svc)
{
	const struct weir_slot *slots = svc_slots_of(d->actual, svc);

	for (uint32_t i = 1; slots && i < svc->count; i++)
		if (slots[i - 1].backend >= slots[i].backend)
			return false;
	return true;
}

/* What clients of f should be remembered under; 0: nothing, or nothing yet. */
static uint32_t affinity_id(const struct differ *d, const struct svc_want_frontend *f)
{
	const struct dp_frontend *at =
		f->flags & WEIR_SVC_AFFINITY ?
			bsearch(&f->lead, d->frontends, d->actual->n_frontends,
				sizeof(*d->frontends), svc_vip_cmp) :
			NULL;

	return at ? at->svc.id : 0;
}

static bool affinity_same(const struct differ *d, const struct dp_frontend *have,
			  const struct svc_want_frontend *f)
{
	return have->svc.affinity_s == f->affinity_s && have->svc.affinity_id == affinity_id(d, f);
}

static int ring_differs(struct differ *d, const struct dp_frontend *have,
			const struct svc_want_frontend *f)
{
	differ_vip(d, &f->vip, f->service);
	if (have->svc.ring)
		buf_printf(&d->line, "has a Maglev table of %u entries at %u", have->svc.ring,
			   have->svc.ring_first);
	else
		buf_puts(&d->line, "has no Maglev table");
	if (f->ring)
		buf_printf(&d->line, ", should have one of %u", f->ring);
	else
		buf_puts(&d->line, ", should have none");
	return differ_end(d);
}

/* Where each backend is among the slots that have just these. should: in order. */
static void places(const struct differ *d, const struct weir_svc *svc,
		   const struct weir_backend *should, uint16_t *ret)
{
	const struct weir_slot *slots = svc_slots_of(d->actual, svc);

	for (uint32_t i = 0; i < svc->count; i++) {
		const struct weir_backend *at = bsearch(d->by_id[slots[i].backend], should,
							svc->count, sizeof(*at), svc_backend_cmp);

		ret[at - should] = i;
	}
}

/* What is in the Maglev table of a frontend whose slots hold what they should; once for each that share
 * them. */
static int ring_leads(struct differ *d, const struct dp_frontend *have,
		      const struct svc_want_frontend *f, const struct weir_backend *should)
{
	uint32_t n = svc_ring_elements(f->ring), wrong = 0;
	const struct weir_ring *is = d->actual->ring + have->svc.ring_first;
	uint32_t *seen = &d->rings[have->svc.ring_first / SVC_RING_BLOCK];
	cleanup(free_ptr) struct weir_ring *table = NULL;
	cleanup(free_ptr) uint16_t *place = NULL;

	if (!f->ring || *seen == have->svc.gen)
		return 0;
	table = calloc(n + 1, sizeof(*table)); /* n is not 0, but who checks can't see it */
	place = calloc(f->n + 1, sizeof(*place));
	if (!table || !place)
		return -ENOMEM;
	places(d, &have->svc, should, place);
	if (svc_ring_fill(should, place, f->n, f->ring, table))
		return -ENOMEM;
	for (uint32_t i = 0; i < f->ring; i++)
		wrong += table[i / 4].at[i % 4] != is[i / 4].at[i % 4];
	*seen = have->svc.gen;
	if (!wrong)
		return 0;
	differ_vip(d, &f->vip, f->service);
	buf_printf(
		&d->line,
		"%u of %u entries of its Maglev table lead elsewhere; a start of the agent mends it",
		wrong, f->ring);
	return differ_end(d);
}

static int backends_differ(struct differ *d, const struct dp_frontend *have,
			   const struct svc_want_frontend *f)
{
	size_t n_max = have->svc.count < WEIR_MAX_SLOTS ? have->svc.count : WEIR_MAX_SLOTS;
	cleanup(free_ptr) struct weir_backend *is = calloc(n_max + 1, sizeof(*is));
	cleanup(free_ptr) struct weir_backend *should = calloc(f->n + 1, sizeof(*should));
	long n = is ? backends_read(d, &have->svc, is) : 0;
	size_t missing, extra;
	bool same, ordered;

	if (!is || !should)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n; i++)
		should[i] = d->want.backends[d->want.refs[f->first + i]];
	ordered = is_ordered(d, &have->svc);
	if (n > 0)
		qsort(is, n, sizeof(*is), svc_backend_cmp);
	same = n == (long)f->n && ordered && backends_same(is, should, f->n);
	if (same && have->svc.flags == f->flags && affinity_same(d, have, f))
		return svc_ring_is(&have->svc, f->ring) ? ring_leads(d, have, f, should) :
							  ring_differs(d, have, f);

	differ_vip(d, &f->vip, f->service);
	if (n < 0) {
		buf_puts(&d->line, "its value leads to slots or backends that are not its own");
		return differ_end(d);
	}
	if (strcmp(answer(n, have->svc.flags), answer(f->n, f->flags))) {
		buf_printf(&d->line, "is %s, should be %s", answer(n, have->svc.flags),
			   answer(f->n, f->flags));
		return differ_end(d);
	}
	missing = put_lacking(&d->line, should, f->n, is, n, "lacks ");
	extra = put_lacking(&d->line, is, n, should, f->n,
			    missing ? "; should not have " : "should not have ");
	if (!missing && !extra && same && have->svc.flags != f->flags)
		buf_printf(&d->line, "has flags 0x%x, should have 0x%x", have->svc.flags, f->flags);
	else if (!missing && !extra && same)
		buf_printf(&d->line,
			   "remembers clients for %u s under id %u, should for %u s under %u",
			   have->svc.affinity_s, have->svc.affinity_id, f->affinity_s,
			   affinity_id(d, f));
	else if (!missing && !extra)
		buf_puts(&d->line, "has its backends in another order or twice");
	return differ_end(d);
}

static int frontends_differ(struct differ *d)
{
	const struct svc_want_frontend *f = d->want.frontends, *f_end = f + d->want.n_frontends;
	const struct dp_frontend *have = d->frontends, *have_end = have + d->actual->n_frontends;
	int r = 0;

	while (!r && (f < f_end || have < have_end)) {
		int side = f == f_end	    ? 1 :
			   have == have_end ? -1 :
					      svc_vip_cmp(&f->vip, &have->vip);

		if (!side) {
			d->ids[f - d->want.frontends] = have->svc.id;
			r = backends_differ(d, have++, f++);
			continue;
		}
		if (side > 0) {
			differ_vip(d, &have++->vip, NULL);
			buf_puts(&d->line, "is in the kernel, but no Service has it");
		} else {
			differ_vip(d, &f->vip, f->service);
			buf_puts(&d->line, "is not in the kernel");
			f++;
		}
		r = differ_end(d);
	}
	return r;
}

/* ---- Backends -------------------------------------------------------------------------------- */

static int backend_differs(struct differ *d, const struct weir_backend *be, const char *how)
{
	struct weir_vip as_vip = { .addr = be->addr, .port = be->port, .proto = be->proto };

	differ_vip(d, &as_vip, NULL);
	buf_puts(&d->line, how);
	return differ_end(d);
}

/* Those that sets lack are named with the frontends. */
static int backends_lacking(struct differ *d, const bool *found)
{
	cleanup(free_ptr) bool *named = calloc(d->want.n_backends + 1, sizeof(*named));
	int r = 0;

	if (!named)
		return -ENOMEM;
	for (size_t i = 0; i < d->want.n_frontends; i++) {
		const struct svc_want_frontend *f = &d->want.frontends[i];

		for (uint32_t k = 0; k < f->n; k++)
			named[d->want.refs[f->first + k]] = true;
	}
	for (size_t i = 0; !r && i < d->want.n_backends; i++)
		if (!found[i] && !named[i])
			r = backend_differs(d, &d->want.backends[i],
					    "serves, but is not in the kernel");
	return r;
}

static int backends_serve(struct differ *d)
{
	cleanup(free_ptr) bool *found = calloc(d->want.n_backends + 1, sizeof(*found));
	int r = 0;

	if (!found)
		return -ENOMEM;
	for (uint32_t id = 1; !r && id < WEIR_MAX_BACKENDS; id++) {
		const struct weir_backend *be = d->by_id[id];
		const struct weir_backend *at =
			be ? bsearch(be, d->want.backends, d->want.n_backends, sizeof(*at),
				     svc_backend_cmp) :
			     NULL;
		bool wanted = at && !found[at - d->want.backends];

		if (wanted)
			found[at - d->want.backends] = true;
		if (wanted && be->gone)
			r = backend_differs(d, be, "serves, but is marked as gone");
		else if (be && !wanted && !be->gone)
			r = backend_differs(d, be, "serves no more, but is not marked as gone");
	}
	return r ? r : backends_lacking(d, found);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int differ_init(struct differ *d, const struct svc_table *desired,
		       const struct svc_actual *actual)
{
	int r = svc_want_init(&d->want, desired);

	if (r)
		return r;
	d->line = (struct buf)BUF_INIT(LINE_MAX_);
	d->actual = actual;
	d->lines = json_new_array();
	d->frontends = calloc(actual->n_frontends + 1, sizeof(*d->frontends));
	d->classes = calloc(actual->n_classes + 1, sizeof(*d->classes));
	d->homes = calloc(actual->n_homes + 1, sizeof(*d->homes));
	d->ids = calloc(d->want.n_frontends + 1, sizeof(*d->ids));
	if (!d->lines || !d->frontends || !d->classes || !d->homes || !d->ids)
		return -ENOMEM;
	for (size_t i = 0; i < actual->n_frontends; i++)
		d->frontends[i] = actual->frontends[i];
	for (size_t i = 0; i < actual->n_classes; i++)
		d->classes[i] = actual->classes[i];
	for (size_t i = 0; i < actual->n_homes; i++)
		d->homes[i] = actual->homes[i];
	for (size_t i = 0; i < actual->n_backends; i++)
		if (actual->backends[i].id < WEIR_MAX_BACKENDS)
			d->by_id[actual->backends[i].id] = &actual->backends[i].be;
	qsort(d->frontends, actual->n_frontends, sizeof(*d->frontends), svc_vip_cmp);
	qsort(d->classes, actual->n_classes, sizeof(*d->classes), svc_class_cmp);
	qsort(d->homes, actual->n_homes, sizeof(*d->homes), svc_home_cmp);
	return 0;
}

int svc_diff(const struct svc_table *desired, const struct svc_actual *actual, struct json **ret,
	     struct err *err)
{
	cleanup(differ_free) struct differ *d = calloc(1, sizeof(*d));
	int r = d ? differ_init(d, desired, actual) : -ENOMEM;

	if (!r)
		r = frontends_differ(d);
	if (!r)
		r = backends_serve(d);
	if (!r)
		r = differ_classes(d);
	if (!r)
		r = differ_ranges(d);
	if (!r)
		r = differ_homes(d);
	if (r)
		return err_errno(err, r, "comparing Services with the kernel");
	*ret = take_ptr(d->lines);
	return 0;
}
