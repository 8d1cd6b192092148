/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a workload that is a Pod must outlive the agent: STATE/pods/NAME.json, one JSON object,
 * written atomically, mode 0600 since env may hold secrets. It is on disk before the API server is
 * asked for anything, and goes after all of it is gone. Blocking.
 *
 * Errors: -ENOENT none, -EBADMSG not one of ours, those of writing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct json;

#define RUN_RECORDS_DIR "pods" /* in paths.state */
#define RUN_RECORDS_MAX 4096

struct run_record {
	char name[64], lease[64], image[512];
	char package[128]; /* "sha512-..." */
	char code[512], entry[1025]; /* the unpacked package; the file in it to start */
	char ready[262]; /* how the kubelet probes it: "tcp", "http:/path" or "none" */
	uint16_t port;
	uint32_t cpu_millis; /* 0: no limit */
	uint64_t memory_bytes; /* 0: no limit */
	struct json *env; /* array of "K=V"; owned */
	bool ended;
};

void run_record_free(struct run_record **r);
/* dir: STATE/pods, made when it is missing. */
int run_record_save(const char *dir, const struct run_record *r, struct err *err);
int run_record_load(const char *dir, const char *name, struct run_record **ret, struct err *err);
int run_record_remove(const char *dir, const char *name, struct err *err); /* none: 0 */
/* Takes a record over; r NULL: one can't be read, and why says so. What it returns, if not 0, ends the
 * list and is returned. */
typedef int run_record_take(void *arg, struct run_record *r, const struct err *why);
/* By name. A missing dir holds none. */
int run_record_list(const char *dir, run_record_take *take, void *arg, struct err *err);
/* For display: all but env. The caller frees it. */
struct json *run_record_json(const struct run_record *r);
