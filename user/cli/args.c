/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/pick.h"
#include "core/err.h"

enum { JSON, PRETTY, CONFIG, BATCH, VERSION, HELP, MAN, BASH };

const struct cli_flag args_globals[] = {
	[JSON] = { "json", 'j', NULL, "answer in JSON, also errors" },
	[PRETTY] = { "pretty", 'p', NULL, "answer in JSON for people to read" },
	[CONFIG] = { "config", 'c', "FILE", "read this configuration (the agent's)" },
	[BATCH] = { "batch", 0, "FILE",
		    "run the commands in FILE, one a line; - is standard input" },
	[VERSION] = { "version", 'V', NULL, "print the version" },
	[HELP] = { "help", 'h', NULL, "print help on the object or command given" },
	{},
};

/* Known only behind "weir help": for the makefile, not for people. */
static const struct cli_flag generators[] = {
	{ "man", 0, NULL, "the manual page" },
	{ "bash", 0, NULL, "the completion script" },
	{},
};

const struct cli_flag *cli_flags(const struct cli_command *command)
{
	static const struct cli_flag none = {};

	if (command && command->flags_of)
		return command->flags_of();
	return command && command->flags ? command->flags : &none;
}

#define BLOB_ID_CHARS 43 /* of base64url */
#define PATCH_ID_CHARS 50

struct parser {
	const struct cli_object *const *objects;
	size_t argc, at;
	char *const *argv;
	struct args *a;
	struct err *err;
};

static size_t flags_len(const struct cli_flag *flags)
{
	size_t n = 0;

	while (flags[n].name)
		n++;
	return n;
}

static void set_global(struct args *a, size_t i, const char *value)
{
	switch (i) {
	case PRETTY:
		a->pretty = true;
		__attribute__((fallthrough));
	case JSON:
		a->json = true;
		break;
	case CONFIG:
		a->config = value;
		break;
	case BATCH:
		a->batch = value;
		break;
	case VERSION:
		a->version = true;
		break;
	case HELP:
		a->help = true;
		break;
	case MAN:
		a->man = true;
		break;
	case BASH:
		a->bash = true;
		break;
	}
}

/* The flag of an index that counts the command's flags first, then the global ones, then ours. */
static const struct cli_flag *flag_at(const struct args *a, size_t i)
{
	size_t own = flags_len(cli_flags(a->command));

	if (i < own)
		return &cli_flags(a->command)[i];
	i -= own;
	return i < MAN ? &args_globals[i] : &generators[i - MAN];
}

static size_t flag_count(const struct args *a)
{
	return flags_len(cli_flags(a->command)) + MAN + (a->help ? flags_len(generators) : 0);
}

/* text is what stands behind the flag in the same word, or NULL. */
static int set_flag(struct parser *p, size_t i, const char *text)
{
	const struct cli_flag *f = flag_at(p->a, i);
	size_t own = flags_len(cli_flags(p->a->command));

	if (!f->value && text)
		return err_set(p->err, -EINVAL, "--%s takes no value, '%.40s' was given", f->name,
			       text);
	if (f->value && !text) {
		if (p->at == p->argc)
			return err_set(p->err, -EINVAL, "--%s needs a value: --%s %s", f->name,
				       f->name, f->value);
		text = p->argv[p->at++];
	}
	if (i >= own) {
		set_global(p->a, i - own, text);
		return 0;
	}
	if (p->a->flag[i])
		return err_set(p->err, -EINVAL, "--%s is given twice", f->name);
	p->a->flag[i] = text ? text : "";
	return 0;
}

static int long_flag(struct parser *p, const char *word)
{
	struct names names = {};
	char name[64];
	const char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word), i;
	int rc;

	if (len >= sizeof(name))
		return err_set(p->err, -EINVAL, "'--%.40s...' is not an option", word);
	memcpy(name, word, len);
	name[len] = '\0';
	for (i = 0; i < flag_count(p->a); i++)
		names_add(&names, flag_at(p->a, i)->name);
	rc = pick(&names, "an option", name, &i, p->err);
	return rc < 0 ? rc : set_flag(p, i, eq ? eq + 1 : NULL);
}

static int short_flags(struct parser *p, const char *letters)
{
	for (; *letters; letters++) {
		size_t i = 0, n = flag_count(p->a);
		int rc;

		while (i < n && flag_at(p->a, i)->letter != *letters)
			i++;
		if (i == n)
			return err_set(p->err, -EINVAL, "'-%c' is not an option; see 'weir help'",
				       *letters);
		if (flag_at(p->a, i)->value)
			return set_flag(p, i, letters[1] ? letters + 1 : NULL);
		rc = set_flag(p, i, NULL);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int take_object(struct parser *p, const char *word)
{
	struct names names = {};
	size_t i;
	int rc;

	for (i = 0; p->objects[i]; i++)
		names_add(&names, p->objects[i]->name);
	names_add(&names, "help");
	rc = pick(&names, "an object", word, &i, p->err);
	if (rc < 0)
		return rc;
	if (p->objects[i])
		p->a->object = p->objects[i];
	else
		p->a->help = true;
	return 0;
}

static int take_command(struct parser *p, const char *word)
{
	const struct cli_command *commands = p->a->object->commands;
	struct names names = {};
	size_t i;
	int rc;

	for (i = 0; commands[i].name; i++)
		names_add(&names, commands[i].name);
	names_add(&names, "help");
	rc = pick(&names, "a command", word, &i, p->err);
	if (rc < 0)
		return err_wrap(p->err, "%s", p->a->object->name);
	if (commands[i].name)
		p->a->command = &commands[i];
	else
		p->a->help = true;
	return 0;
}

static int take_word(struct parser *p, const char *word)
{
	if (!p->a->object)
		return take_object(p, word);
	if (!p->a->command)
		return take_command(p, word);
	if (p->a->words == ARGS_WORDS_MAX)
		return err_set(p->err, -E2BIG, "more than %d words", ARGS_WORDS_MAX);
	p->a->word[p->a->words++] = word;
	return 0;
}

/* The synopsis says how many words there may be: "LEASE [FILE]" means 1 or 2, "NAME [WORD ...]" any
 * number from 1. */
static int check_words(const struct args *a, struct err *err)
{
	const char *s = a->command->args ? a->command->args : "";
	size_t n = 0;

	while (*s) {
		size_t len = strcspn(s, " ");

		if (*s == '.')
			return 0;
		if (n++ >= a->words && *s != '[')
			return err_set(err, -EINVAL, "%s %s: %.*s is missing; see 'weir %s help'",
				       a->object->name, a->command->name, (int)len, s,
				       a->object->name);
		s += len + (s[len] == ' ');
	}
	if (a->words > n)
		return err_set(err, -EINVAL,
			       "%s %s: '%.40s' is one word too many; see 'weir %s help'",
			       a->object->name, a->command->name, a->word[n], a->object->name);
	return 0;
}

static int check(const struct args *a, struct err *err)
{
	if (a->help || a->version || (a->batch && !a->object))
		return 0;
	if (a->batch)
		return err_set(err, -EINVAL, "'%s' can't stand beside --batch; put it in the file",
			       a->object->name);
	if (!a->object)
		return err_set(err, -EINVAL, "an object is missing; see 'weir help'");
	if (!a->command)
		return err_set(err, -EINVAL, "%s: a command is missing; see 'weir %s help'",
			       a->object->name, a->object->name);
	return check_words(a, err);
}

/* One in 64 blob ids begins with a dash. No option that makes sense here looks like one. */
static bool is_blob_id(const struct args *a, const char *word)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strlen(word);

	return a->command && a->command->takes_blob_id &&
	       (len == BLOB_ID_CHARS || len == PATCH_ID_CHARS) && strspn(word, alphabet) == len;
}

static int parse(struct parser *p)
{
	bool words_only = false;

	while (p->at < p->argc) {
		const char *word = p->argv[p->at++];
		int rc;

		if (words_only || word[0] != '-' || word[1] == '\0' || is_blob_id(p->a, word))
			rc = take_word(p, word);
		else if (word[1] != '-')
			rc = short_flags(p, word + 1);
		else if (word[2] == '\0')
			rc = !(words_only = true);
		else
			rc = long_flag(p, word + 2);
		if (rc < 0)
			return rc;
	}
	return check(p->a, p->err);
}

/* Behind the fault nobody has looked yet for how the answer is wanted. */
static void find_json(size_t argc, char *const argv[], struct args *a)
{
	for (size_t i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *w = argv[i];
		bool letters = w[0] == '-' && w[1] && w[1 + strspn(w + 1, "jp")] == '\0';

		if (strcmp(w, "--pretty") == 0 || (letters && strchr(w, 'p')))
			set_global(a, PRETTY, NULL);
		if (strcmp(w, "--json") == 0 || letters)
			set_global(a, JSON, NULL);
	}
}

int args_parse(const struct cli_object *const objects[], size_t argc, char *const argv[],
	       struct args *ret, struct err *err)
{
	struct parser p = { .objects = objects, .argc = argc, .argv = argv, .a = ret, .err = err };
	int rc;

	*ret = (struct args){};
	rc = parse(&p);
	if (rc < 0)
		find_json(argc, argv, ret);
	return rc;
}
