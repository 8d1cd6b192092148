/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: one loop that joins the boxes.
 *
 *	manifests -> source -> services.c -> user/svc -> kernel		(direct.c)
 *	                    \-> pods.c -> user/meter -> walk		(measure.c)
 *	walk -> readings -> window -> receipts -> settlement		(book.c, on the work queue)
 *	control socket -> commands.c;  HTTP -> answers.c
 *
 * A1. The datapath and the meter are the kernel's: the agent's death touches neither. What the agent
 *     must not lose is in pinned maps or in the ledger, so starting is resuming.
 * A2. Nothing is written to the kernel before the source was read once in full.
 * A3. The loop never blocks: disk and child processes are on the work queue.
 */
#pragma once

struct config;
struct err;

/* Runs until SIGTERM, SIGINT or `weir agent stop`; then 0. What is pinned stays. */
int agent_run(const struct config *cfg, struct err *err);
