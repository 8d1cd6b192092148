/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "core/cleanup.h"
#include "core/json.h"

static void add_pair(struct table *t, const char *left, const char *right)
{
	char indented[160];

	snprintf(indented, sizeof(indented), "  %s", left);
	table_cell(t, indented);
	table_cell(t, right);
}

static void add_flags(struct table *t, const struct cli_flag *flags)
{
	for (; flags->name; flags++) {
		char text[128];

		snprintf(text, sizeof(text), "%c%c%s--%s%s%s", flags->letter ? '-' : ' ',
			 flags->letter ? flags->letter : ' ', flags->letter ? ", " : "  ",
			 flags->name, flags->value ? " " : "", flags->value ? flags->value : "");
		add_pair(t, text, flags->help);
	}
}

static void add_command(struct table *t, const struct cli_command *c)
{
	char text[128];

	snprintf(text, sizeof(text), "%s%s%s", c->name, c->args ? " " : "", c->args ? c->args : "");
	add_pair(t, text, c->help);
}

static int print_block(const char *title, struct table *t, struct buf *out)
{
	int rc = 0;

	if (t->n || t->error) {
		buf_printf(out, "\n%s\n", title);
		rc = table_print(t, out);
	}
	table_fini(t);
	return rc;
}

static int print_all(const struct cli_object *const objects[], struct buf *out)
{
	struct table t = { .columns = 2 };
	int rc;

	buf_puts(out, "usage: weir [OPTIONS] OBJECT { COMMAND | help }\n");
	for (size_t i = 0; objects[i]; i++)
		add_pair(&t, objects[i]->name, objects[i]->summary);
	rc = print_block("OBJECT", &t, out);
	if (rc < 0)
		return rc;
	add_flags(&t, args_globals);
	rc = print_block("OPTIONS", &t, out);
	if (rc < 0)
		return rc;
	return buf_puts(out, "\n'weir OBJECT help' lists its commands; words may be cut as long as "
			     "they are unique.\n");
}

static int print_object(const struct cli_object *o, struct buf *out)
{
	struct table t = { .columns = 2 };

	buf_printf(out, "usage: weir [OPTIONS] %s { COMMAND | help }\n%s\n", o->name, o->summary);
	for (const struct cli_command *c = o->commands; c->name; c++)
		add_command(&t, c);
	if (print_block("COMMAND", &t, out) == 0) {
		for (const struct cli_command *c = o->commands; c->name; c++) {
			char title[80];

			snprintf(title, sizeof(title), "OPTIONS of %s", c->name);
			if (c->flags_of)
				buf_printf(out, "\nOPTIONS of %s: see 'weir %s %s --help'\n",
					   c->name, o->name, c->name);
			else
				add_flags(&t, cli_flags(c));
			if (print_block(title, &t, out) < 0)
				break;
		}
	}
	return buf_error(out);
}

static int print_command(const struct cli_object *o, const struct cli_command *c, struct buf *out)
{
	struct table t = { .columns = 2 };
	int rc;

	buf_printf(out, "usage: weir [OPTIONS] %s %s%s%s\n%s\n", o->name, c->name,
		   c->args ? " " : "", c->args ? c->args : "", c->help);
	add_flags(&t, cli_flags(c));
	rc = print_block("OPTIONS", &t, out);
	if (rc == 0 && c->more)
		rc = buf_printf(out, "\n%s\n", c->more);
	return rc;
}

int help_text(const struct cli_object *const objects[], const struct cli_object *object,
	      const struct cli_command *command, struct buf *out)
{
	if (!object)
		return print_all(objects, out);
	return command ? print_command(object, command, out) : print_object(object, out);
}

static struct json *flags_json(const struct cli_flag *f)
{
	struct json *list = json_new_array();

	for (; list && f->name; f++) {
		struct json *o = json_new_object();
		char letter[2] = { f->letter };

		json_set_str(o, "name", f->name);
		json_set_str(o, "letter", f->letter ? letter : NULL);
		json_set_str(o, "value", f->value);
		json_set_str(o, "help", f->help);
		json_add(list, o);
	}
	return list;
}

static struct json *commands_json(const struct cli_object *object, const struct cli_command *only)
{
	struct json *list = json_new_array();

	for (const struct cli_command *c = object->commands; list && c->name; c++) {
		struct json *o;

		if (only && c != only)
			continue;
		o = json_new_object();
		json_set_str(o, "name", c->name);
		json_set_str(o, "args", c->args);
		json_set_str(o, "help", c->help);
		json_set(o, "flags", flags_json(cli_flags(c)));
		json_add(list, o);
	}
	return list;
}

int help_json(const struct cli_object *const objects[], const struct cli_object *object,
	      const struct cli_command *command, struct json **ret)
{
	struct json *list = json_new_array();

	if (!list)
		return -ENOMEM;
	for (; *objects; objects++) {
		struct json *o;

		if (object && *objects != object)
			continue;
		o = json_new_object();
		json_set_str(o, "name", (*objects)->name);
		json_set_str(o, "summary", (*objects)->summary);
		json_set(o, "commands", commands_json(*objects, command));
		json_add(list, o);
	}
	*ret = list;
	return 0;
}
