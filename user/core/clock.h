/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Amounts come from monotonic clocks only; wall time labels windows.
 *
 * clock_boot_ns() is CLOCK_BOOTTIME (counts suspend); the kernel side stamps with
 * bpf_ktime_get_boot_ns(), the same clock. clock_wall_ms() is UTC milliseconds since 1970.
 * Code that must be testable takes the time as a parameter.
 */
#pragma once

#include <stdint.h>

uint64_t clock_boot_ns(void);
uint64_t clock_wall_ms(void);

#define BOOT_ID_LEN 37
/* The kernel's boot id (a UUID), so that cgroup ids of two boots are never mixed up. */
int clock_boot_id(char ret[BOOT_ID_LEN]);

#define TIME_TEXT_MAX 32
/* RFC 3339 in UTC: "2026-11-20T20:25:00Z", with ".123" when the milliseconds are not
 * zero. A time after 9999 is shown as the last of 9999. */
char *time_format(uint64_t ms, char ret[TIME_TEXT_MAX]);
#define TIME_MAX_MS 253402300799999 /* 9999-12-31T23:59:59.999Z */
/*
 * RFC 3339 with Z or an offset; what is finer than a millisecond is cut off, the leap second :60
 * refused, as Go does. -EINVAL; -ERANGE before 1970 or after 9999, UTC.
 */
int time_parse(const char *text, uint64_t *ret_ms);
