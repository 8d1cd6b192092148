/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node as the command line reaches it: pinned maps, the saved table of Services, the ledger and
 * the state directory, which need no agent, and the agent itself for what changes something. Where
 * nothing is, the error says what was looked for and what to do.
 */
#pragma once

#include <stddef.h>

struct cli;
struct dp;
struct err;
struct json;
struct ledger;
struct svc_service;
struct svc_table;

#define NODE_PATH_MAX 4096

/* For reading; dp_close(). */
int node_dp(struct cli *cli, struct dp **ret, struct err *err);
/* The table as the agent saved it last; svc_table_free(). */
int node_services(struct cli *cli, struct svc_table **ret, struct err *err);
/* The word "NS/NAME" of a command that takes one Service, or NULL; cli_usage() when it is no such name. */
int node_service_word(struct cli *cli, const char **ret, struct err *err);
/* -ENOENT with a text when there is no such Service; borrowed from the table. */
int node_service(const struct svc_table *t, const char *which, const struct svc_service **ret,
		 struct err *err);
/* Read-only; ledger_close(). */
int node_ledger(struct cli *cli, struct ledger **ret, struct err *err);
/* The array that fill makes of the ledger. */
typedef int node_fill_fn(struct cli *cli, struct ledger *ledger, struct json *list,
			 struct err *err);
int node_ledger_list(struct cli *cli, node_fill_fn *fill, struct json **ret, struct err *err);
/* paths.state, or with a name the file in it. */
int node_state(struct cli *cli, const char *name, char ret[NODE_PATH_MAX], struct err *err);
/* Asks the agent. args is taken, may be NULL, and may have failed for want of memory. */
int node_call(struct cli *cli, const char *command, struct json *args, struct json **ret,
	      struct err *err);
