/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log_limit.h"

/* FNV-1a of 64 bits, never 0: two of the few lines remembered won't meet in it. */
static uint64_t hash_of(const char *line, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)line[i]) * 0x100000001b3;
	return hash ? hash : 1;
}

bool log_limit_pass(struct log_limit *l, const char *line, size_t len, uint64_t now_ms,
		    uint64_t *ret_repeated)
{
	uint64_t hash = hash_of(line, len), repeated = 0;
	size_t at = 0;

	for (size_t i = 0; i < LOG_LIMIT_LINES; i++) {
		if (l->lines[i].hash == hash) {
			at = i;
			break;
		}
		if (l->lines[i].printed_ms < l->lines[at].printed_ms)
			at = i; /* the oldest gives way */
	}
	if (l->lines[at].hash == hash) {
		if (now_ms - l->lines[at].printed_ms < LOG_LIMIT_MS) {
			l->lines[at].repeated++;
			return false;
		}
		repeated = l->lines[at].repeated;
	}
	l->lines[at].hash = hash;
	l->lines[at].printed_ms = now_ms;
	l->lines[at].repeated = 0;
	*ret_repeated = repeated;
	return true;
}
