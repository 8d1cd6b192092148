/* SPDX-License-Identifier: Apache-2.0 */
/* A small command line to parse against, and what all tests of user/cli include. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"

static const struct cli_flag sample_flags[] = {
	{ "window", 'w', "W", "a window of time" },
	{ "wide", 0, NULL, "more columns" },
	{ "output", 'o', "FILE", "write there" },
	{},
};

static const struct cli_command sample_usage_commands[] = {
	{ .name = "show", .flags = sample_flags, .help = "what was used" },
	{ .name = "export", .args = "LEASE [FILE]", .help = "a file of it" },
	{ .name = "run", .args = "NAME [WORD ...]", .help = "run it" },
	{},
};

static const struct cli_command sample_settle_commands[] = {
	{ .name = "show", .help = "don't \"quote\" a \\ here", .more = ".not a macro\n'nor this" },
	{},
};

static const struct cli_object sample_usage = { "usage", "what pods used", sample_usage_commands };
static const struct cli_object sample_settle = { "settlement", "payments", sample_settle_commands };
static const struct cli_object sample_service = { "service", "Services", sample_settle_commands };

__attribute__((unused)) static const struct cli_object *const sample_objects[] = {
	&sample_usage,
	&sample_settle,
	&sample_service,
	NULL,
};

/* A JSON text as a tree; the test fails when it is none. */
__attribute__((unused)) static struct json *sample_json(const char *text)
{
	struct json *j = NULL;
	struct err err = {};

	if (json_parse(text, strlen(text), 1 << 20, "test", &j, &err) < 0)
		fail_msg("%s", err.text);
	return j;
}
