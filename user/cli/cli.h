/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: weir [OPTIONS] OBJECT { COMMAND | help }.
 *
 * The whole surface is data. Each object is one file that exports one const struct cli_object; its
 * table of commands yields dispatch, help, the manual page and the completion script. A command
 * does not print: run() makes one JSON result, which -j shows as it is and from which plain text
 * is made by the command's views (out.h). The two can't disagree.
 *
 * run() returns
 *	0	done; *ret is the result (NULL: nothing to say)
 *	1	done, and the answer is no (datapath check that found a difference): exit 1
 *	<0	failed, err says why: exit 1. *ret stays NULL
 * cli_usage() is for what only the command can see to be wrong with its words: exit 2.
 * What is exported in a format of its own (CSV, receipts) goes to cli->raw, and *ret stays NULL.
 *
 * Ownership: the tables are static. struct cli lives for one command line; what cli_arg(),
 * cli_flag() and cli_config() return is borrowed from it. Threading: one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/args.h"
#include "core/buf.h"

struct cli;
struct config;
struct err;
struct json;
struct view;

struct cli_command {
	const char *name;
	const char *
		args; /* needed words, then optional: "LEASE [FILE]", "[KEY=VALUE ...]"; NULL: none */
	const struct cli_flag *flags; /* up to one without a name; NULL: none */
	const struct cli_flag *(*flags_of)(
		void); /* instead, where another table rules (agent run) */
	bool takes_blob_id; /* a word is one, and may begin with a dash */
	const char *help; /* one line, no full stop */
	const char *more; /* what the manual adds, or NULL */
	const struct view *views; /* up to one without a path; NULL: no result */
	int (*run)(struct cli *cli, struct json **ret, struct err *err);
};

struct cli_object {
	const char *name;
	const char *summary; /* one line, no full stop */
	const struct cli_command *commands; /* up to one without a name */
};

struct cli {
	struct args args;
	struct buf raw; /* bytes for standard output, instead of a result */
	bool bad_usage;
	struct config *config;
};

/* All objects in the order of help; NULL at the end. */
extern const struct cli_object *const cli_objects[];

#define CLI_OK 0
#define CLI_FAILED 1
#define CLI_USAGE 2

/* The whole program: answers on standard output, plain errors on standard error. Returns the exit
 * code. argv is without the name of the program. */
int cli_main(size_t argc, char *const argv[]);
/* One command line that was read: its result, or err. Returns an exit code. */
int cli_run(struct cli *cli, struct json **ret, struct err *err);
/* What a command gave, as the user wants to read it. */
int cli_render(const struct cli *cli, const struct json *result, struct buf *out);
void cli_fini(struct cli *cli);

/* The flags of a command, up to one without a name; never NULL. */
const struct cli_flag *cli_flags(const struct cli_command *command);

/* The i-th word behind the command, or NULL. */
const char *cli_arg(const struct cli *cli, size_t i);
/* The value of a flag, "" for one that stands alone, NULL if not given. */
const char *cli_flag(const struct cli *cli, const char *name);
__attribute__((format(printf, 3, 4))) int cli_usage(struct cli *cli, struct err *err,
						    const char *fmt, ...);
/* A line on standard error that can't wait for the command's end. */
__attribute__((format(printf, 1, 2))) void cli_note(const char *fmt, ...);
/* -c FILE, else the default file if there is one, else the defaults; then WEIR_* variables. */
int cli_config(struct cli *cli, const struct config **ret, struct err *err);
/* The same with flags ("--meter-window=60s") that go before all. */
int cli_config_with(struct cli *cli, size_t argc, char *const argv[], const struct config **ret,
		    struct err *err);
