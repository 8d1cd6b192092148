/* SPDX-License-Identifier: Apache-2.0 */
#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"

#define MS_PER_DAY 86400000
#define DAYS_PER_ERA 146097 /* 400 Gregorian years */
#define EPOCH_DAY 719468 /* from 0000-03-01 to 1970-01-01 */

static struct timespec now(clockid_t clock)
{
	struct timespec ts = {};

	clock_gettime(clock, &ts); /* can't fail for the clocks below (Linux 2.6.39) */
	return ts;
}

uint64_t clock_boot_ns(void)
{
	struct timespec ts = now(CLOCK_BOOTTIME);

	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t clock_wall_ms(void)
{
	struct timespec ts = now(CLOCK_REALTIME);

	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int clock_boot_id(char ret[BOOT_ID_LEN])
{
	cleanup(close_fd) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[BOOT_ID_LEN];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	if (n != BOOT_ID_LEN || text[BOOT_ID_LEN - 1] != '\n')
		return -EBADMSG;
	text[BOOT_ID_LEN - 1] = '\0';
	memcpy(ret, text, sizeof(text));
	return 0;
}

struct date {
	uint64_t year;
	unsigned int month, day; /* from 1 */
};

/*
 * Days since 1970 to a date and back. The year is taken to begin in March, so that the leap day is
 * its last, and 153 days are five months of 31, 30, 31, 30, 31.
 * Source: Howard Hinnant, "chrono-compatible low-level date algorithms" (public domain).
 */
static struct date date_of_days(uint64_t days)
{
	uint64_t z = days + EPOCH_DAY;
	uint64_t era = z / DAYS_PER_ERA, doe = z % DAYS_PER_ERA;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned int mp = (unsigned int)((5 * doy + 2) / 153); /* 0 is March */

	return (struct date){
		.year = era * 400 + yoe + (mp >= 10),
		.month = mp < 10 ? mp + 3 : mp - 9,
		.day = (unsigned int)(doy - (153 * mp + 2) / 5 + 1),
	};
}

static int64_t days_of_date(const struct date *d)
{
	int64_t y = (int64_t)d->year - (d->month <= 2) + 400; /* one era up: never negative */
	int64_t mp = d->month > 2 ? d->month - 3 : d->month + 9;
	int64_t yoe = y % 400, doy = (153 * mp + 2) / 5 + d->day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return (y / 400 - 1) * DAYS_PER_ERA + doe - EPOCH_DAY;
}

static unsigned int days_in_month(const struct date *d)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);

	return days[d->month - 1] + (d->month == 2 && leap);
}

/* Writes v in exactly `digits` digits and the character behind them; returns the next place. */
static char *put(char *at, uint64_t v, int digits, char behind)
{
	for (int i = digits - 1; i >= 0; i--, v /= 10)
		at[i] = (char)('0' + v % 10);
	at[digits] = behind;
	return at + digits + 1;
}

char *time_format(uint64_t ms, char ret[TIME_TEXT_MAX])
{
	uint64_t shown = ms > TIME_MAX_MS ? TIME_MAX_MS : ms;
	struct date d = date_of_days(shown / MS_PER_DAY);
	uint64_t rest = shown % MS_PER_DAY;
	char *at = ret;

	at = put(at, d.year, 4, '-');
	at = put(at, d.month, 2, '-');
	at = put(at, d.day, 2, 'T');
	at = put(at, rest / 3600000, 2, ':');
	at = put(at, rest / 60000 % 60, 2, ':');
	at = put(at, rest / 1000 % 60, 2, rest % 1000 ? '.' : 'Z');
	if (rest % 1000)
		at = put(at, rest % 1000, 3, 'Z');
	*at = '\0';
	return ret;
}

/* Reads exactly `digits` digits and the character behind them; moves *at on. */
static bool field(const char **at, int digits, char behind, unsigned int *ret)
{
	unsigned int v = 0;

	for (; digits; digits--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		v = v * 10 + (unsigned int)(**at - '0');
	}
	*ret = v;
	return !behind || *(*at)++ == behind;
}

/* ".5", ".123", ".123456": milliseconds, what is finer is cut off. Nothing is 0. */
static bool fraction_ms(const char **at, unsigned int *ret)
{
	size_t digits;

	*ret = 0;
	if (**at != '.')
		return true;
	(*at)++;
	digits = strspn(*at, "0123456789");
	for (size_t i = 0; i < 3; i++)
		*ret = *ret * 10 + (i < digits ? (unsigned int)((*at)[i] - '0') : 0);
	*at += digits;
	return digits > 0;
}

/* "Z", "+02:00", "-05:30": minutes east of UTC, to the end of the text. */
static bool offset_minutes(const char *at, int *ret)
{
	int sign = *at == '-' ? -1 : 1;
	unsigned int h, m;

	*ret = 0;
	if (*at == 'Z' || *at == 'z')
		return !at[1];
	if (*at != '+' && *at != '-')
		return false;
	at++;
	if (!field(&at, 2, ':', &h) || !field(&at, 2, '\0', &m) || *at || h > 23 || m > 59)
		return false;
	*ret = sign * (int)(h * 60 + m);
	return true;
}

int time_parse(const char *text, uint64_t *ret_ms)
{
	unsigned int year, h, m, s, ms;
	struct date d;
	int64_t total;
	int offset;

	if (!field(&text, 4, '-', &year) || !field(&text, 2, '-', &d.month) ||
	    !field(&text, 2, '\0', &d.day) || (*text != 'T' && *text != 't'))
		return -EINVAL;
	text++;
	if (!field(&text, 2, ':', &h) || !field(&text, 2, ':', &m) || !field(&text, 2, '\0', &s) ||
	    !fraction_ms(&text, &ms) || !offset_minutes(text, &offset))
		return -EINVAL;
	d.year = year;
	if (d.month < 1 || d.month > 12 || d.day < 1 || d.day > days_in_month(&d) || h > 23 ||
	    m > 59 || s > 59)
		return -EINVAL;
	total = days_of_date(&d) * MS_PER_DAY + ((int64_t)(h * 60 + m) - offset) * 60000 +
		s * 1000 + ms;
	if (total < 0 || total > TIME_MAX_MS)
		return -ERANGE;
	*ret_ms = (uint64_t)total;
	return 0;
}
