/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What iptables-restore --noflush makes of a ruleset, with the kernel's refusals: a chain goes only
 * when it is empty and no rule leads to it, a rule only when it is there.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "unit/core/test.h"

#define LINES_MAX 256

struct ruleset {
	char *line[LINES_MAX]; /* as iptables-save has them, without remarks */
	size_t n;
};

static void ruleset_free(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		free(rs->line[i]);
	rs->n = 0;
}

static void ruleset_read(struct ruleset *rs, const char *text)
{
	cleanup(free_ptr) char *copy = strdup(text);

	rs->n = 0;
	for (char *at = copy, *line; (line = strsep(&at, "\n"));) {
		if (!*line || *line == '#')
			continue;
		assert_true(rs->n < LINES_MAX);
		rs->line[rs->n++] = strdup(line);
	}
}

static void drop(struct ruleset *rs, size_t i)
{
	free(rs->line[i]);
	memmove(&rs->line[i], &rs->line[i + 1], (--rs->n - i) * sizeof(rs->line[0]));
}

/* The lines of a table are those from the first to before the second. */
static size_t table_begin(const struct ruleset *rs, const char *table)
{
	for (size_t i = 0; i < rs->n; i++) {
		if (rs->line[i][0] == '*' && !strcmp(rs->line[i] + 1, table))
			return i + 1;
	}
	fail_msg("no table %s", table);
	return 0;
}

static size_t table_end(const struct ruleset *rs, size_t i)
{
	while (strcmp(rs->line[i], "COMMIT") != 0)
		i++;
	return i;
}

static bool begins(const char *line, const char *what, const char *name)
{
	size_t len = strlen(what);

	return !strncmp(line, what, len) && !strncmp(line + len, name, strlen(name)) &&
	       strchr(" ", line[len + strlen(name)]);
}

static bool leads_to(const char *line, const char *chain)
{
	char jump[64], go[64];
	size_t len = strlen(line), end;

	snprintf(jump, sizeof(jump), " -j %s", chain);
	snprintf(go, sizeof(go), " -g %s", chain);
	end = strlen(jump);
	return len > end && (!strcmp(line + len - end, jump) || !strcmp(line + len - end, go));
}

static void empty_chain(struct ruleset *rs, size_t at, const char *chain)
{
	bool found = false;

	for (size_t i = table_end(rs, at); i-- > at;) {
		found |= begins(rs->line[i], ":", chain);
		if (begins(rs->line[i], "-A ", chain))
			drop(rs, i);
	}
	if (!found)
		fail_msg("would make chain %s", chain);
}

static void delete_rule(struct ruleset *rs, size_t at, const char *rule)
{
	for (size_t i = at; i < table_end(rs, at); i++) {
		if (!strncmp(rs->line[i], "-A ", 3) && !strcmp(rs->line[i] + 3, rule)) {
			drop(rs, i);
			return;
		}
	}
	fail_msg("no rule %s", rule);
}

static void delete_chain(struct ruleset *rs, size_t at, const char *chain)
{
	size_t decl = 0;

	for (size_t i = at; i < table_end(rs, at); i++) {
		if (begins(rs->line[i], ":", chain))
			decl = i;
		if (begins(rs->line[i], "-A ", chain) || leads_to(rs->line[i], chain))
			fail_msg("chain %s is in use: %s", chain, rs->line[i]);
	}
	if (!decl)
		fail_msg("no chain %s", chain);
	drop(rs, decl);
}

static void ruleset_apply(struct ruleset *rs, const char *restore)
{
	struct ruleset todo;
	size_t at = 0;

	ruleset_read(&todo, restore);
	for (size_t i = 0; i < todo.n; i++) {
		char *line = todo.line[i];

		if (*line == '*') {
			at = table_begin(rs, line + 1);
		} else if (*line == ':') {
			*strchr(line, ' ') = '\0';
			empty_chain(rs, at, line + 1);
		} else if (!strncmp(line, "-D ", 3)) {
			delete_rule(rs, at, line + 3);
		} else if (!strncmp(line, "-X ", 3)) {
			delete_chain(rs, at, line + 3);
		} else {
			assert_string_equal(line, "COMMIT");
		}
	}
	ruleset_free(&todo);
}

static void assert_same(const struct ruleset *have, const struct ruleset *want)
{
	for (size_t i = 0; i < have->n && i < want->n; i++)
		assert_string_equal(have->line[i], want->line[i]);
	assert_int_equal(have->n, want->n);
}
