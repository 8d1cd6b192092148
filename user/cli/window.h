/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window of time a question is about, in OpenCost's grammar:
 *
 *	today, yesterday	a day of UTC
 *	week, month		from its first midnight until now; weeks begin on Sunday
 *	lastweek, lastmonth	the whole one before
 *	30m 12h 7d 2w		that many whole minutes, hours, days, counted back from the end of
 *				the present one: 7d is today and the six days before
 *	FROM,TO			RFC 3339 times, or seconds since 1970
 *
 * Source of the rules: opencost core/pkg/opencost/window.go. Pure: the caller gives the time.
 */
#pragma once

#include <stdint.h>

struct err;

struct window {
	uint64_t from_ms, to_ms; /* UTC since 1970, end exclusive; from < to */
};

/* The whole month of UTC that a time is in. */
struct window window_month(uint64_t ms);

int window_parse(const char *text, uint64_t now_ms, struct window *ret, struct err *err);
