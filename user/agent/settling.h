/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the agent settles on Sui (chain.kind: sui): a step of settle.h at a time, on a queue beside
 * the books' that lets go of them while it waits for the network. It begins when a window has made
 * something due, goes on while there is more to do, and comes back when a wait is over.
 */
#pragma once

struct agent;
struct ctl_reply;
struct err;
struct json;

/* Does nothing when leases settle in the ledger. Behind the work queues. */
int settling_open(struct agent *a, struct err *err);
void settling_close(struct agent *a); /* when neither loop nor queues run any more */
void settling_stop(struct agent *a); /* as soon as it is known that the agent ends */
void settling_due(struct agent *a); /* a window was closed */

/* What the control socket asks for; the agent is the context. Refused when leases settle in the ledger.
 * Tries again what failed, now: {"lease", "seq"}, both or "lease" alone or neither. */
void settling_retry(void *agent, const struct json *args, struct ctl_reply *reply);
/* Takes a tenant's co-signature: {"cosignature": the text of its file}. */
void settling_accept(void *agent, const struct json *args, struct ctl_reply *reply);

/* Takes over a lease that its tenant opened on chain: {"label", "object"}. */
void settling_adopt(struct agent *a, const struct json *args, struct ctl_reply *reply);
