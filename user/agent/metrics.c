/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics.h"

#include <errno.h>
#include <stdbool.h>

#include "agent/histogram.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/parse.h"
#include "core/utf8.h"

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
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

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static const char *fault_of_name(const struct metric *m)
{
	bool ours = m->name && starts_with(m->name, "weir_");

	if (!m->name ||
	    (!ours && !starts_with(m->name, "kubeproxy_") && !starts_with(m->name, "kubecost_")) ||
	    !is_name(m->name))
		return "a name is weir_ and lower-case words";
	if (strlen(m->name) > 100)
		return "a name has 100 characters at most";
	if (!ours)
		return NULL;
	if (ends_with(m->name, "_total") != (m->type == METRIC_COUNTER))
		return "a counter, and nothing else, ends in _total";
	return has_scaled_unit(m->name) ? "a name has a base unit: seconds, bytes, ratio" : NULL;
}

static const char *fault_of(const struct metric *m)
{
	const char *fault = fault_of_name(m);

	if (fault)
		return fault;
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

/* The labels are those of the family. */
static bool is_series(const struct metrics *m, const char *const *values)
{
	const char *const *labels = m->family ? m->family->labels : NULL;
	size_t n_labels = 0, n_values = 0;

	while (labels && labels[n_labels])
		n_labels++;
	while (values && values[n_values])
		n_values++;
	return m->family && n_labels == n_values;
}

/* Name and labels, and the blank before the value; le: the class of a histogram, or NULL. */
static void put_series(struct metrics *m, const char *end, const char *const *values,
		       const char *le)
{
	const char *const *labels = m->family->labels;
	const char *before = "{";

	buf_printf(m->out, "%s%s", m->family->name, end);
	for (size_t i = 0; labels && labels[i]; i++) {
		buf_printf(m->out, "%s%s=\"", before, labels[i]);
		put_escaped(m->out, values[i], true);
		buf_puts(m->out, "\"");
		before = ",";
	}
	if (le) {
		buf_printf(m->out, "%sle=\"%s\"", before, le);
		before = ",";
	}
	buf_puts(m->out, *before == ',' ? "} " : " ");
}

/* False if there is no such series. */
static bool begin_sample(struct metrics *m, const char *const *values)
{
	if (!is_series(m, values) || m->family->type == METRIC_HISTOGRAM) {
		misuse(m);
		return false;
	}
	put_series(m, "", values, NULL);
	return true;
}

void metric_sample(struct metrics *m, const char *const *values, unsigned __int128 v)
{
	char text[U128_TEXT_MAX];

	if (begin_sample(m, values))
		buf_printf(m->out, "%s\n", format_u128(v, text));
}

static void put_scaled(struct metrics *m, unsigned __int128 v, unsigned int digits)
{
	char text[U128_TEXT_MAX];
	uint64_t scale = 1;

	for (unsigned int i = 0; i < digits; i++)
		scale *= 10;
	buf_printf(m->out, "%s.%0*" PRIu64 "\n", format_u128(v / scale, text), (int)digits,
		   (uint64_t)(v % scale));
}

void metric_sample_scaled(struct metrics *m, const char *const *values, unsigned __int128 v,
			  unsigned int digits)
{
	if (digits < 1 || digits > 18)
		misuse(m);
	else if (begin_sample(m, values))
		put_scaled(m, v, digits);
}

/* "0.25", "16.384", "1", as others write them, so that their series go on. */
static const char *format_bound(uint64_t ns, char ret[32])
{
	int len = snprintf(ret, 32, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);

	while (ret[len - 1] == '0')
		ret[--len] = '\0';
	if (ret[len - 1] == '.')
		ret[len - 1] = '\0';
	return ret;
}

void metric_histogram(struct metrics *m, const char *const *values, const struct histogram *h)
{
	uint64_t count = 0;
	char le[32];

	if (!is_series(m, values) || m->family->type != METRIC_HISTOGRAM) {
		misuse(m);
		return;
	}
	for (size_t i = 0; i <= h->n; i++) {
		count += h->counts[i];
		put_series(m, "_bucket", values,
			   i < h->n ? format_bound(h->bounds[i], le) : "+Inf");
		buf_printf(m->out, "%" PRIu64 "\n", count);
	}
	put_series(m, "_sum", values, NULL);
	put_scaled(m, h->sum_ns, 9);
	put_series(m, "_count", values, NULL);
	buf_printf(m->out, "%" PRIu64 "\n", count);
}

int metrics_end(const struct metrics *m)
{
	return m->error ? m->error : buf_error(m->out);
}
