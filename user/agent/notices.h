/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells people by Events on the objects (k8s/notice.h) what concerns them; the log has it too.
 *
 * I1. What was told of an object with the same reason and words is not told again within NOTICES_AGAIN_MS;
 *     as far as the last NOTICES_KNOWN of them are remembered.
 * I2. At most NOTICES_BURST at once, then one each NOTICES_EACH_MS: an API server is not to be flooded with
 *     words. What is too much is dropped, as is what it refuses: nothing depends on an Event.
 *
 * Threading: that of the api.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NOTICES_AGAIN_MS 600000
#define NOTICES_KNOWN 256
#define NOTICES_BURST 25
#define NOTICES_EACH_MS 10000

struct kube_api;
struct kube_notice;
struct notices;

/* api NULL: there is nobody to tell, and nothing is. */
int notices_new(struct kube_api *api, const char *node, struct notices **ret);
void notices_free(struct notices **n); /* before its api */
/* node, at_ms and id of the notice are filled in here. n NULL: nothing. */
void notices_tell(struct notices *n, const struct kube_notice *notice);

/* Pure: may it be told now? */
struct notices_limit {
	uint64_t known[NOTICES_KNOWN], told_ms[NOTICES_KNOWN];
	unsigned int next;
	uint64_t spent_ms; /* when the allowance is whole again */
};
bool notices_may(struct notices_limit *l, const struct kube_notice *notice, uint64_t now_ms);
