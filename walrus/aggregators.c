/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/aggregators.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"

#define PAUSE_MS 250u
#define ABSENT_ENOUGH 2 /* so many aggregators without the blob are believed */
#define ABSENT_TRIES 3 /* a single one is asked as often */

void aggregators_fini(struct aggregators *a)
{
	for (size_t i = 0; i < a->len; i++)
		free(a->at[i].url);
	free(a->at);
	*a = (struct aggregators){};
}

static int check_url(const char *url, struct err *err)
{
	if ((strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) ||
	    url[strcspn(url, "?# ")])
		return err_set(err, -EINVAL,
			       "aggregator '%.200s' is not an http or https URL without a query",
			       url);
	return 0;
}

int aggregators_init(struct aggregators *ret, const char *const *urls, size_t n, struct err *err)
{
	cleanup(aggregators_fini) struct aggregators a = { .pause_ms = PAUSE_MS };

	if (n > AGGREGATORS_MAX)
		return err_set(err, -E2BIG, "%zu aggregators; %d are enough", n, AGGREGATORS_MAX);
	a.at = calloc(n + 1, sizeof(a.at[0]));
	if (!a.at)
		return err_errno(err, -ENOMEM, "aggregators");
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(urls[i]);
		int r = check_url(urls[i], err);

		if (r < 0)
			return r;
		while (len > 0 && urls[i][len - 1] == '/')
			len--;
		a.at[i].url = strndup(urls[i], len);
		if (!a.at[i].url)
			return err_errno(err, -ENOMEM, "aggregators");
		a.len++;
	}
	*ret = a;
	a = (struct aggregators){};
	return 0;
}

enum answer answer_of_status(unsigned int status)
{
	switch (status) {
	case 404:
		return ANSWER_ABSENT;
	case 451:
		return ANSWER_FORBIDDEN;
	case 408:
	case 425:
	case 429:
		return ANSWER_BUSY;
	default:
		return status >= 500 ? ANSWER_BUSY : ANSWER_REFUSED;
	}
}

void aggregators_begin(struct aggregators *a)
{
	for (size_t i = 0; i < a->len; i++) {
		struct aggregator *g = &a->at[i];

		g->tries = 0;
		g->done = g->left;
		g->absent = false;
		if (!g->left)
			g->why[0] = '\0';
	}
}

bool aggregators_settled(const struct aggregators *a)
{
	size_t absent = 0, open = 0;

	for (size_t i = 0; i < a->len; i++) {
		absent += a->at[i].absent && a->at[i].done;
		open += !a->at[i].done;
	}
	return absent >= ABSENT_ENOUGH || open == 0;
}

/* The one whose pause is over first; of those that are ready the one with the fewest failures. */
static bool before(const struct aggregator *a, const struct aggregator *b, uint64_t now_ms)
{
	uint64_t at_a = a->pause_until_ms > now_ms ? a->pause_until_ms : now_ms;
	uint64_t at_b = b->pause_until_ms > now_ms ? b->pause_until_ms : now_ms;

	return at_a != at_b ? at_a < at_b : a->failures < b->failures;
}

struct aggregator *aggregators_next(struct aggregators *a, uint64_t now_ms, uint64_t *ret_wait_ms)
{
	struct aggregator *best = NULL;

	if (aggregators_settled(a))
		return NULL;
	for (size_t i = 0; i < a->len; i++)
		if (!a->at[i].done && (!best || before(&a->at[i], best, now_ms)))
			best = &a->at[i];
	if (best)
		*ret_wait_ms = best->pause_until_ms > now_ms ? best->pause_until_ms - now_ms : 0;
	return best;
}

/* A cap: the next failure may not be this one's fault. */
static uint64_t pause_of(const struct aggregators *a, const struct aggregator *g, uint64_t wait_ms)
{
	uint64_t pause = a->pause_ms;

	for (uint32_t i = 1; i < g->failures && pause < AGGREGATOR_PAUSE_MAX_MS; i++)
		pause *= 2;
	if (pause < wait_ms)
		pause = wait_ms;
	return pause < AGGREGATOR_PAUSE_MAX_MS ? pause : AGGREGATOR_PAUSE_MAX_MS;
}

void aggregators_note(struct aggregators *a, struct aggregator *g, enum answer answer,
		      const char *why, uint64_t now_ms, uint64_t wait_ms)
{
	g->tries++;
	if (answer == ANSWER_WHOLE) {
		g->served++;
		g->failures = 0;
		g->done = true;
		g->why[0] = '\0';
		return;
	}
	snprintf(g->why, sizeof(g->why), "%s", why);
	g->failed++;
	g->absent = answer == ANSWER_ABSENT;
	if (answer == ANSWER_WRONG) {
		g->wrong++;
		g->left = true;
	}
	if (answer == ANSWER_BUSY || answer == ANSWER_ABSENT) {
		g->failures++;
		g->pause_until_ms = now_ms + pause_of(a, g, wait_ms);
	}
	g->done = answer == ANSWER_BUSY	  ? g->tries >= AGGREGATOR_TRIES :
		  answer == ANSWER_ABSENT ? a->len > 1 || g->tries >= ABSENT_TRIES :
					    true;
	for (size_t i = 0; answer == ANSWER_FORBIDDEN && i < a->len; i++)
		a->at[i].done = true;
}
