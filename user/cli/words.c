/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/err.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_end(char c)
{
	return c == '\0' || c == '\n';
}

static int put(struct words *w, char c)
{
	if (w->len == WORDS_TEXT_MAX)
		return -E2BIG;
	w->text[w->len++] = c;
	return 0;
}

static const char *skip_blanks(const char *at, struct words *w)
{
	for (;;) {
		if (is_blank(*at)) {
			at++;
		} else if (at[0] == '\\' && at[1] == '\n') {
			at += 2;
			w->next_line++;
		} else {
			return *at == '#' ? at + strcspn(at, "\n") : at;
		}
	}
}

/* Copies one word, up to a blank or an end outside of quotes, where *text is left. */
static int copy_word(const char **text, struct words *w)
{
	const char *at = *text;
	char quote = '\0';
	int rc = 0;

	for (; rc == 0 && (quote || !(is_blank(*at) || is_end(*at))); at++) {
		if (*at == '\0')
			return -EINVAL;
		w->next_line += *at == '\n';
		if (quote ? *at == quote : *at == '\'' || *at == '"') {
			quote = quote ? '\0' : *at;
		} else if (*at == '\\' && quote != '\'' && at[1] == '\n') {
			at++;
			w->next_line++;
		} else {
			if (*at == '\\' && quote != '\'' && at[1])
				at++;
			rc = put(w, *at);
		}
	}
	*text = at;
	return rc < 0 ? rc : put(w, '\0');
}

static int read_line(const char **text, struct words *w)
{
	for (;;) {
		int rc;

		*text = skip_blanks(*text, w);
		if (is_end(**text))
			return 0;
		if (w->n == WORDS_MAX)
			return -E2BIG;
		w->at[w->n++] = w->text + w->len;
		rc = copy_word(text, w);
		if (rc < 0)
			return rc;
	}
}

int words_next(const char **text, struct words *w, struct err *err)
{
	for (w->n = w->len = 0; w->n == 0;) {
		int rc;

		if (**text == '\0')
			return 0;
		w->line = ++w->next_line;
		rc = read_line(text, w);
		if (rc == -EINVAL)
			return err_set(err, rc, "line %u: a quote is not closed", w->line);
		if (rc < 0)
			return err_set(err, rc, "line %u: over %d words or %d bytes", w->line,
				       WORDS_MAX, WORDS_TEXT_MAX);
		*text += **text == '\n';
	}
	return 1;
}
