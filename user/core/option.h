/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options from one table. A row gives a key's name, type, place in the caller's struct, default,
 * bounds and help; from it follow the YAML file, the environment, the flags, the help and the text
 * of the effective configuration.
 *
 *	key       datapath.nodePortAddresses
 *	YAML      datapath: {nodePortAddresses: [192.0.2.0/24]}
 *	variable  WEIR_DATAPATH_NODE_PORT_ADDRESSES=192.0.2.0/24,198.51.100.0/24
 *	flag      --datapath-node-port-addresses 192.0.2.0/24   (or with =)
 *
 * I1. A key is "section.name", each of ASCII letters and digits from a lower-case letter on. The
 *     rows of a section stand together.
 * I2. Each option_x() sets what its source names and leaves the rest, so the order of the calls is
 *     the precedence: defaults, file, environment, flags. On failure what came before the fault is
 *     set, the faulty option is as it was, and the struct can be freed.
 * I3. Strings and lists belong to the caller's struct; option_free() releases all and zeroes all.
 *     Strings are never NULL after option_defaults(); an empty list is {NULL, 0}.
 * I4. In text (default, variable, flag) a list is separated by commas; an item holds none. In YAML
 *     it is a sequence. A key without a value (null) in YAML is as if it were not there.
 *
 * Errors: -EINVAL with a text that names the place (file:line, variable or flag), the key, what is
 * allowed, and the nearest key if one is near; -ERANGE out of bounds; -EBADMSG not YAML; -ENOMEM.
 *
 *	static const struct option_spec table[] = {
 *		{ .key = "meter.window", .type = OPTION_DURATION, .fallback = "60s",
 *		  .offset = offsetof(struct config, meter.window_ms), .min = 100, .max = 86400000,
 *		  .help = "length of a usage record" },
 *	};
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

struct buf;
struct err;

enum option_type {
	OPTION_STRING, /* char *; at most OPTION_STRING_MAX bytes, no control characters */
	OPTION_STRINGS, /* struct option_strings */
	OPTION_DURATION, /* uint64_t milliseconds: 500ms, 60s, 5m */
	OPTION_SIZE, /* uint64_t bytes: 4096, 64KiB, 256MiB */
	OPTION_U32, /* uint32_t */
	OPTION_U64, /* uint64_t */
	OPTION_BOOL, /* bool; the flag alone means true, else --x=false */
	OPTION_CHOICE, /* an enum: the index in choices */
	OPTION_ADDRS, /* struct option_addrs */
	OPTION_CIDRS, /* struct option_cidrs */
	OPTION_CIDR_WORDS, /* struct option_cidr_words: each a CIDR or one of choices */
	OPTION_LISTEN, /* struct option_listen: 0.0.0.0:10256, [::1]:80, "" = off; port 0 = any */
	OPTION_TYPE_MAX_
};

#define OPTION_STRING_MAX 4095
#define OPTION_LIST_MAX 256 /* items */
#define OPTION_NAME_MAX 80 /* of a flag or variable with its NUL */

struct option_strings {
	char **v;
	size_t n;
};
struct option_addrs {
	struct addr *v;
	size_t n;
};
struct option_cidrs {
	struct cidr *v;
	size_t n;
};
struct option_cidr_words {
	struct option_cidr_word {
		int word; /* the index in choices, or -1: */
		struct cidr cidr;
	} *v;
	size_t n;
};
struct option_listen {
	bool on;
	uint16_t port;
	struct addr addr;
};
#define LISTEN_TEXT_MAX (ADDR_TEXT_MAX + 8)

/* Not called struct option, which is getopt's. */
struct option_spec {
	const char *key;
	enum option_type type;
	size_t offset;
	const char *fallback; /* in the form of a flag's value */
	const char *const *choices; /* OPTION_CHOICE, OPTION_CIDR_WORDS: names, then NULL */
	uint64_t min, max; /* numbers, durations, sizes; max 0: as large as the type */
	/* OPTION_STRING, OPTION_STRINGS: is it one (each item)? 0, or why not, without the text itself. */
	int (*check)(const char *text, struct err *err);
	const char *help; /* one line, lower case, no full stop */
};

struct option_set {
	const struct option_spec *specs;
	size_t n;
	const char *env_prefix; /* "WEIR_" */
	void *base; /* the caller's struct */
};

int option_defaults(const struct option_set *s, struct err *err);
/* text: one YAML mapping, or nothing. name is what errors call it, usually the path. */
int option_yaml(const struct option_set *s, const char *text, size_t len, const char *name,
		struct err *err);
/* env as environ. Appends one line to warnings for each variable that begins with the prefix and a
 * section but is no key: a mistyped one must not stop an agent, since Kubernetes puts variables of
 * its own making into every container. */
int option_env(const struct option_set *s, char *const *env, struct option_strings *warnings,
	       struct err *err);
/* All of argv must be flags of the table; the last of two equal ones counts. */
int option_flags(const struct option_set *s, size_t argc, char *const *argv, struct err *err);
void option_free(const struct option_set *s);

/* Appends the effective configuration as YAML that option_yaml() reads back to the same values. */
int option_render(const struct option_set *s, struct buf *out);
/* Appends the help: for each row flag, kind of value, help, default, key and variable. */
int option_help(const struct option_set *s, struct buf *out);
/* "--meter-window" and "WEIR_METER_WINDOW"; both return ret. */
char *option_flag(const struct option_spec *o, char ret[OPTION_NAME_MAX]);
char *option_variable(const struct option_set *s, const struct option_spec *o,
		      char ret[OPTION_NAME_MAX]);

int option_strings_add(struct option_strings *l, const char *text); /* copies; 0 or -ENOMEM */
void option_strings_free(struct option_strings *l);
/* "192.0.2.1:80", "[2001:db8::1]:80", or "" when off; ret: LISTEN_TEXT_MAX bytes. Returns ret. */
char *option_listen_format(const struct option_listen *l, char *ret);
