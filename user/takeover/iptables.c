/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover/iptables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
/* The default, HASH_JEN, falls through case labels in a way clang warns of. */
#define HASH_FUNCTION(key, len, hash) HASH_SAX(key, len, hash)
#include <uthash.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "takeover/names.h"

#define TOKEN_MAX 260 /* nf_tables' longest name is 255 */
#define RULE_TOKENS 10 /* as many as a jump of kube-proxy's has: more need not be kept */

const char *const iptables_table_name[] = {
	[IPTABLES_NAT] = "nat",
	[IPTABLES_FILTER] = "filter",
	[IPTABLES_MANGLE] = "mangle",
};
_Static_assert(ARRAY_LEN(iptables_table_name) == IPTABLES_TABLE_MAX_, "a table without a name");

/* One of kube-proxy's chains while its table is read. */
struct chain {
	struct iptables_item item;
	size_t rules;
	UT_hash_handle hh;
};

struct reader {
	const char *at, *end;
	unsigned int line;
	struct iptables_table *table; /* that of the lines that are read; NULL: not one of ours */
	const char *table_name;
	struct chain *chains; /* of that table, in the order of the text */
	size_t room; /* for items of that table */
};

struct token {
	char text[TOKEN_MAX]; /* without quotes and backslashes; "" if it is longer */
	size_t len;
};

/* -A CHAIN and what stands behind. */
struct rule {
	struct token chain, word[RULE_TOKENS], last[2];
	size_t n;
};

static struct chain *chain_new(const char *name)
{
	struct chain *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->item.name = strdup(name);
	if (c->item.name)
		return c;
	free(c);
	return NULL;
}

static void chain_free(struct chain *c)
{
	free(c->item.name);
	free(c->item.kept_for);
	free(c);
}

static void chains_free(struct chain **chains)
{
	struct chain *c, *next;

	HASH_ITER(hh, *chains, c, next) {
		HASH_DEL(*chains, c);
		chain_free(c);
	}
}

static void reader_fini(struct reader *rd)
{
	chains_free(&rd->chains);
}

void iptables_plan_free(struct iptables_plan **plan)
{
	if (!*plan)
		return;
	for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++) {
		struct iptables_table *table = &(*plan)->table[t];

		for (size_t i = 0; i < table->n_items; i++) {
			free(table->items[i].name);
			free(table->items[i].kept_for);
		}
		free(table->items);
	}
	free(*plan);
	*plan = NULL;
}

static int bad(const struct reader *rd, struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "line %u: %s", rd->line, what);
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

static void token_put(struct token *w, char c)
{
	if (w->len + 1 < sizeof(w->text))
		w->text[w->len] = c;
	w->len++;
}

/* 1: a word, 0: the end of the line. What holds a blank is in double quotes, with a backslash before
 * what would end them; a comment may even hold a line break, which then belongs to the word. */
static int token_next(struct reader *rd, struct token *ret, struct err *err)
{
	unsigned int first = rd->line;
	bool quoted = false;

	ret->len = 0;
	while (rd->at < rd->end && *rd->at == ' ')
		rd->at++;
	if (rd->at == rd->end || *rd->at == '\n')
		return 0;
	for (; rd->at < rd->end; rd->at++) {
		if (!quoted && (*rd->at == ' ' || *rd->at == '\n'))
			break;
		if (*rd->at == '"') {
			quoted = !quoted;
			continue;
		}
		if (*rd->at == '\\' && quoted && rd->at + 1 < rd->end)
			rd->at++;
		rd->line += *rd->at == '\n';
		token_put(ret, *rd->at);
	}
	if (quoted) {
		rd->line = first;
		return bad(rd, err, "a quote that is not closed");
	}
	ret->text[ret->len < sizeof(ret->text) ? ret->len : 0] = '\0';
	return 1;
}

static void skip_line(struct reader *rd)
{
	while (rd->at < rd->end && *rd->at != '\n')
		rd->at++;
}

/* ---- Items ----------------------------------------------------------------------------------- */

static int item_add(struct reader *rd, struct iptables_item *item)
{
	struct iptables_table *table = rd->table;

	if (table->n_items == rd->room) {
		size_t room = rd->room ? 2 * rd->room : 64;
		void *grown = reallocarray(table->items, room, sizeof(*table->items));

		if (!grown)
			return -ENOMEM;
		table->items = grown;
		rd->room = room;
	}
	table->items[table->n_items++] = *item;
	*item = (struct iptables_item){};
	return 0;
}

/* The table is read: what is to become of each of its chains is known now. */
static int table_end(struct reader *rd)
{
	struct chain *c, *next;
	int r = 0;

	HASH_ITER(hh, rd->chains, c, next) {
		bool done = c->item.kept_for && c->rules == 0;

		if (r == 0 && !done)
			r = item_add(rd, &c->item);
	}
	chains_free(&rd->chains);
	rd->table = NULL;
	rd->table_name = NULL;
	return r;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* "*nat" */
static int read_table(struct reader *rd, struct iptables_plan *plan, struct err *err)
{
	struct token w;
	int r;

	rd->at++;
	r = token_next(rd, &w, err);
	if (r < 0)
		return r;
	if (rd->table_name)
		return bad(rd, err, "a table within a table");
	if (r == 0 || !w.text[0])
		return bad(rd, err, "a table without a name");
	rd->table_name = "another";
	for (size_t t = 0; t < IPTABLES_TABLE_MAX_; t++) {
		if (strcmp(w.text, iptables_table_name[t]) != 0)
			continue;
		if (plan->table[t].seen)
			return bad(rd, err, "a table that was there before");
		plan->table[t].seen = true;
		rd->table = &plan->table[t];
		rd->table_name = iptables_table_name[t];
		rd->room = 0;
	}
	return 0;
}

/* ":KUBE-SERVICES - [0:0]" */
static int read_chain(struct reader *rd, struct err *err)
{
	struct chain *c;
	struct token w;
	int r;

	rd->at++;
	r = token_next(rd, &w, err);
	if (r < 0)
		return r;
	if (r == 0)
		return bad(rd, err, "a chain without a name");
	skip_line(rd);
	if (!rd->table || !names_chain(rd->table_name, w.text))
		return 0;
	HASH_FIND_STR(rd->chains, w.text, c);
	if (c)
		return bad(rd, err, "a chain that was there before");
	c = chain_new(w.text);
	if (!c)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, rd->chains, c->item.name, strlen(c->item.name), c);
	if (c->hh.tbl)
		return 0;
	chain_free(c);
	return -ENOMEM;
}

/* True when word i and those behind it are these. */
static bool has(const struct rule *rule, size_t i, const char *const *words, size_t n)
{
	if (i + n > rule->n || i + n > RULE_TOKENS)
		return false;
	for (size_t k = 0; k < n; k++) {
		if (strcmp(rule->word[i + k].text, words[k]) != 0)
			return false;
	}
	return true;
}

/* [-m conntrack --ctstate NEW] -m comment --comment "kubernetes service portals" -j KUBE-SERVICES */
static bool is_jump(const struct reader *rd, const struct rule *rule)
{
	static const char *const new_only[] = { "-m", "conntrack", "--ctstate", "NEW" };
	static const char *const comment[] = { "-m", "comment", "--comment" };
	static const char *const target[] = { "-j" };
	size_t i = has(rule, 0, new_only, 4) ? 4 : 0;

	return rule->n == i + 6 && has(rule, i, comment, 3) && has(rule, i + 4, target, 1) &&
	       names_jump(rd->table_name, rule->chain.text, rule->word[i + 5].text,
			  rule->word[i + 3].text);
}

static int jump_add(struct reader *rd, const char *line)
{
	struct iptables_item item = { .jump = true,
				      .name = strndup(line, (size_t)(rd->at - line)) };
	int r = item.name ? item_add(rd, &item) : -ENOMEM;

	free(item.name);
	return r;
}

/* The words behind "-A CHAIN". */
static int rule_read(struct reader *rd, struct rule *ret, struct err *err)
{
	struct token w;
	int r;

	while ((r = token_next(rd, &w, err)) > 0) {
		if (ret->n < RULE_TOKENS)
			ret->word[ret->n] = w;
		ret->last[0] = ret->last[1];
		ret->last[1] = w;
		ret->n++;
	}
	return r;
}

/* Rules of kube-proxy's own chains, which are nearly all, go with these: nobody needs their words. */
static int rule_skip(struct reader *rd, struct err *err)
{
	struct token w;
	int r;

	do {
		r = token_next(rd, &w, err);
	} while (r > 0);
	return r;
}

/* "-A OUTPUT ...". A chain as target has no options behind it: where a rule leads is its last word. */
static int read_rule(struct reader *rd, const char *line, struct err *err)
{
	struct chain *own, *to = NULL;
	struct rule rule = {};
	int r = token_next(rd, &rule.chain, err);

	if (r <= 0)
		return r < 0 ? r : bad(rd, err, "a rule without a chain");
	HASH_FIND_STR(rd->chains, rule.chain.text, own);
	if (own) {
		own->rules++;
		return rule_skip(rd, err);
	}
	r = rule_read(rd, &rule, err);
	if (r < 0)
		return r;
	if (!strcmp(rule.last[0].text, "-j") || !strcmp(rule.last[0].text, "-g"))
		HASH_FIND_STR(rd->chains, rule.last[1].text, to);
	if (!to)
		return 0;
	if (is_jump(rd, &rule))
		return jump_add(rd, line);
	if (!to->item.kept_for)
		to->item.kept_for = strdup(rule.chain.text);
	return to->item.kept_for ? 0 : -ENOMEM;
}

static int read_line(struct reader *rd, struct iptables_plan *plan, struct err *err)
{
	const char *line = rd->at;
	struct token w;
	int r;

	if (*line == '#') {
		skip_line(rd);
		return 0;
	}
	if (*line == '*')
		return read_table(rd, plan, err);
	if (*line == ':' && rd->table_name)
		return read_chain(rd, err);
	r = token_next(rd, &w, err);
	if (r <= 0)
		return r;
	if (!strcmp(w.text, "-A") && rd->table_name)
		return read_rule(rd, line, err);
	if (!strcmp(w.text, "COMMIT") && rd->table_name)
		return table_end(rd);
	return bad(rd, err, "no remark, table, chain, rule or COMMIT where one is due");
}

int iptables_plan_read(const char *text, size_t len, struct iptables_plan **ret, struct err *err)
{
	cleanup(reader_fini) struct reader rd = { .at = text, .end = text + len, .line = 1 };
	cleanup(iptables_plan_free) struct iptables_plan *plan = calloc(1, sizeof(*plan));
	int r = 0;

	if (!plan)
		return err_errno(err, -ENOMEM, "reading rules");
	if (len > IPTABLES_TEXT_MAX)
		return err_set(err, -E2BIG, "more than %u MiB of rules", IPTABLES_TEXT_MAX >> 20);
	if (len > 0 && memchr(text, '\0', len))
		return err_set(err, -EBADMSG, "a NUL byte among the rules");
	while (r == 0 && rd.at < rd.end) {
		r = read_line(&rd, plan, err);
		skip_line(&rd);
		if (rd.at < rd.end)
			rd.at++;
		rd.line++;
	}
	if (r == -ENOMEM)
		return err_errno(err, r, "reading rules");
	if (r == 0 && rd.table_name)
		r = bad(&rd, err, "the text ends within a table");
	if (r < 0)
		return r;
	*ret = take_ptr(plan);
	return 0;
}

/* ---- Text ------------------------------------------------------------------------------------ */

int iptables_plan_print(const struct iptables_plan *plan, enum iptables_table_id id,
			struct buf *out)
{
	const struct iptables_table *table = &plan->table[id];

	buf_printf(out, "*%s\n", iptables_table_name[id]);
	/* to name a chain empties it; all at once, so that none leads to another any more */
	for (size_t i = 0; i < table->n_items; i++) {
		if (!table->items[i].jump)
			buf_printf(out, ":%s - [0:0]\n", table->items[i].name);
	}
	for (size_t i = 0; i < table->n_items; i++) {
		if (table->items[i].jump)
			buf_printf(out, "-D%s\n", table->items[i].name + strlen("-A"));
	}
	for (size_t i = 0; i < table->n_items; i++) {
		if (!table->items[i].jump && !table->items[i].kept_for)
			buf_printf(out, "-X %s\n", table->items[i].name);
	}
	return buf_puts(out, "COMMIT\n");
}
