/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What takes more than its share:
 *
 *	greedy bomb N		forks until it can't, N times at most; prints how often it could
 *	greedy hog BYTES	fills that much memory; prints "filled"
 *	greedy spin MS		two busy processes for MS
 */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void bomb(unsigned long most)
{
	unsigned long n = 0;
	pid_t own = getpid();

	for (; n < most; n++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (getppid() == own)
				pause();
			_exit(0);
		}
	}
	printf("forked %lu\n", n);
}

static void hog(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; at != MAP_FAILED && i < bytes; i += 4096)
		at[i] = 1;
	printf("%s\n", at == MAP_FAILED ? "refused" : "filled");
}

static uint64_t now_ms(void)
{
	struct timespec ts = {};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void spin(uint64_t ms)
{
	uint64_t end = now_ms() + ms;
	pid_t pid = fork();

	while (now_ms() < end)
		;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	printf("spun\n");
}

int main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "";
	unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (strcmp(what, "bomb") == 0)
		bomb(n);
	if (strcmp(what, "hog") == 0)
		hog(n);
	if (strcmp(what, "spin") == 0)
		spin(n);
	return 0;
}
