/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switches N: a byte goes N times to another process and back by two pipes, both on the CPU that this one may use:
 * two context switches each time. Prints {"ns":...}: CPU time of both for one switch, with a write and a read.
 */
#include <sys/resource.h>
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

static uint64_t cpu_ns(int who)
{
	struct rusage used;

	must(!getrusage(who, &used), "getrusage");
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000 +
	       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
}

int main(int argc, char **argv)
{
	int there[2], back[2];
	uint64_t each;
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
	for (uint32_t i = 0; i < n; i++)
		swap(back[0], there[1], true);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	each = (cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN)) / (2ULL * n);
	printf("{\"ns\":%" PRIu64 "}\n", each);
	return 0;
}
