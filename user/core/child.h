/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process by its argv (never a shell), waited for without polling: pidfd and poll().
 *
 * The child gets a session of its own (a Ctrl-C on the agent's terminal is not for it), no blocked
 * or ignored signal, and no descriptor but 0, 1, 2 and those it is handed. Its input is a file in memory, so that
 * nobody waits for it to read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct err;

#define CHILD_HANDED_MAX 4

struct child {
	const char *const *argv; /* argv[0]: see program_find(); closed by NULL */
	const struct buf *input; /* NULL: /dev/null */
	int output_fd; /* its standard output and error; -1: captured in output */
	struct buf *output; /* up to its limit, what is over is dropped; NULL: /dev/null */
	struct buf
		*errors; /* the same of its standard error alone; NULL: it goes with the output */
	const int *handed; /* become 3, 4, ...; borrowed */
	size_t n_handed; /* CHILD_HANDED_MAX at most */
	uint32_t timeout_ms; /* then it is killed: -ETIMEDOUT */
	bool our_environment; /* proxies, authorities, agents for keys; else only PATH */
};

/* ret_status: the exit code, or 128 + signal. An exit code is not an error. */
int child_run(const struct child *c, int *ret_status, struct err *err);
/* The path of a program, from the system's folders (/usr/local/sbin to /bin), not from PATH. */
int program_find(const char *name, char *ret, size_t size);
/* Waits until any process (not only a child) has ended: 0, -ETIMEDOUT, or 0 when there is none. */
int process_wait(pid_t pid, uint32_t timeout_ms, struct err *err);
