/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables, in its two makes and families. Only its own programs can read its rules and write them;
 * whether there are any of the kind is asked of the kernel, so that a program which is not
 * installed is missed only where it is needed.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/child.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "takeover/iptables.h"
#include "takeover/kernel.h"
#include "takeover/names.h"
#include "takeover/takeover_int.h"

#define TIMEOUT_MS 300000 /* nf_tables takes its time to let go of 100,000 chains */
#define LOCK_WAIT_S "60" /* for another iptables; nf_tables has no lock */
#define ERRORS_MAX 4096
#define NAMES_MAX 4096 /* a file of table names */

static const struct make {
	const char *kind, *family, *save, *restore;
	const char *tables; /* the kernel's list of them; NULL: of nf_tables */
	int nf_family;
} makes[] = {
	{ "iptables-legacy", "ip", "iptables-legacy-save", "iptables-legacy-restore",
	  "/proc/self/net/ip_tables_names", AF_INET },
	{ "iptables-legacy", "ip6", "ip6tables-legacy-save", "ip6tables-legacy-restore",
	  "/proc/self/net/ip6_tables_names", AF_INET6 },
	{ "iptables-nft", "ip", "iptables-nft-save", "iptables-nft-restore", NULL, AF_INET },
	{ "iptables-nft", "ip6", "ip6tables-nft-save", "ip6tables-nft-restore", NULL, AF_INET6 },
};

/* Which tables have chains of kube-proxy's; of the legacy make, which may have them. */
struct there {
	const struct make *make;
	bool table[IPTABLES_TABLE_MAX_];
};

static bool any(const struct there *there)
{
	for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++) {
		if (there->table[t])
			return true;
	}
	return false;
}

static int find_chains(void *ctx, const struct kernel_name *n)
{
	struct there *there = ctx;

	for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++) {
		if (n->family == there->make->nf_family &&
		    !strcmp(n->table, iptables_table_name[t]) && names_chain(n->table, n->name))
			there->table[t] = true;
	}
	return 0;
}

/* A line for each table. To ask the program would make a table that is not there. */
static int find_tables(struct there *there, struct err *err)
{
	cleanup(buf_fini) struct buf names = BUF_INIT(NAMES_MAX);
	int r;

	if (access(there->make->tables, F_OK) < 0)
		return 0;
	r = file_read(there->make->tables, &names, err);
	for (char *at = names.data, *line; r == 0 && (line = strsep(&at, "\n"));) {
		for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++)
			there->table[t] |= !strcmp(line, iptables_table_name[t]);
	}
	return r;
}

/* What a program said against it, its lines behind each other. */
static void complaint(const struct buf *errors, char *ret, size_t size)
{
	size_t len = errors->len < size ? errors->len : size - 1;

	while (len > 0 && errors->data[len - 1] == '\n')
		len--;
	for (size_t i = 0; i < len; i++)
		ret[i] = errors->data[i] == '\n' ? ' ' : errors->data[i];
	ret[len] = '\0';
}

static int run(const char *const *argv, const struct buf *input, struct buf *output,
	       struct err *err)
{
	cleanup(buf_fini) struct buf errors = BUF_INIT(ERRORS_MAX);
	const struct child c = { .argv = argv,
				 .input = input,
				 .output_fd = -1,
				 .output = output,
				 .errors = &errors,
				 .timeout_ms = TIMEOUT_MS };
	char path[PATH_MAX], why[384];
	int status = 0, r = program_find(argv[0], path, sizeof(path));

	if (r < 0)
		return err_set(err, r,
			       "%s is not installed, and the kernel has rules of its kind; "
			       "install the package iptables",
			       argv[0]);
	r = child_run(&c, &status, err);
	if (r < 0 || status == 0)
		return r;
	complaint(&errors, why, sizeof(why));
	return err_set(err, -EIO, "%s: exit %d: %s", argv[0], status, why);
}

static int look(const struct make *make, struct iptables_plan **ret, struct err *err)
{
	const char *const argv[] = { make->save, NULL };
	cleanup(buf_fini) struct buf text = BUF_INIT(IPTABLES_TEXT_MAX + 1);
	int r = run(argv, NULL, &text, err);

	if (r < 0)
		return r;
	r = iptables_plan_read(text.len ? text.data : "", text.len, ret, err);
	return r < 0 ? err_wrap(err, "%s", make->save) : 0;
}

static int change(const struct make *make, const struct iptables_plan *plan,
		  enum iptables_table_id id, struct err *err)
{
	const char *const argv[] = { make->restore, "--noflush", "-w", LOCK_WAIT_S, NULL };
	cleanup(buf_fini) struct buf text = BUF_INIT(IPTABLES_TEXT_MAX);
	int r = iptables_plan_print(plan, id, &text);

	return r < 0 ? err_errno(err, r, "%s", make->restore) : run(argv, &text, NULL, err);
}

static int report(struct takeover *t, const struct make *make, enum iptables_table_id id,
		  const struct iptables_table *table)
{
	int r = 0;

	for (size_t i = 0; i < table->n_items && r == 0; i++) {
		const struct iptables_item *it = &table->items[i];
		const struct takeover_item item = {
			.kind = make->kind,
			.family = make->family,
			.table = iptables_table_name[id],
			.what = it->jump ? "jump" : "chain",
			.name = it->name,
			.action = it->kept_for ? "empty" : NULL,
			.kept_for = it->kept_for,
		};

		r = takeover_add(t, &item);
	}
	return r;
}

static int table_remove(struct takeover *t, const struct make *make,
			const struct iptables_plan *plan, enum iptables_table_id id)
{
	const struct iptables_table *table = &plan->table[id];
	struct takeover_item failed = { .kind = make->kind,
					.family = make->family,
					.table = iptables_table_name[id],
					.what = "table" };
	struct err why = {};

	if (table->n_items == 0 || t->dry_run || change(make, plan, id, &why) == 0)
		return report(t, make, id, table);
	failed.error = why.text;
	return takeover_add(t, &failed);
}

/* A table in which somebody has put what only nft can show is left out by iptables-nft-save. */
static int unseen(struct takeover *t, const struct make *make, enum iptables_table_id id)
{
	const struct takeover_item item = {
		.kind = make->kind,
		.family = make->family,
		.table = iptables_table_name[id],
		.what = "table",
		.action = "look",
		.error = "the table has rules that only nft can show; remove its chains of "
			 "kube-proxy's with nft",
	};

	return takeover_add(t, &item);
}

static int make_remove(struct takeover *t, const struct there *there)
{
	const struct make *make = there->make;
	cleanup(iptables_plan_free) struct iptables_plan *plan = NULL;
	struct takeover_item failed = {
		.kind = make->kind, .family = make->family, .what = "table", .action = "look"
	};
	struct err why = {};
	int r = look(make, &plan, &why);

	if (r < 0) {
		failed.error = why.text;
		return takeover_add(t, &failed);
	}
	for (size_t id = 0; id < IPTABLES_TABLE_MAX_ && r == 0; id++) {
		r = table_remove(t, make, plan, id);
		if (r == 0 && there->table[id] && !plan->table[id].seen)
			r = unseen(t, make, id);
	}
	return r;
}

int xtables_remove(struct takeover *t, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(makes) && r == 0; i++) {
		struct there there = { .make = &makes[i] };

		r = there.make->tables ? find_tables(&there, err) :
					 kernel_chains(find_chains, &there, err);
		if (r == 0 && any(&there))
			r = make_remove(t, &there);
	}
	return r;
}
