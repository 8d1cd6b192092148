/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs.h"

#include <string.h>

#include "cli/cli.h"
#include "core/buf.h"

/* What does not come from the tables. Roff as it is. */
static const char description[] =
	".SH DESCRIPTION\n"
	"Weir runs on each node of a Kubernetes cluster, or on a machine of its own. It directs\n"
	"Services by eBPF in the place of kube\\-proxy, measures what each pod uses, makes signed\n"
	"receipts of it, settles them, and runs npm workloads.\n"
	".B weir agent run\n"
	"is the agent; all else asks it or reads what it keeps.\n"
	".PP\n"
	"Objects, commands and options may be cut as long as they are unique. Commands that show\n"
	"something read the kernel, the ledger and the state directory themselves and also answer while\n"
	"the agent is dead. Commands that change something go through its control socket.\n"
	".PP\n"
	"Plain output is for people; programs use\n"
	".BR \\-j ,\n"
	"whose names are stable. Integers over 2^53 are strings, times are RFC 3339 in UTC, money is\n"
	"in MIST (10^9 MIST are 1 SUI), which plain output shows in SUI, exactly. What was not measured is\n"
	"null, never 0. Amounts are given as 1.5SUI or 250MIST; a number alone is MIST.\n";

static const char ending[] =
	".SH EXIT STATUS\n"
	".TP\n.B 0\nDone.\n"
	".TP\n.B 1\nFailed, or the answer is no. One line on standard error says why; with\n"
	".B \\-j\nit is {\"error\": \"...\"} on standard output.\n"
	".TP\n.B 2\nThe command line is wrong.\n"
	".SH ENVIRONMENT\n"
	"Every key of the configuration has a variable: meter.window is\n"
	".BR WEIR_METER_WINDOW .\n"
	"A variable goes before the file, a flag of\n"
	".B weir agent run\n"
	"before both.\n"
	".SH FILES\n"
	".TP\n.I /etc/weir/weir.yaml\nThe configuration, if\n.B \\-c\nnames no other.\n"
	".TP\n.I /var/lib/weir\nLedger, keys, workloads (paths.state).\n"
	".TP\n.I /run/weir/weir.sock\nThe control socket (paths.run).\n"
	".TP\n.I /sys/fs/bpf/weir\nPinned programs and maps (paths.bpffs).\n"
	".SH EXAMPLES\n"
	".nf\n"
	"weir agent run \\-c weir.yaml\n"
	"weir service show default/web\n"
	"weir \\-j usage show \\-\\-window 7d \\-\\-by lease\n"
	"weir receipt export \\-\\-lease shop \\-o shop.json && weir receipt verify shop.json\n"
	".fi\n"
	".SH SEE ALSO\n"
	".BR bpftool (8),\n"
	".BR ip (8)\n";

/* Text as roff shows it unchanged. A word that is bold or so gets its macro from the caller. */
static void put(struct buf *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		bool first = c == text || c[-1] == '\n';

		if (*c == '\\')
			buf_puts(out, "\\e");
		else if (*c == '-')
			buf_puts(out, "\\-");
		else if (*c == '\'')
			buf_puts(out, first ? "\\&\\(aq" : "\\(aq");
		else if (*c == '"')
			buf_puts(out, "\\(dq");
		else if (*c == '.' && first)
			buf_puts(out, "\\&.");
		else
			buf_append(out, c, 1);
	}
}

static void put_bold(struct buf *out, const char *text)
{
	buf_puts(out, "\\fB");
	put(out, text);
	buf_puts(out, "\\fR");
}

static void put_italic(struct buf *out, const char *text)
{
	buf_puts(out, " \\fI");
	put(out, text);
	buf_puts(out, "\\fR");
}

static void put_flags(struct buf *out, const struct cli_flag *f)
{
	for (; f->name; f++) {
		buf_puts(out, ".TP\n");
		if (f->letter) {
			const char letter[] = { '-', f->letter, '\0' };

			put_bold(out, letter);
			buf_puts(out, ", ");
		}
		buf_puts(out, "\\fB\\-\\-\\fR");
		put_bold(out, f->name);
		if (f->value)
			put_italic(out, f->value);
		buf_puts(out, "\n");
		put(out, f->help);
		buf_puts(out, "\n");
	}
}

static void put_command(struct buf *out, const struct cli_object *o, const struct cli_command *c)
{
	buf_puts(out, ".TP\n");
	put_bold(out, "weir ");
	put_bold(out, o->name);
	buf_puts(out, " ");
	put_bold(out, c->name);
	if (c->args)
		put_italic(out, c->args);
	buf_puts(out, "\n");
	put(out, c->help);
	buf_puts(out, ".\n");
	if (c->more) {
		put(out, c->more);
		buf_puts(out, "\n");
	}
	if (cli_flags(c)->name) {
		buf_puts(out, ".RS\n");
		put_flags(out, cli_flags(c));
		buf_puts(out, ".RE\n");
	}
}

int docs_man(const struct cli_object *const objects[], const char *version, struct buf *out)
{
	buf_puts(out, ".TH WEIR 8 \"\" \"weir ");
	put(out, version);
	buf_puts(out, "\" \"System administration\"\n"
		      ".SH NAME\n"
		      "weir \\- direct, measure and settle the work of a node\n"
		      ".SH SYNOPSIS\n"
		      "\\fBweir\\fR [\\fIOPTIONS\\fR] \\fIOBJECT\\fR { \\fICOMMAND\\fR | help }\n");
	buf_puts(out, description);
	buf_puts(out, ".SH OPTIONS\n");
	put_flags(out, args_globals);
	buf_puts(out, ".SH COMMANDS\n");
	for (; *objects; objects++) {
		buf_puts(out, ".SS ");
		put(out, (*objects)->name);
		buf_puts(out, "\n");
		put(out, (*objects)->summary);
		buf_puts(out, ".\n");
		for (const struct cli_command *c = (*objects)->commands; c->name; c++)
			put_command(out, *objects, c);
	}
	buf_puts(out, ending);
	return buf_error(out);
}
