/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobid: answers a line "LANES THREADS FILE" on standard input with a line of JSON: the blob id, and the time on all
 * processors and on the clock that it took. LANES is "best" or a name of walrus/lanes.h.
 */
#include <fcntl.h>

#include "bench/tool.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "walrus/blobid.h"
#include "walrus/blobname.h"
#include "walrus/lanes.h"

#define LINE_MAX_BYTES 4096

static const struct lanes *lanes_of(const char *name)
{
	for (size_t i = 0; lanes_all[i]; i++)
		if (strcmp(lanes_all[i]->name, name) == 0 && lanes_all[i]->usable())
			return lanes_all[i];
	return lanes_best();
}

static void answer(const char *lanes, uint32_t threads, const char *path)
{
	struct blobid_options o = { .threads = threads, .lanes = lanes_of(lanes) };
	char text[BLOBNAME_MAX];
	struct err err = {};
	struct blobid b;
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), wall = clock_ns(CLOCK_MONOTONIC);

	must(fd >= 0, path);
	errno = -blobid_of(fd, &o, &b, &err);
	must(!errno, err.text);
	printf("{\"id\": \"%s\", \"lanes\": \"%s\", \"cpu_s\": %.6f, \"wall_s\": %.6f}\n",
	       blobname_format(b.id, text), o.lanes->name,
	       (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e9,
	       (double)(clock_ns(CLOCK_MONOTONIC) - wall) / 1e9);
	fflush(stdout);
}

int main(void)
{
	char line[LINE_MAX_BYTES];

	must(crypto_init() == 0, "crypto");
	while (fgets(line, sizeof(line), stdin)) {
		char lanes[16], path[LINE_MAX_BYTES];
		unsigned int threads;

		must(sscanf(line, "%15s %u %4095s", lanes, &threads, path) == 3, line);
		answer(lanes, threads, path);
	}
	return 0;
}
