/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workloads that are Pods: for each record (run_record.h) the steps (run_step.h) are taken, one
 * after the other, until the API server has what is wanted. A lease's package becomes a Pod and a
 * Service in the namespace RUNS_NAMESPACE; when the lease is closed, they go.
 *
 * R1. A record is on disk before anything of it is asked for, and its end before anything is deleted.
 * R2. Nothing is deleted because something could not be read or asked: only an end that is on disk, and
 *     what the API server itself said of a Pod, lead to a delete.
 * R3. A step that fails is tried again, after 1 s, then twice as long each time, a minute at most or as long
 *     as the server asks for; each reason is told once.
 * R4. What others change is put right: every RUNS_DOUBT_MS everything is applied again. Only a Pod that is
 *     there and can't become what is wanted (422) stays as it is: it serves.
 *
 * Threading: the loop's thread. Records are written on the queue.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RUNS_NAMESPACE "weir-workloads"
#define RUNS_DOUBT_MS 300000

struct err;
struct json;
struct kube_api;
struct kube_set;
struct notices;
struct run_record;
struct runs;
struct uv_loop_s;
struct work;

/* Strings are borrowed for the life of the runs. */
struct runs_options {
	struct uv_loop_s *loop;
	struct work *queue;
	struct kube_api *api;
	struct notices *notices;
	const char *dir; /* of the records */
	const char *node;
};

/* Reads the records; a broken one is told and left alone. */
int runs_new(const struct runs_options *opt, struct runs **ret, struct err *err);
/* Before the api and the queue end. Its memory goes when the loop has run the closing and the queue its
 * jobs. NULL: nothing. */
void runs_stop(struct runs **runs);

/* What the API server says is there. Called first when all is known; nothing is asked before. */
void runs_saw(struct runs *runs, const struct kube_set *set);
/* Takes over a record that is on disk. -EEXIST: there is one of that name. */
int runs_add(struct runs *runs, struct run_record *record, struct err *err);
/* Ends one. -ENOENT. */
int runs_end(struct runs *runs, const char *name, struct err *err);
/* Ends all of a lease. */
void runs_end_lease(struct runs *runs, const char *lease);
/* The leases of those that are not ended, each once; free() the array, whose texts live until the next
 * call of any kind. */
size_t runs_leases(const struct runs *runs, const char ***ret);
