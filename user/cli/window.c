/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/window.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/parse.h"

#define MINUTE 60000ULL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MAX_S 253402300799ULL /* 9999-12-31T23:59:59Z, as time_parse() */

static uint64_t midnight(uint64_t ms)
{
	return ms - ms % DAY;
}

/* 1970-01-01 was a Thursday, day 4 of a week that begins on Sunday. */
static uint64_t sunday(uint64_t ms)
{
	return midnight(ms) - (ms / DAY + 4) % 7 * DAY;
}

static uint64_t first_of_month(uint64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	return midnight(ms) - (uint64_t)(tm.tm_mday - 1) * DAY;
}

static struct window today(uint64_t now)
{
	return (struct window){ midnight(now), midnight(now) + DAY };
}

static struct window yesterday(uint64_t now)
{
	return (struct window){ midnight(now) - DAY, midnight(now) };
}

static struct window week(uint64_t now)
{
	return (struct window){ sunday(now), now };
}

static struct window lastweek(uint64_t now)
{
	return (struct window){ sunday(now) - 7 * DAY, sunday(now) };
}

struct window window_month(uint64_t ms)
{
	uint64_t from = first_of_month(ms);

	return (struct window){ from, first_of_month(from + 31 * DAY) };
}

static struct window month(uint64_t now)
{
	return (struct window){ first_of_month(now), now };
}

static struct window lastmonth(uint64_t now)
{
	uint64_t end = first_of_month(now);

	return (struct window){ first_of_month(end - DAY), end };
}

static const struct {
	const char *name;
	struct window (*of)(uint64_t now_ms);
} named[] = {
	{ "today", today },	  { "yesterday", yesterday }, { "week", week },
	{ "lastweek", lastweek }, { "month", month },	      { "lastmonth", lastmonth },
};

static int parse_back(const char *text, uint64_t now, struct window *ret)
{
	static const struct {
		char letter;
		uint64_t unit, step; /* weeks end today, not on Saturday: counted in days */
	} units[] = { { 'm', MINUTE, 1 }, { 'h', HOUR, 1 }, { 'd', DAY, 1 }, { 'w', DAY, 7 } };
	size_t len = strlen(text);
	uint64_t count, span;
	char number[16];

	if (len < 2 || len > sizeof(number))
		return -EINVAL;
	memcpy(number, text, len - 1);
	number[len - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		uint64_t end = now - now % units[i].unit + units[i].unit;

		if (units[i].letter != text[len - 1])
			continue;
		if (parse_u64(number, 1, UINT64_MAX, &count) < 0)
			return -EINVAL;
		if (__builtin_mul_overflow(count, units[i].unit * units[i].step, &span) ||
		    span > end)
			return -ERANGE;
		*ret = (struct window){ end - span, end };
		return 0;
	}
	return -EINVAL;
}

static int parse_time(const char *text, uint64_t *ret_ms)
{
	uint64_t s;

	if (text[strspn(text, "0123456789")] != '\0')
		return time_parse(text, ret_ms);
	if (parse_u64(text, 0, MAX_S, &s) < 0)
		return -EINVAL;
	*ret_ms = s * 1000;
	return 0;
}

static int parse_pair(const char *text, struct window *ret)
{
	const char *comma = strchr(text, ',');
	struct window w;
	char from[64];
	int rc;

	if (!comma || (size_t)(comma - text) >= sizeof(from))
		return -EINVAL;
	memcpy(from, text, (size_t)(comma - text));
	from[comma - text] = '\0';
	rc = parse_time(from, &w.from_ms);
	if (rc == 0)
		rc = parse_time(comma + 1, &w.to_ms);
	if (rc < 0)
		return rc;
	*ret = w;
	return 0;
}

int window_parse(const char *text, uint64_t now_ms, struct window *ret, struct err *err)
{
	struct window w = {};
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		if (strcmp(text, named[i].name) == 0) {
			*ret = named[i].of(now_ms);
			return 0;
		}
	}
	rc = strchr(text, ',') ? parse_pair(text, &w) : parse_back(text, now_ms, &w);
	if (rc == -ERANGE)
		return err_set(err, rc, "'%.80s' reaches before 1970 or past 9999", text);
	if (rc < 0)
		return err_set(err, rc,
			       "'%.80s' is not a window: use today, yesterday, week, lastweek, "
			       "month, lastmonth, 30m, 12h, 7d, 2w, or FROM,TO (RFC 3339 or Unix "
			       "seconds)",
			       text);
	if (w.from_ms >= w.to_ms)
		return err_set(err, -EINVAL, "'%.80s' does not begin before it ends", text);
	*ret = w;
	return 0;
}
