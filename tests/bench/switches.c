/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switches N: a byte goes N times to another process and back by two pipes, both on the CPU that this one may use:
 * two context switches each time. Prints {"ns":...} on the clock, for one switch.
 */
#include <sys/wait.h>

#include "bench/tool.h"

#define N_MAX 10000000

static void swap(int from, int to, bool first)
{
	char c = 0;

	if (first)
		must(write(to, &c, 1) == 1, "write");
	must(read(from, &c, 1) == 1, "read");
	if (!first)
		must(write(to, &c, 1) == 1, "write");
}

int main(int argc, char **argv)
{
	int there[2], back[2];
	uint64_t from, each;
	uint32_t n;
	pid_t pid;

	errno = EINVAL;
	must(argc == 2, "switches N");
	n = number(argv[1], N_MAX);
	must(!pipe(there) && !pipe(back), "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		for (uint32_t i = 0; i < n; i++)
			swap(there[0], back[1], false);
		_exit(0);
	}
	from = clock_ns(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < n; i++)
		swap(back[0], there[1], true);
	each = (clock_ns(CLOCK_MONOTONIC) - from) / (2ULL * n);
	printf("{\"ns\":%" PRIu64 "}\n", each);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	return 0;
}
