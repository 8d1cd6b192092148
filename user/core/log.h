/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one logfmt line per event on standard error,
 *
 *	ts=2026-11-20T20:25:00.123Z level=info mod=svc msg="synced" services=12
 *
 * Only user/agent and user/cli log above debug: libraries return a struct err. `fields` is a printf
 * format that yields key=value pairs, or ""; values with blanks go through %s of log_quote().
 * An identical line (level, module, message and fields) that repeats within 10 s is counted, not
 * printed; the count is printed with the next one as repeated=N. A line over 4 KiB is cut with
 * "...". A log that can't be written is no error.
 * Threading: any thread; a line is one write().
 */
#pragma once

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_MAX_ };

void log_set_level(enum log_level level);
/* Reads "debug", "info", "warn" or "error"; -EINVAL otherwise. */
int log_level_parse(const char *text, enum log_level *ret_level);

__attribute__((format(printf, 4, 5))) void log_write(enum log_level level, const char *mod,
						     const char *msg, const char *fields, ...);

/* fields is a literal. The blank before it keeps compilers from taking "" for a mistake. */
#define log_debug(mod, msg, ...) log_write(LOG_LEVEL_DEBUG, mod, msg, " " __VA_ARGS__)
#define log_info(mod, msg, ...) log_write(LOG_LEVEL_INFO, mod, msg, " " __VA_ARGS__)
#define log_warn(mod, msg, ...) log_write(LOG_LEVEL_WARN, mod, msg, " " __VA_ARGS__)
#define log_error(mod, msg, ...) log_write(LOG_LEVEL_ERROR, mod, msg, " " __VA_ARGS__)

/* Quotes for logfmt, in one of four rotating thread-local buffers of 512 bytes (cut by "..."). */
const char *log_quote(const char *text);
