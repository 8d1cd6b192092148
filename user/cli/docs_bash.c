/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs.h"

#include "cli/cli.h"
#include "core/buf.h"

/* Finds object and command among the words before the cursor; options with a value take two words.
 * Then the table in between says what may come, and files are offered where it says nothing. */
static const char head[] = "# bash completion for weir(8), made by 'weir help --bash'\n"
			   "_weir()\n"
			   "{\n"
			   "\tlocal cur=${COMP_WORDS[COMP_CWORD]} object='' command='' words='' i\n"
			   "\tlocal globals='";

static const char scan[] = "'\n\n"
			   "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			   "\t\tcase ${COMP_WORDS[i]} in\n";

static const char middle[] = "\t\t-*) ;;\n"
			     "\t\t*)\n"
			     "\t\t\tif [[ -z $object ]]; then\n"
			     "\t\t\t\tobject=${COMP_WORDS[i]}\n"
			     "\t\t\telif [[ -z $command ]]; then\n"
			     "\t\t\t\tcommand=${COMP_WORDS[i]}\n"
			     "\t\t\tfi\n"
			     "\t\t\t;;\n"
			     "\t\tesac\n"
			     "\tdone\n"
			     "\tcase $object/$command in\n";

static const char tail[] =
	"\tesac\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$words $globals\" -- \"$cur\")\n"
	"\telif [[ -z $command ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"\tfi\n"
	"}\n"
	"complete -o default -F _weir weir\n";

static void put_names(const struct cli_flag *f, struct buf *out)
{
	for (const char *blank = ""; f->name; f++, blank = " ")
		buf_printf(out, "%s--%s", blank, f->name);
}

/* "--config|-c|--window" of all flags that take a value, to pass over it. */
static void put_valued(const struct cli_flag *f, const char **bar, struct buf *out)
{
	for (; f->name; f++) {
		if (!f->value)
			continue;
		buf_printf(out, "%s--%s", *bar, f->name);
		*bar = "|";
		if (f->letter)
			buf_printf(out, "|-%c", f->letter);
	}
}

static void put_object(const struct cli_object *o, struct buf *out)
{
	buf_printf(out, "\t%s/) words='", o->name);
	for (const struct cli_command *c = o->commands; c->name; c++)
		buf_printf(out, "%s ", c->name);
	buf_puts(out, "help' ;;\n");
	for (const struct cli_command *c = o->commands; c->name; c++) {
		buf_printf(out, "\t%s/%s) words='", o->name, c->name);
		put_names(cli_flags(c), out);
		buf_puts(out, "' ;;\n");
	}
}

int docs_bash(const struct cli_object *const objects[], struct buf *out)
{
	const char *bar = "\t\t";

	buf_puts(out, head);
	put_names(args_globals, out);
	buf_puts(out, scan);
	put_valued(args_globals, &bar, out);
	for (size_t i = 0; objects[i]; i++)
		for (const struct cli_command *c = objects[i]->commands; c->name; c++)
			put_valued(cli_flags(c), &bar, out);
	buf_puts(out, ") ((i++)) ;;\n");
	buf_puts(out, middle);
	buf_puts(out, "\t/) words='");
	for (size_t i = 0; objects[i]; i++)
		buf_printf(out, "%s ", objects[i]->name);
	buf_puts(out, "help' ;;\n");
	for (size_t i = 0; objects[i]; i++)
		put_object(objects[i], out);
	buf_puts(out, tail);
	return buf_error(out);
}
