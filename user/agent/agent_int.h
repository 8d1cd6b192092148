/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that make up the agent. All of it belongs to the loop's thread, but what is
 * said to be a work queue's. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "agent/book.h"
#include "agent/config.h"
#include "agent/rounds.h"
#include "core/err.h"
#include "dp/dp.h"
#include "workload/workload.h"

struct buf;
struct ctl_reply;
struct guard;
struct json;
struct kube_set;
struct keeper_one;
struct kube_touched;
struct links;
struct notices;
struct offers;
struct probes;
struct run_record;
struct runs;
struct settling;
struct svc_idle;
struct svc_quick;
struct svc_plan;
struct svc_table;
struct workload_spec;

#define SHORTAGES 8

enum { ANSWERED_200, ANSWERED_503, ANSWERED_MAX_ };

struct agent {
	const struct config *cfg;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint, sighup;
	uint64_t started_ms;
	bool begun; /* all objects are known, the datapath is open */
	bool stopping;

	struct dp *dp;
	struct source *source;
	struct links *links;
	struct ctl *ctl;
	struct http_server *health, *metrics;
	struct probes *probes;
	struct work *books; /* the ledger's queue: windows, leases */
	struct ledger *ledger; /* its */
	struct book book; /* its */
	struct work *hands; /* the workloads' queue: a slow stop must not hold up a window */
	struct store *store; /* its */
	struct key *key;
	struct guard *guard; /* the books' queue's */
	struct settling *settling; /* NULL: leases settle in the ledger */
	struct offers *offers; /* NULL: no lease starts its work by itself */

	/* direct.c */
	struct svc_table *services;
	const struct svc_table *saving; /* on the books' queue, or NULL */
	struct svc_idle *idle;
	struct svc_quick *quick; /* NULL: whole rounds are short, or the last one failed */
	uint64_t round_ms; /* what the last whole round took */
	uv_timer_t replan, whole;
	struct rounds rounds;
	struct direct_told *told;
	struct addr *port_addrs; /* that answer node ports */
	size_t n_port_addrs;

	/* answers.c: how often /healthz and /livez said what */
	uint64_t healthz_answers[ANSWERED_MAX_], livez_answers[ANSWERED_MAX_];

	struct ends *ends; /* ends.c */
	uint64_t short_of[SHORTAGES]; /* shortage.c: counts at its last look */

	/* hosting.c; NULL, and "": there is no API server */
	struct runs *runs;
	struct notices *notices;
	char hosting_dir[METER_PATH_MAX];

	/* keeper.c */
	struct keeper_one *kept;
	struct work
		*keeping; /* its queue: who acts on a workload holds that up, and nothing else */
	struct workload_backoff backoff;
	char cgroup_mount[METER_PATH_MAX];
	struct addr *unready; /* addresses of workloads that are not, in order */
	size_t n_unready;

	/* measure.c */
	struct podtab *pods;
	char meter_cgroup[METER_PATH_MAX];
	uv_timer_t sample, window;
	struct book_window last_window;
	bool window_waits; /* the timer's last window is on the queue still */
	uint64_t window_failed_ms;
	struct err window_error;
	struct book_signed last_signed;
};

/* direct.c: makes the kernel direct as the objects say. */
int direct_open(struct agent *a, struct err *err);
void direct_close(struct agent *a); /* when neither loop nor queues run any more */
/* touched: what of the set is new; NULL: all of it. */
void direct_changed(struct agent *a, const struct kube_set *set,
		    const struct kube_touched *touched);
void direct_links_changed(struct agent *a);

/* packets.c: makes the programs that see packets stand on the devices there are. */
void packets_links_changed(struct agent *a);

/* ends.c: ends UDP sockets whose backend is gone. */
int ends_open(struct agent *a, struct err *err);
void ends_close(struct agent *a); /* when neither loop nor queues run any more */
void ends_after(struct agent *a, const struct svc_plan *plan); /* when it was carried out */

/* shortage.c: tells what found no room in the kernel since the last look. */
void shortage_look(struct agent *a, bool tell);

/* measure.c: reads the pods, closes windows. */
int measure_prepare(struct agent *a, struct err *err); /* before the datapath is opened */
int measure_open(struct agent *a, struct err *err);
void measure_close(struct agent *a); /* when neither loop nor queues run any more */
void measure_changed(struct agent *a, const struct kube_set *set);
/* Readings of all named pods now; free() the array. */
int measure_collect(struct agent *a, struct book_reading **ret, size_t *ret_n, struct err *err);
/* Closes the window now and settles, then calls `then` on the work queue's thread with its end, and
 * answers with what it made. then NULL: nothing more; reply NULL: nobody asked. */
typedef int (*measure_then)(struct book *b, uint64_t at_ms, const struct json *args,
			    struct json **ret, struct err *err);
void measure_window(struct agent *a, measure_then then, const struct json *args,
		    struct ctl_reply *reply);

/* What was signed, and what is held, is told. */
void measure_signed(struct agent *a, const struct book_signed *s);

/* hosting.c: workloads of leases that are Pods. */
int hosting_open(struct agent *a, struct err *err);
void hosting_close(struct agent *a); /* before the source stops */
void hosting_look(struct agent *a); /* for leases that ended: hosting_ends.c */
/* On the books' queue: whether something may run for it. A Pod needs a lease, and no lease may have been
 * told to end; a container's may be one that is not there. */
int hosting_check_lease(struct agent *a, const char *label, struct err *err);
/* Blocking. The record is on disk; runs_add() takes it over. */
int hosting_make(struct agent *a, const struct workload_spec *spec, struct run_record **ret,
		 struct err *err);

/* keeper.c: keeps the workloads that run stand-alone. */
int keeper_open(struct agent *a, struct err *err);
void keeper_stop(struct agent *a); /* before the loop's handles are closed */
void keeper_close(struct agent *a); /* when neither loop nor queues run any more */
void keeper_look(struct agent *a, const char *name); /* something was done to it */
void keeper_leaves(struct agent *a, const char *name); /* it is going to be stopped */
int keeper_unready(struct agent *a, const struct kube_set *set); /* fills a->unready */

/* commands.c, answers.c */
int commands_open(struct agent *a, struct err *err);
struct json *answers_status(struct agent *a);
int answers_open(struct agent *a, struct err *err);
void answers_changed(struct agent *a); /* the table of Services is another */
void answers_close(struct agent *a);

/* scrape.c: the answer to /metrics; ctx is the agent. */
unsigned int scrape(void *ctx, struct buf *body);

/* Ends the loop, soon. */
void agent_stop(struct agent *a);
