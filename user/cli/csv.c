/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/csv.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/json.h"

/* A number that is less than 0 is no formula. */
static bool is_formula(const char *text)
{
	if (text[0] == '-' && text[1] && !text[1 + strspn(text + 1, "0123456789.")])
		return false;
	return text[0] && strchr("=+-@\t\r", text[0]);
}

static void put_text(const char *text, struct buf *out)
{
	bool formula = is_formula(text);

	if (!formula && !strpbrk(text, ",\"\r\n")) {
		buf_puts(out, text);
		return;
	}
	buf_puts(out, formula ? "\"'" : "\"");
	for (; *text; text++) {
		if (*text == '"')
			buf_puts(out, "\"");
		buf_append(out, text, 1);
	}
	buf_puts(out, "\"");
}

static void put_value(const struct json *v, struct buf *out)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(out->limit);

	if (json_text(v, NULL))
		put_text(json_text(v, ""), out);
	else if (json_type(v) == JSON_OBJECT && (!json_len(v) || json_print(v, false, &text) == 0))
		put_text(text.data ? text.data : "", out);
	else if (json_type(v) != JSON_NULL)
		json_print(v, false, out);
}

void csv_head(const char *const keys[], struct buf *out)
{
	for (size_t i = 0; keys[i]; i++)
		buf_printf(out, "%s%s", i ? "," : "", keys[i]);
	buf_puts(out, "\n");
}

int csv_row(const struct json *row, const char *const keys[], struct buf *out)
{
	if (json_failed(row))
		return -ENOMEM;
	for (size_t i = 0; keys[i]; i++) {
		buf_puts(out, i ? "," : "");
		put_value(json_get(row, keys[i]), out);
	}
	buf_puts(out, "\n");
	return buf_error(out);
}

int csv_print(const struct json *list, const char *const keys[], struct buf *out)
{
	int rc;

	csv_head(keys, out);
	rc = buf_error(out);
	json_foreach(row, list) {
		if (rc == 0)
			rc = csv_row(row, keys, out);
	}
	return rc;
}
