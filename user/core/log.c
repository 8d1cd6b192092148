/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/log_limit.h"

#define LINE_MAX_LEN 4096
#define QUOTE_LEN 512
#define QUOTES 4

static _Atomic int threshold = LOG_LEVEL_INFO;
static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_limit limit;

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};
_Static_assert(ARRAY_LEN(level_names) == LOG_LEVEL_MAX_, "each level has a name");

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (!strcmp(text, level_names[i])) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Escapes one character; returns how many bytes it took. */
static size_t escape(char c, char ret[2])
{
	const char *plain = "\"\\\n\t\r", *escaped = "\"\\ntr";
	const char *at = c ? strchr(plain, c) : NULL;

	if (!at) {
		ret[0] = (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
		return 1;
	}
	ret[0] = '\\';
	ret[1] = escaped[at - plain];
	return 2;
}

static void quote(const char *text, char *ret, size_t size)
{
	static const char cut[] = "...\"";
	size_t len = 0;
	char bytes[2];

	ret[len++] = '"';
	for (; *text; text++) {
		size_t n = escape(*text, bytes);

		if (len + n + sizeof(cut) > size) {
			memcpy(ret + len, cut, sizeof(cut));
			return;
		}
		memcpy(ret + len, bytes, n);
		len += n;
	}
	ret[len++] = '"';
	ret[len] = '\0';
}

const char *log_quote(const char *text)
{
	static _Thread_local char bufs[QUOTES][QUOTE_LEN];
	static _Thread_local unsigned int next;
	char *ret = bufs[next++ % QUOTES];

	quote(text ? text : "", ret, QUOTE_LEN);
	return ret;
}

static bool pass(const char *line, uint64_t *ret_repeated)
{
	uint64_t now_ms = clock_boot_ns() / 1000000;
	bool ok;

	pthread_mutex_lock(&limit_lock);
	ok = log_limit_pass(&limit, line, strlen(line), now_ms, ret_repeated);
	pthread_mutex_unlock(&limit_lock);
	return ok;
}

/* One write(), so that the lines of threads and processes don't mix. A log that nobody takes is no
 * reason to fail. */
static void emit(const char *line, uint64_t repeated)
{
	char out[LINE_MAX_LEN + 128], ts[TIME_TEXT_MAX], count[32] = "";
	ssize_t n;
	int len;

	if (repeated)
		snprintf(count, sizeof(count), " repeated=%" PRIu64, repeated);
	len = snprintf(out, sizeof(out), "ts=%s %s%s\n", time_format(clock_wall_ms(), ts), line,
		       count);
	n = write(STDERR_FILENO, out, (size_t)len);
	(void)n;
}

/* No line breaks and the like from the fields: one event is one line. */
static void flatten(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

void log_write(enum log_level level, const char *mod, const char *msg, const char *fields, ...)
{
	char line[LINE_MAX_LEN], quoted[QUOTE_LEN];
	uint64_t repeated;
	va_list ap;
	int len;

	if ((int)level < atomic_load(&threshold))
		return;
	quote(msg, quoted, sizeof(quoted));
	len = snprintf(line, sizeof(line), "level=%s mod=%.64s msg=%s", level_names[level], mod,
		       quoted);
	va_start(ap, fields);
	len += vsnprintf(line + len, sizeof(line) - (size_t)len, fields, ap);
	va_end(ap);
	if ((size_t)len >= sizeof(line))
		memcpy(line + sizeof(line) - 4, "...", 4);
	else if (line[len - 1] == ' ')
		line[len - 1] = '\0'; /* no fields */
	flatten(line);
	if (pass(line, &repeated))
		emit(line, repeated);
}
