/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "bpf/abi.h"
#include "cli/batch.h"
#include "cli/docs.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/table.h"
#include "cli/version.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"

#define CONFIG_DEFAULT "/etc/weir/weir.yaml"
#define OUTPUT_MAX (1u << 30)

const char *cli_arg(const struct cli *cli, size_t i)
{
	return i < cli->args.words ? cli->args.word[i] : NULL;
}

const char *cli_flag(const struct cli *cli, const char *name)
{
	const struct cli_flag *flags = cli_flags(cli->args.command);

	for (size_t i = 0; flags[i].name; i++)
		if (strcmp(flags[i].name, name) == 0)
			return cli->args.flag[i];
	assert(!"a command asks for a flag that its table does not have");
	return NULL;
}

int cli_usage(struct cli *cli, struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_setv(err, -EINVAL, fmt, ap);
	va_end(ap);
	cli->bad_usage = true;
	return -EINVAL;
}

void cli_note(const char *fmt, ...)
{
	char note[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
	text_clean(note);
	fprintf(stderr, "weir: %s\n", note);
}

int cli_config_with(struct cli *cli, size_t argc, char *const argv[], const struct config **ret,
		    struct err *err)
{
	const char *path = cli->args.config;
	int rc;

	if (!path && access(CONFIG_DEFAULT, F_OK) == 0)
		path = CONFIG_DEFAULT;
	config_free(&cli->config);
	rc = config_load(path, argc, argv, environ, &cli->config, err);
	if (rc == 0)
		*ret = cli->config;
	return rc;
}

int cli_config(struct cli *cli, const struct config **ret, struct err *err)
{
	if (!cli->config)
		return cli_config_with(cli, 0, NULL, ret, err);
	*ret = cli->config;
	return 0;
}

void cli_fini(struct cli *cli)
{
	buf_fini(&cli->raw);
	config_free(&cli->config);
}

static int give_version(const struct cli *cli, struct json **ret)
{
	struct json *o = json_new_object();

	(void)cli;
	if (!o)
		return -ENOMEM;
	json_set_str(o, "version", weir_version);
	json_set_u64(o, "abi", WEIR_ABI);
	*ret = o;
	return 0;
}

static int give_help(struct cli *cli, struct json **ret)
{
	const struct args *a = &cli->args;

	if (a->man)
		return docs_man(cli_objects, weir_version, &cli->raw);
	if (a->bash)
		return docs_bash(cli_objects, &cli->raw);
	if (a->json)
		return help_json(cli_objects, a->object, a->command, ret);
	return help_text(cli_objects, a->object, a->command, &cli->raw);
}

int cli_run(struct cli *cli, struct json **ret, struct err *err)
{
	const struct args *a = &cli->args;
	int rc;

	if (a->version || a->help) {
		rc = a->version ? give_version(cli, ret) : give_help(cli, ret);
		if (rc < 0)
			err_errno(err, rc, "help");
	} else if (a->batch) {
		return batch_run(cli, ret, err);
	} else {
		rc = a->command->run(cli, ret, err);
		if (rc < 0 && err->code == 0)
			err_errno(err, rc, "%s %s", a->object->name, a->command->name);
	}
	if (rc < 0)
		return cli->bad_usage ? CLI_USAGE : CLI_FAILED;
	return rc > 0 ? CLI_FAILED : CLI_OK;
}

static const struct view *views_of(const struct cli *cli)
{
	static const struct view members[] = { { .path = "" }, {} };

	if (cli->args.version)
		return members;
	return cli->args.command->views;
}

int cli_render(const struct cli *cli, const struct json *result, struct buf *out)
{
	int rc;

	if (cli->raw.len)
		return buf_append(out, cli->raw.data, cli->raw.len);
	if (cli->args.json) {
		rc = result ? json_print(result, cli->args.pretty, out) : buf_puts(out, "null");
		return rc < 0 ? rc : buf_puts(out, "\n");
	}
	return result ? out_plain(result, views_of(cli), out) : 0;
}

static int put_out(const struct buf *out)
{
	if (out->len && fwrite(out->data, 1, out->len, stdout) != out->len)
		return -errno;
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* The same shape for all that can go wrong. */
static void put_error(const struct cli *cli, struct err *err)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(64 << 10);
	cleanup(json_free) struct json *o = NULL;

	text_clean(err->text);
	if (cli->args.json) {
		o = json_new_object();
		if (o && json_set_str(o, "error", err->text) == 0 &&
		    json_print(o, cli->args.pretty, &out) == 0) {
			buf_puts(&out, "\n");
			put_out(&out);
			return;
		}
	}
	fprintf(stderr, "weir: %s\n", err->text);
}

static int answer(struct cli *cli, struct err *err)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(OUTPUT_MAX);
	cleanup(json_free) struct json *result = NULL;
	int code, rc;

	code = cli_run(cli, &result, err);
	if (err->code < 0 && !result && !cli->raw.len)
		return code;
	rc = cli_render(cli, result, &out);
	if (rc < 0)
		return err_errno(err, rc, "writing the answer"), CLI_FAILED;
	rc = put_out(&out);
	if (rc < 0)
		return err_errno(err, rc, "standard output"), CLI_FAILED;
	return code;
}

int cli_main(size_t argc, char *const argv[])
{
	cleanup(cli_fini) struct cli cli = { .raw = BUF_INIT(OUTPUT_MAX) };
	struct err err = {};
	int code = CLI_FAILED;

	if (crypto_init() < 0)
		err_set(&err, -EIO, "libsodium can't start: no random numbers from the kernel");
	else if (args_parse(cli_objects, argc, argv, &cli.args, &err) < 0)
		code = CLI_USAGE;
	else
		code = answer(&cli, &err);
	if (err.code < 0)
		put_error(&cli, &err);
	return code;
}
