/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of settling share: settling.c takes the steps, settling_asked.c does what is asked for. */
#pragma once

#include <stdatomic.h>
#include <uv.h>

#include "agent/agent_int.h"
#include "agent/offers.h"
#include "agent/settle.h"
#include "agent/settling.h"
#include "agent/work.h"

struct settling {
	struct agent *agent;
	struct work *queue; /* beside the books' */
	struct sui *sui; /* the queue's, as are the next three */
	struct key *key;
	struct settle settle;
	bool found; /* market and provider */
	uv_timer_t timer;
	struct work_job job;
	bool running;
	_Atomic bool ends; /* nothing more is asked */
	struct settle_result result; /* of the job that ran */
	struct book_signed sign; /* the same */
	uint64_t capacity_ms; /* when it was read */
	struct err odd; /* that was told last */
	struct offers_found offers; /* of the job that ran */
	struct err err;
	int r;
};

/* Takes the next step soon, unless one is under way. On the loop. */
void settling_begin(struct settling *s);
/* Around each question to the chain: lets go of the books, -ECANCELED when the agent ends, and takes
 * them back, whatever came; returns r. On the queue. */
int settling_ask(struct settling *s, struct err *err);
int settling_asked(struct settling *s, int r);
int settling_get_object(struct settling *s, const uint8_t id[OBJECT_ID_LEN], struct sui_object *ret,
			struct err *err);
/* Whether reports are signed with the provider's key: by another they would all be refused. On the queue. */
int settling_check_key(struct settling *s, struct err *err);
