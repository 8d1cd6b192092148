/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by diff.c and diff_addrs.c only: the work in progress of one svc_diff(). */
#pragma once

#include "core/buf.h"
#include "svc/idle.h"
#include "svc/plan.h"
#include "svc/want.h"

struct differ {
	const struct svc_actual *actual;
	struct svc_want want;
	struct dp_frontend *frontends; /* in order of vip */
	struct dp_class *classes; /* in order of prefix */
	struct dp_home *homes; /* in order of backend */
	uint32_t *ids; /* of want.frontends in the kernel; 0: not there */
	const struct weir_backend *by_id[WEIR_MAX_BACKENDS];
	uint32_t rings
		[SVC_RING_BLOCKS]; /* Maglev tables that were compared: the generation of their set */
	struct json *lines;
	struct buf line; /* the one that is being written */
};

/* Begins a line about a frontend; service may be NULL. */
void differ_vip(struct differ *d, const struct weir_vip *vip, const struct svc_service *service);
/* Ends the line. */
int differ_end(struct differ *d);

int differ_classes(struct differ *d);
int differ_ranges(struct differ *d); /* after the frontends, whose ids it needs */
int differ_homes(struct differ *d);
