/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a ruleset of iptables is kube-proxy's: iptables-save's text in, iptables-restore's out. Pure.
 *
 * I1. Of a rule that is not kube-proxy's nothing is ever written: the text for iptables-restore
 *     deletes jumps by repeating them, empties and deletes chains by their names, and no more.
 * I2. A chain that somebody else's rule leads to can't be deleted without that rule. It is emptied
 *     and stays, so that the rule leads nowhere; when it is empty already, nothing is to be done.
 * I3. Applied, and read again, there is nothing left to do.
 *
 *	cleanup(iptables_plan_free) struct iptables_plan *plan = NULL;
 *	iptables_plan_read(text, len, &plan, err);
 *	if (plan->table[IPTABLES_NAT].n_items > 0)
 *		iptables_plan_print(plan, IPTABLES_NAT, out);	// for iptables-restore --noflush
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

/* 30,000 Services with 4 endpoints each are 80 MB. */
#define IPTABLES_TEXT_MAX (256u << 20)

enum iptables_table_id { IPTABLES_NAT, IPTABLES_FILTER, IPTABLES_MANGLE, IPTABLES_TABLE_MAX_ };
extern const char *const iptables_table_name[IPTABLES_TABLE_MAX_];

struct iptables_item {
	bool jump; /* a rule of a built-in chain; else a chain with all its rules */
	char *name; /* of the chain, or the rule as iptables-save shows it: "-A OUTPUT ..." */
	char *kept_for; /* a chain is only emptied: the other's that leads there. NULL: it goes */
};

struct iptables_table {
	bool seen; /* the text has this table */
	struct iptables_item *items; /* in the order of the text */
	size_t n_items;
};

struct iptables_plan {
	struct iptables_table table[IPTABLES_TABLE_MAX_];
};

/* -EBADMSG names the line; -E2BIG, -ENOMEM. */
int iptables_plan_read(const char *text, size_t len, struct iptables_plan **ret, struct err *err);
void iptables_plan_free(struct iptables_plan **plan);
/* One transaction of one table. 0, or the buffer's error. */
int iptables_plan_print(const struct iptables_plan *plan, enum iptables_table_id id,
			struct buf *out);
