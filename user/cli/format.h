/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amounts as people read them. Integers only; what does not fit the digits shown is cut off, never
 * rounded up. Exact amounts are in the JSON.
 */
#pragma once

#include <stdint.h>

#define FORMAT_MAX 64

/* "1023B", "1.5MiB". ret has FORMAT_MAX bytes, as everywhere here; returns ret. */
char *format_bytes(uint64_t bytes, char *ret);
/* Seconds with milliseconds: "4323.456". */
char *format_ns(uint64_t ns, char *ret);
/* A time integral of memory in GiB x s, as leases price it: "12.345". */
char *format_gib_s(unsigned __int128 byte_ns, char *ret);
/* As kubectl top has them: thousandths of a core "250m", whole MiB "34Mi". */
char *format_milli(uint64_t millis, char *ret);
char *format_mi(uint64_t bytes, char *ret);
