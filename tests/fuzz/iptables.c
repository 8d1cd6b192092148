/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What iptables-save says. The text made of it for iptables-restore names kube-proxy's chains only,
 * and no rule that was not in the input.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "takeover/iptables.h"
#include "takeover/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chain(const char *table, char *name)
{
	char *end = strchr(name, ' ');

	if (end)
		*end = '\0';
	if (!names_chain(table, name))
		__builtin_trap();
}

static void check_line(const char *table, char *line, const char *text, size_t len)
{
	if (*line == ':') {
		check_chain(table, line + 1);
	} else if (!strncmp(line, "-X ", 3)) {
		check_chain(table, line + 3);
	} else if (!strncmp(line, "-D ", 3)) {
		line[1] = 'A';
		if (!memmem(text, len, line, strlen(line)))
			__builtin_trap();
	} else if (*line && *line != '*' && strcmp(line, "COMMIT") != 0) {
		__builtin_trap();
	}
}

static void check_table(const struct iptables_plan *plan, enum iptables_table_id id,
			const char *text, size_t len)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(16u << 20);

	if (plan->table[id].n_items > 0 && !plan->table[id].seen)
		__builtin_trap();
	if (iptables_plan_print(plan, id, &out) < 0)
		return; /* many short names make a long text */
	for (char *at = out.data, *line; (line = strsep(&at, "\n"));)
		check_line(iptables_table_name[id], line, text, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(iptables_plan_free) struct iptables_plan *plan = NULL;
	struct err err = {};
	int r = iptables_plan_read((const char *)data, size, &plan, &err);

	if (r < 0) {
		if (plan || err.code != r || !err.text[0])
			__builtin_trap();
		return 0;
	}
	for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++)
		check_table(plan, t, (const char *)data, size);
	return 0;
}
