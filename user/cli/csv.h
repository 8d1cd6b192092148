/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of objects as CSV (RFC 4180, but lines end with LF): a header of the keys, then a line for
 * each object. null and what is not there is empty. A text that a spreadsheet would take for a
 * formula (first character =, +, - or @, a tab or a CR, and not a number) gets a ' in front, since names come from
 * tenants.
 */
#pragma once

struct buf;
struct json;

/* keys up to NULL. 0, -ENOMEM, or the buffer's error, which is sticky. */
void csv_head(const char *const keys[], struct buf *out);
int csv_row(const struct json *row, const char *const keys[], struct buf *out);
/* Both for a whole list. */
int csv_print(const struct json *list, const char *const keys[], struct buf *out);
