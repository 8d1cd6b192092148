/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's init says of its package: STATE/workloads/NAME/status (inside/inside.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;

enum status_word {
	STATUS_NONE, /* nothing yet, or it was killed before it could tell */
	STATUS_STARTING,
	STATUS_READY,
	STATUS_UNREADY,
	STATUS_EXIT,
	STATUS_SIGNAL,
};

struct status {
	enum status_word word;
	uint32_t number; /* of exit and signal */
	uint64_t at_ms; /* UTC: since when */
};

/* dir: STATE/workloads/NAME. A word that is not known is none, and so is no file. */
int status_read(const char *dir, struct status *ret, struct err *err);
/* For writing, empty. */
int status_open(const char *dir, int *ret_fd, struct err *err);
