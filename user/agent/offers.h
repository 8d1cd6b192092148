/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers: leases that tenants open on chain for this provider, with what is to run for them. Those that
 * keep to the provider's terms (offers.* of the configuration) are taken over, and start their work by
 * themselves, as Pods.
 *
 * O1. Nothing starts for a tenant that the configuration does not name, below its prices, over its limits.
 * O2. What runs is what the lease names: the blob, with its integrity and its entry where it says one.
 * O3. Each starts once. What its provider stopped stays stopped; what could not be fetched is tried again.
 *
 *	look at leases ──> events of new ones ──> read ──> checked ──> noted, taken over	offers_find.c
 *	noted ──> fetched ──> record on disk ──> runs.h ──> noted as started			offers_start.c
 *
 * A step that a crash cut off is taken again: the events are read on from where all of them were dealt
 * with, a lease that is there is not taken over again, and a workload that is there counts as started.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/settle_lease.h"
#include "core/err.h"
#include "ledger/usage.h"
#include "walrus/blobid.h"
#include "walrus/sri.h"

struct agent;
struct config;
struct json;
struct settling;

/* ---- Pure (offers.c) ------------------------------------------------------------------------ */

#define OFFER_ENTRY_MAX 257
#define OFFER_WORK_MAX 2048 /* bytes of it as JSON */

/* What is to run: `work` of a lease on chain. */
struct offer_work {
	uint8_t blob_id[BLOBID_LEN];
	struct sri sri; /* len 0: the blob id alone */
	char entry[OFFER_ENTRY_MAX]; /* "": the package's own */
	uint64_t cpu_millis, memory_bytes;
	bool sealed;
};

/* -EBADMSG names what is wrong. */
int offer_read(const struct json *work, struct offer_work *ret, struct err *err);
/* -EPERM says which of the provider's terms it does not keep. */
int offer_check(const struct lease *lease, const struct offer_work *work, const struct config *cfg,
		struct err *err);
/* The label of such a lease, which is the name of its workload: from its id. */
void offer_label(const uint8_t id[OBJECT_ID_LEN], char ret[LEDGER_LABEL_MAX]);
/* Under which key of the ledger (ledger_meta_get()) the work of a lease is noted, and what stands there
 * when it has started. */
#define OFFER_KEY_SIZE (LEDGER_LABEL_MAX + 8)
#define OFFER_STARTED "started"
void offer_key(const char *label, char ret[OFFER_KEY_SIZE]);

/* ---- On the settling queue (offers_find.c) --------------------------------------------------- */

struct offers_found {
	size_t taken, refused;
	struct err
		why; /* of the last that was refused, or could not be read: the next search begins there */
};

/* Errors are the ledger's. */
int offers_find(struct settling *s, struct offers_found *ret, struct err *err);

/* ---- On the loop (offers_start.c) ------------------------------------------------------------ */

int offers_open(struct agent *a, struct err *err); /* behind the work queues */
void offers_close(struct agent *a); /* when neither loop nor queues run any more */
void offers_start(struct agent *a); /* what is noted, one after the other */
