/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line read against the tables of cli.h: no I/O, no allocation, everything borrowed.
 *
 *	weir [OPTIONS] OBJECT COMMAND [WORDS], options anywhere, unique prefixes throughout,
 *	--name VALUE, --name=VALUE, -n VALUE, -nVALUE, -jp, and -- before words that begin with a dash.
 *
 * "help" in the place of the object or the command, -h and --help set help; then the rest need not
 * be complete. A fault is one line that names the wrong word; *ret then still tells, in json and
 * pretty, how the user wants to read it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ARGS_WORDS_MAX 64
#define ARGS_FLAGS_MAX 64

struct cli_command;
struct cli_object;
struct err;

struct cli_flag {
	const char *name; /* "window", given as --window */
	char letter; /* 'o', given as -o; 0: none */
	const char *value; /* "FILE"; NULL: the flag stands alone */
	const char *help;
};

struct args {
	const struct cli_object *object;
	const struct cli_command *command;
	bool json, pretty, help, version, man, bash;
	const char *config, *batch;
	const char *word[ARGS_WORDS_MAX];
	size_t words;
	const char *flag[ARGS_FLAGS_MAX]; /* by index in the command's table; NULL: not given */
};

extern const struct cli_flag args_globals[]; /* up to one without a name */

/* argv without the program's name. -EINVAL, -E2BIG, and pick()'s. */
int args_parse(const struct cli_object *const objects[], size_t argc, char *const argv[],
	       struct args *ret, struct err *err);
