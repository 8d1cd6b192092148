/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs could not do since the last look, because there was no room: it is counted anyway. */
#include "agent/agent_int.h"
#include "core/log.h"

static const enum weir_reason shortages[SHORTAGES] = {
	WEIR_REASON_FLOW_FULL, WEIR_REASON_REV_FULL,	  WEIR_REASON_AFFINITY_FULL,
	WEIR_REASON_POD_FULL,  WEIR_REASON_NET_FULL,	  WEIR_REASON_SAMPLE_FULL,
	WEIR_REASON_PKT_PORTS, WEIR_REASON_PKT_CONN_FULL,
};

/* No count in the line: the log knows repetitions by their text. */
void shortage_look(struct agent *a, bool tell)
{
	uint64_t now[WEIR_REASON_MAX_];

	if (dp_reasons(a->dp, now, NULL) < 0)
		return;
	for (size_t i = 0; i < SHORTAGES; i++) {
		enum weir_reason why = shortages[i];

		if (tell && now[why] > a->short_of[i])
			log_error("shortage", dp_reason_help(why), "reason=%s see=%s",
				  dp_reason_name(why),
				  log_quote("weir datapath stats; weir datapath status"));
		a->short_of[i] = now[why];
	}
}
