/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the table of Services to the kernel's: a pure function plans, svc_apply() executes.
 *
 *	desired (selected table) --+
 *	actual (read from dp) -----+--> svc_plan_make() --> ordered operations --> svc_apply()
 *	idle (what rests) ---------+
 *
 * Level-triggered: each round reads the kernel anew. What a round left undone, or another hand
 * changed, the next one finds.
 *
 * I1. Atomic. After each single operation a reader (VIP -> slots of that generation -> backends)
 *     finds for each VIP its old set or its new set. A changed set gets fresh slots and a new
 *     generation, never 0; backends, slots and a new Maglev table are written before the one put of the
 *     frontend. That of
 *     scope OUTSIDE is there as long as the one of scope ALL that sends clients to it.
 * I2. Still. What is as it should be gets no operation: a plan applied twice is empty.
 * I3. Stable. A VIP keeps its id, and a backend (address, port, protocol) its id, also over a
 *     restart: both come from the kernel's tables, nothing is remembered on disk.
 * I4. Late. A slot or a backend that has gone out of use is touched again (written, deleted) only
 *     after svc_idle has seen it out of use for a whole grace (up to 50 ms more); a backend is in use while it serves.
 *     Generations are unique over all Services, and one that was ever in a slot does not recur. A
 *     frontend's id comes from the same numbers, so it is no living frontend's and no slot's.
 * I6. Shared. Frontends with the same set share its slots. A set's slots are in order of backend id,
 *     for bpf/lib/lb.h to look one up. What changes in the value alone (session affinity) leaves
 *     slots and generation as they are, so that clients stay remembered.
 * I5. Room. What is there plus what is new must fit. A frontend that finds no room keeps its old
 *     value and is told in plan->full (-ENOSPC); all others go ahead. A source range that finds none is
 *     closed. A frontend without room for a Maglev table goes without.
 * I7. Closed. A client that neither the old nor the new source ranges of a frontend let in meets it at
 *     no moment; one that both let in, always.
 *
 * I9. Homes. What is known of other nodes' backends (weir_home) only says how clients outside are sent there,
 *     never whether: without room for one, they are masked.
 * I8. Told. All endpoints that serve are in the table of backends, chosen or not; without room for all,
 *     those that no set needs are left out. What serves no more is marked gone in the same plan, after
 *     the frontends that led to it, and bears the mark until it is deleted or serves again.
 *
 * Times are milliseconds of one monotonic clock, never 0.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "dp/dp.h"

#define SVC_GRACE_MS 10000

struct json;
struct svc_table;

/* What the kernel has. */
struct svc_actual {
	struct dp_frontend *frontends;
	size_t n_frontends;
	struct dp_backend *backends;
	size_t n_backends;
	struct dp_class *classes;
	size_t n_classes;
	struct weir_range *ranges;
	size_t n_ranges;
	struct dp_home *homes;
	size_t n_homes;
	const struct weir_slot *slots; /* WEIR_MAX_SLOTS, borrowed from dp */
	const struct weir_ring *ring; /* WEIR_MAX_RING, likewise; NULL: not opened */
};

/* For a table with Maglev tables, after dp_ring_open(). */
int svc_actual_read(struct dp *dp, struct svc_actual *ret, struct err *err);
void svc_actual_fini(struct svc_actual *a);

/* What is out of use, and since when. Memory of one process: a new one lets rest, from its first
 * look on, all that shows a trace of use. */
struct svc_idle;

int svc_idle_new(uint64_t grace_ms, struct svc_idle **ret);
void svc_idle_free(struct svc_idle **idle);
/* Looks at the kernel's tables; before each svc_plan_make(), with the same actual. */
void svc_idle_observe(struct svc_idle *idle, const struct svc_actual *actual, uint64_t now_ms);

/* In the order of execution, which is what makes I1 hold. */
enum svc_op_kind {
	SVC_OP_BACKEND_PUT,
	SVC_OP_BACKEND_BACK, /* serves again */
	SVC_OP_SLOT_PUT,
	SVC_OP_RING_PUT,
	SVC_OP_RANGE_PUT, /* before the frontends: one with ranges is never without them */
	SVC_OP_HOME_PUT, /* before the frontends: the first connection goes to the node already */
	SVC_OP_FRONTEND_PUT,
	SVC_OP_CLASS_PUT, /* after the frontends: a new range never refuses what is about to come */
	SVC_OP_FRONTEND_DEL,
	SVC_OP_CLASS_DEL, /* after the frontends: refused rather than leaked */
	SVC_OP_RANGE_DEL,
	SVC_OP_HOME_DEL,
	SVC_OP_BACKEND_GONE, /* no frontend leads there any more */
	SVC_OP_BACKEND_DEL,
	SVC_OP_MAX_
};

struct svc_op {
	enum svc_op_kind kind;
	union {
		struct dp_backend backend; /* but for BACKEND_PUT the id counts */
		struct {
			uint32_t index;
			struct weir_slot value;
		} slot;
		struct {
			uint32_t first, n;
			size_t from; /* in the plan's rings */
		} ring;
		struct dp_frontend frontend; /* FRONTEND_DEL: the vip counts */
		struct dp_class class; /* CLASS_DEL: the prefix counts */
		struct weir_range range;
		struct dp_home home; /* HOME_DEL: the backend counts */
	};
};

struct svc_plan {
	struct svc_op *ops;
	size_t n_ops;
	size_t count[SVC_OP_MAX_];
	struct weir_ring *rings; /* what the operations put */
	size_t n_rings;
	uint64_t next_ms; /* plan again then, even if nothing changes; 0: no need */
	struct err full; /* code 0 or -ENOSPC: what found no room, and how many */
};

/* Pure. desired must be selected (-EINVAL). */
int svc_plan_make(const struct svc_table *desired, const struct svc_actual *actual,
		  const struct svc_idle *idle, uint64_t now_ms, struct svc_plan **ret,
		  struct err *err);
void svc_plan_free(struct svc_plan **plan);

/* Executes in order and stops at the first failure, from which the next plan goes on. ret_done (may
 * be NULL) is how many operations were done, on failure as well. When a frontend or a backend was among
 * them, connections on their way are told to look again. */
int svc_apply(struct dp *dp, const struct svc_plan *plan, size_t *ret_done, struct err *err);

/* One round: read, observe, plan, apply. *ret is the plan that was applied: its full and next_ms are
 * for the caller to act on. */
int svc_sync(struct dp *dp, const struct svc_table *desired, struct svc_idle *idle, uint64_t now_ms,
	     struct svc_plan **ret, struct err *err);

/*
 * The short way for what can't wait, when whole rounds are long: new backends of Services that are
 * served already. It knows the kernel's tables by one look and its own changes, and only adds: what goes
 * out of use, and all else, is the next whole round's, which has to follow.
 */
struct svc_quick;

/* Looks at the kernel. After a whole round, with its idle, which must outlive it. */
int svc_quick_new(struct dp *dp, struct svc_idle *idle, uint64_t now_ms, struct svc_quick **ret,
		  struct err *err);
void svc_quick_free(struct svc_quick **quick);
/* Makes the kernel do what `one`, the selected table of a single Service, says. was: the table of the
 * last whole round. -EAGAIN: this is for a whole round (something else than endpoints changed, or there
 * is no room); nothing was done. After any other failure it must not be used again. */
int svc_quick_change(struct svc_quick *quick, const struct svc_table *was,
		     const struct svc_table *one, struct err *err);

/* What differs, as an array of readable lines, one fact each; empty when the kernel does what the
 * table says. Backends that rest are no difference. */
int svc_diff(const struct svc_table *desired, const struct svc_actual *actual, struct json **ret,
	     struct err *err);
