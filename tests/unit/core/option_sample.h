/* SPDX-License-Identifier: Apache-2.0 */
/* A table of options of every type, and the struct that it fills. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/option.h"

enum colour { COLOUR_RED, COLOUR_GREEN };

struct sample {
	char *name;
	struct option_strings urls, pairs;
	uint64_t wait_ms, bytes, count;
	uint32_t limit;
	bool fast;
	enum colour colour;
	struct option_addrs addrs;
	struct option_cidrs cidrs;
	struct option_cidr_words places;
	struct option_listen listen;
};

static const char *const colours[] = { "red", "green", NULL };
static const char *const words[] = { "here", "there", NULL };

#define ROW(key_, type_, field_, fallback_, ...)     \
	{ .key = (key_),                             \
	  .type = (type_),                           \
	  .offset = offsetof(struct sample, field_), \
	  .fallback = (fallback_),                   \
	  .help = "help of " key_,                   \
	  ##__VA_ARGS__ }

static inline int check_even(const char *text, struct err *err)
{
	return strlen(text) % 2 ? err_set(err, -EINVAL, "has an odd length") : 0;
}

static const struct option_spec table[] = {
	ROW("node.name", OPTION_STRING, name, "none"),
	ROW("node.urls", OPTION_STRINGS, urls, "", .max = 3),
	ROW("meter.wait", OPTION_DURATION, wait_ms, "60s", .min = 100, .max = 86400000),
	ROW("meter.maxBytes", OPTION_SIZE, bytes, "64KiB", .max = 1 << 30),
	ROW("meter.count", OPTION_U64, count, "7"),
	ROW("meter.limit", OPTION_U32, limit, "8", .min = 2),
	ROW("meter.fast", OPTION_BOOL, fast, "false"),
	ROW("meter.colour", OPTION_CHOICE, colour, "red", .choices = colours),
	ROW("net.nodePortAddresses", OPTION_ADDRS, addrs, ""),
	ROW("net.clusterCIDRs", OPTION_CIDRS, cidrs, "10.0.0.0/8"),
	ROW("net.places", OPTION_CIDR_WORDS, places, "", .choices = words),
	ROW("net.listen", OPTION_LISTEN, listen, "127.0.0.1:80"),
	ROW("net.pairs", OPTION_STRINGS, pairs, "", .check = check_even),
};

static struct option_set set_of(struct sample *s)
{
	return (struct option_set){
		.specs = table, .n = ARRAY_LEN(table), .env_prefix = "WEIR_", .base = s
	};
}

struct fixture {
	struct sample s;
	struct option_set set;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->set = set_of(&f->s);
	*state = f;
	if (option_defaults(&f->set, &f->err) == 0)
		return 0;
	print_error("%s\n", f->err.text);
	return -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	option_free(&f->set);
	free(f);
	return 0;
}

static int yaml(struct fixture *f, const char *text)
{
	return option_yaml(&f->set, text, strlen(text), "t.yaml", &f->err);
}

static void check_listen(const struct fixture *f, const char *text)
{
	char got[LISTEN_TEXT_MAX];

	assert_string_equal(option_listen_format(&f->s.listen, got), text);
}

static void check_addr(const struct addr *a, const char *text)
{
	char got[ADDR_TEXT_MAX];

	assert_string_equal(addr_format(a, got), text);
}
