/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/words.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

static int parse_line(const struct cli *outer, const struct words *w, struct cli *line,
		      struct err *err)
{
	struct args *a = &line->args;

	if (args_parse(cli_objects, w->n, w->at, a, err) < 0)
		return CLI_USAGE;
	if (a->batch) {
		err_set(err, -EINVAL, "--batch can't stand in a batch file");
		return CLI_USAGE;
	}
	a->json |= outer->args.json;
	a->pretty |= outer->args.pretty;
	if (!a->config)
		a->config = outer->args.config;
	return CLI_OK;
}

/* The entry of one line; takes the output. An error that is told here is not told again. */
static int note(struct json *list, const struct words *w, const struct cli *line,
		struct json **output, struct err *err)
{
	struct json *entry = json_new_object(), *words = json_new_array();

	for (size_t i = 0; words && i < w->n; i++)
		json_add_str(words, w->at[i]);
	json_set(entry, "command", words);
	if (err->code < 0)
		json_set_str(entry, "error", err->text);
	else if (*output)
		json_set(entry, "output", take_ptr(*output));
	else
		json_set_str(entry, "output", line->raw.len ? line->raw.data : NULL);
	*err = (struct err){};
	return json_add(list, entry);
}

static int run_line(struct cli *cli, const struct words *w, struct json *list, struct err *err)
{
	cleanup(cli_fini) struct cli line = { .raw = BUF_INIT(cli->raw.limit) };
	cleanup(json_free) struct json *output = NULL;
	int rc, code = parse_line(cli, w, &line, err);

	if (code == CLI_OK)
		code = cli_run(&line, &output, err);
	if (err->code < 0)
		err_wrap(err, "%s:%u", cli->args.batch, w->line);
	rc = list ? note(list, w, &line, &output, err) : cli_render(&line, output, &cli->raw);
	if (rc < 0) {
		err_errno(err, rc, "%s:%u: the answers so far", cli->args.batch, w->line);
		return CLI_FAILED;
	}
	return code;
}

int batch_run(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(BATCH_MAX);
	cleanup(json_free) struct json *list = cli->args.json ? json_new_array() : NULL;
	cleanup(free_ptr) struct words *w = calloc(1, sizeof(*w));
	const char *at;
	int more, code = CLI_OK;

	if (!w || (cli->args.json && !list)) {
		err_errno(err, -ENOMEM, "batch");
		return CLI_FAILED;
	}
	if (file_read(cli->args.batch, &text, err) < 0)
		return CLI_FAILED;
	at = text.data ? text.data : "";
	if (strlen(at) != text.len) {
		err_set(err, -EINVAL, "%s: holds a zero byte; it is not text", cli->args.batch);
		return CLI_FAILED;
	}
	while (code == CLI_OK && (more = words_next(&at, w, err)) != 0) {
		if (more < 0) {
			err_wrap(err, "%s", cli->args.batch);
			code = CLI_FAILED;
			break;
		}
		code = run_line(cli, w, list, err);
	}
	*ret = take_ptr(list);
	return code;
}
