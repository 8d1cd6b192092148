/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. One idiom for the whole tree:
 *
 * - A fallible function returns int: 0, or a negative errno. A positive value only where its header
 *   says so (a count). It never touches *ret_... when it fails.
 * - The place that knows why fills a struct err on the caller's stack; each level on the way up may
 *   put its context in front. Nothing is allocated, nothing is released, and err may be NULL.
 * - Library code does not log. The one who decides (retry, give up, exit) prints err.text, once.
 * - Retry policy looks at the code, never at the text. Foreign errors are mapped to errno once, in
 *   the file that wraps the library: HTTP 401/403 -EACCES, 404 -ENOENT, 409 -EEXIST, 410 -ESTALE,
 *   429/503 -EAGAIN, bad JSON/YAML/BCS -EBADMSG, over a limit -E2BIG, time-out -ETIMEDOUT,
 *   SQLITE_BUSY -EBUSY.
 *
 * A text says what, where, and what to do: "manifests/a.yaml:7: port 99999 is out of range; use 1
 * to 65535". No trailing newline or full stop; control characters become '?'.
 *
 *	struct err err = {};
 *	if (x_load(path, &x, &err) < 0)
 *		return err_wrap(&err, "loading %s", path);
 */
#pragma once

#include <stdarg.h>

struct err {
	int code; /* negative errno, or 0 while nothing has failed */
	char text[512];
};

/* Sets code and text and returns code. code must be negative. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int code, const char *fmt, ...);
__attribute__((format(printf, 3, 0))) int err_setv(struct err *err, int code, const char *fmt,
						   va_list ap);

/* Like err_set() with ": " and strerror(-code) behind the text. */
__attribute__((format(printf, 3, 4))) int err_errno(struct err *err, int code, const char *fmt,
						    ...);

/* Puts "context: " in front of the text that is there; returns err's code (-EIO if err is NULL). */
__attribute__((format(printf, 2, 3))) int err_wrap(struct err *err, const char *fmt, ...);
