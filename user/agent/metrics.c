/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics.h"

#include <errno.h>
#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/parse.h"
#include "core/utf8.h"

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
};
_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == METRIC_TYPE_MAX_, "a name for each");

/* ---- The rules of a table ------------------------------------------------------------------- */

static bool is_name(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return len > 0 && text[len] == '\0' && (text[0] < '0' || text[0] > '9') &&
	       strncmp(text, "__", 2) != 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* Units that are not base units, as the last word before _total. */
static bool has_scaled_unit(const char *name)
{
	static const char *const scaled[] = {
		"_ns",		 "_us",	     "_ms",    "_nanoseconds", "_microseconds",
		"_milliseconds", "_kib",     "_mib",   "_gib",	       "_kilobytes",
		"_megabytes",	 "_minutes", "_hours", "_percent",     "_bits",
	};
	char base[128];
	size_t len = strlen(name) - (ends_with(name, "_total") ? 6 : 0);

	snprintf(base, sizeof(base), "%.*s", (int)len, name);
	for (size_t i = 0; i < sizeof(scaled) / sizeof(scaled[0]); i++)
		if (ends_with(base, scaled[i]))
			return true;
	return false;
}

static const char *fault_of(const struct metric *m)
{
	if (!m->name || strncmp(m->name, "weir_", 5) != 0 || !is_name(m->name))
		return "a name is weir_ and lower-case words";
	if (strlen(m->name) > 100)
		return "a name has 100 characters at most";
	if (ends_with(m->name, "_total") != (m->type == METRIC_COUNTER))
		return "a counter, and nothing else, ends in _total";
	if (has_scaled_unit(m->name))
		return "a name has a base unit: seconds, bytes, ratio";
	if (!m->help || !*m->help)
		return "a metric has a help text";
	for (size_t i = 0; m->labels && m->labels[i]; i++)
		if (!is_name(m->labels[i]))
			return "a label is lower-case words";
	return NULL;
}

int metrics_check(const struct metric *table, size_t n, struct err *err)
{
	if (n > METRICS_MAX)
		return err_set(err, -EINVAL, "%zu metrics; %d are the limit", n, METRICS_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *fault = fault_of(&table[i]);

		for (size_t j = 0; j < i && !fault; j++)
			if (strcmp(table[i].name, table[j].name) == 0)
				fault = "a name stands once in the table";
		if (fault)
			return err_set(err, -EINVAL, "metric %zu, %s: %s", i,
				       table[i].name ? table[i].name : "?", fault);
	}
	return 0;
}

/* ---- Writing -------------------------------------------------------------------------------- */

void metrics_begin(struct metrics *m, struct buf *out, const struct metric *table, size_t n)
{
	*m = (struct metrics){ .out = out, .table = table, .n = n };
}

static void misuse(struct metrics *m)
{
	m->error = -EINVAL;
	m->family = NULL;
}

/* Backslash and newline are escaped everywhere, the quote within quotes; see the format's page. */
static void put_escaped(struct buf *out, const char *text, bool quoted)
{
	while (*text) {
		uint32_t code = 0;
		size_t len = utf8_next(text, &code);

		if (code == '\n')
			buf_puts(out, "\\n");
		else if (code == '\\' || (quoted && code == '"'))
			buf_printf(out, "\\%c", (char)code);
		else if (len == 0)
			buf_puts(out, "?");
		else
			buf_append(out, text, len);
		text += len ? len : 1;
	}
}

void metric_family(struct metrics *m, size_t index)
{
	if (index >= m->n || index >= METRICS_MAX || (m->written & (1ull << index))) {
		misuse(m);
		return;
	}
	m->written |= 1ull << index;
	m->family = &m->table[index];
	buf_printf(m->out, "# HELP %s ", m->family->name);
	put_escaped(m->out, m->family->help, false);
	buf_printf(m->out, "\n# TYPE %s %s\n", m->family->name, type_names[m->family->type]);
}

/* Name and labels, and the blank before the value; false if there is no such series. */
static bool put_series(struct metrics *m, const char *const *values)
{
	const char *const *labels = m->family ? m->family->labels : NULL;
	size_t n_labels = 0, n_values = 0;

	while (labels && labels[n_labels])
		n_labels++;
	while (values && values[n_values])
		n_values++;
	if (!m->family || n_labels != n_values) {
		misuse(m);
		return false;
	}
	buf_puts(m->out, m->family->name);
	for (size_t i = 0; i < n_labels; i++) {
		buf_printf(m->out, "%s%s=\"", i ? "," : "{", labels[i]);
		put_escaped(m->out, values[i], true);
		buf_puts(m->out, "\"");
	}
	buf_puts(m->out, n_labels ? "} " : " ");
	return true;
}

void metric_sample(struct metrics *m, const char *const *values, unsigned __int128 v)
{
	char text[U128_TEXT_MAX];

	if (put_series(m, values))
		buf_printf(m->out, "%s\n", format_u128(v, text));
}

void metric_sample_scaled(struct metrics *m, const char *const *values, unsigned __int128 v,
			  unsigned int digits)
{
	char text[U128_TEXT_MAX];
	uint64_t scale = 1;

	if (digits < 1 || digits > 18) {
		misuse(m);
		return;
	}
	for (unsigned int i = 0; i < digits; i++)
		scale *= 10;
	if (put_series(m, values))
		buf_printf(m->out, "%s.%0*" PRIu64 "\n", format_u128(v / scale, text), (int)digits,
			   (uint64_t)(v % scale));
}

int metrics_end(const struct metrics *m)
{
	return m->error ? m->error : buf_error(m->out);
}
