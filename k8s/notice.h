/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Event about an object, core v1, for `kubectl describe` and `kubectl events`. Pure.
 *
 *	POST kube_notice_path(): kube_notice_json()
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct json;

#define KUBE_NOTICE_MESSAGE_MAX 1024 /* the API's; a longer one is cut */

/* All borrowed. */
struct kube_notice {
	const char *kind, *namespace, *name, *uid; /* of the object; v1 */
	const char *reason; /* one word: "LeaseClosed" */
	const char *message;
	const char *node; /* who tells */
	bool warning;
	uint64_t at_ms;
	uint64_t id; /* unique with the object's name */
};

int kube_notice_path(const struct kube_notice *e, struct buf *out);
/* The caller frees it; NULL without memory. */
struct json *kube_notice_json(const struct kube_notice *e);
