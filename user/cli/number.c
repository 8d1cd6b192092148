/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/number.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "core/cleanup.h"
#include "core/parse.h"

static int parse_number(const char *text, uint64_t *ret)
{
	return parse_u64(text, 0, UINT64_MAX, ret);
}

static char *format_number(uint64_t v, char *ret)
{
	snprintf(ret, QUANTITY_TEXT_MAX, "%" PRIu64, v);
	return ret;
}

static const struct {
	const char *form;
	int (*parse)(const char *text, uint64_t *ret);
	char *(*format)(uint64_t v, char *ret);
} kinds[] = {
	[NUMBER_COUNT] = { "a number", parse_number, format_number },
	[NUMBER_TIME] = { "a time such as 90s or 12h", parse_duration_ms, format_duration_ms },
	[NUMBER_SIZE] = { "a size such as 256MiB", parse_size, format_size },
};
static_assert(ARRAY_LEN(kinds) == NUMBER_KIND_MAX_, "a row for each kind");

int number_flag(struct cli *cli, const char *flag, const struct number_range *n, uint64_t *ret,
		struct err *err)
{
	char least[QUANTITY_TEXT_MAX], most[QUANTITY_TEXT_MAX];
	const char *text = cli_flag(cli, flag);
	uint64_t v = 0;
	int rc = text ? kinds[n->kind].parse(text, &v) : 0;

	if (!text)
		return 0;
	if (rc < 0 && rc != -ERANGE)
		return cli_usage(cli, err, "--%s: '%.40s' is not %s", flag, text,
				 kinds[n->kind].form);
	if (rc < 0 || v < n->min || v > n->max)
		return cli_usage(cli, err, "--%s: '%.40s' is out of range; use %s to %s", flag,
				 text, kinds[n->kind].format(n->min, least),
				 kinds[n->kind].format(n->max, most));
	*ret = v;
	return 0;
}
