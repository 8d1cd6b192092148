/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace of the test's own, without which nothing here may run: what is removed, is gone. */
#pragma once

#include <sched.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/child.h"
#include "unit/core/must.h"

#define COMMAND_MS 60000

/* The first call of each test, which it may skip: a new, empty namespace. */
static void enter_space(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) == 0)
		return;
	if (getenv("WEIR_REQUIRE_KERNEL"))
		fail_msg("needs root, to have a network namespace");
	print_message("skipped: needs root, to have a network namespace\n");
	skip();
}

/* The exit status of a line of sh. */
static int command(const char *line)
{
	const char *const argv[] = { "sh", "-c", line, NULL };
	cleanup(buf_fini) struct buf out = BUF_INIT(4096);
	const struct child c = {
		.argv = argv, .output_fd = -1, .output = &out, .timeout_ms = COMMAND_MS
	};
	int status = -1;

	must(child_run(&c, &status, &why));
	if (status != 0)
		print_message("%s: exit %d: %s\n", line, status, out.len ? out.data : "");
	return status;
}
