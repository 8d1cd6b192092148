/* SPDX-License-Identifier: Apache-2.0 */
#include "core/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libfyaml.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json_impl.h"
#include "core/utf8.h"
#include "core/yaml_impl.h"

static void free_diag(struct fy_diag **d)
{
	fy_diag_destroy(*d);
}

static void free_parser(struct fy_parser **p)
{
	fy_parser_destroy(*p);
}

/* libfyaml stops in silence at a byte that is not UTF-8, and lets control characters through. */
static int check_bytes(const char *text, size_t len, const char *name, struct err *err)
{
	size_t end = utf8_valid_len(text, len), at = 0;
	unsigned int line = 1, column = 1;

	for (; at < end; at++) {
		uint8_t c = (uint8_t)text[at];

		if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
			break;
		column = c == '\n' ? 1 : column + 1;
		line += c == '\n';
	}
	if (at == len)
		return 0;
	return err_set(err, -EBADMSG, "%s:%u:%u: %s", name, line, column,
		       at == end ? "not UTF-8" : "control character");
}

/* A token's text, copied; NULL for no token is no error. */
static int dup_text(const struct yaml_build *b, struct fy_token *token, char **ret)
{
	size_t len = 0;
	const char *text = token ? fy_token_get_text(token, &len) : NULL;
	char *copy;

	if (!token)
		return 0;
	if (!text)
		return err_errno(b->err, -ENOMEM, "%s", b->name);
	copy = strndup(text, len);
	if (!copy)
		return err_errno(b->err, -ENOMEM, "%s", b->name);
	*ret = copy;
	return 0;
}

static int dup_quoted(const struct yaml_build *b, struct fy_token *token, bool is_double,
		      char **ret)
{
	const struct fy_mark *start = fy_token_start_mark(token), *end = fy_token_end_mark(token);
	int rc = -EBADMSG;

	if (start && end && start->input_pos <= end->input_pos && end->input_pos <= b->len)
		rc = yaml_quoted(b->text + start->input_pos, end->input_pos - start->input_pos,
				 is_double, ret);
	if (rc == -EBADMSG)
		return yaml_fault(b, rc, "an escape that is none, or of \\0 or half a character");
	return rc < 0 ? err_errno(b->err, rc, "%s", b->name) : 0;
}

static int dup_scalar(const struct yaml_build *b, struct fy_token *token, char **ret)
{
	enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;

	if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED)
		return dup_quoted(b, token, style == FYSS_DOUBLE_QUOTED, ret);
	return dup_text(b, token, ret);
}

static int build_node(struct yaml_build *b, struct fy_event *e)
{
	cleanup(free_ptr) char *anchor = NULL, *text = NULL;
	bool plain;
	int rc;

	if (fy_event_get_tag_token(e))
		return yaml_fault(b, -EBADMSG, "tags (!) are not supported");
	rc = dup_text(b, fy_event_get_anchor_token(e), &anchor);
	if (rc < 0)
		return rc;
	if (e->type == FYET_SEQUENCE_START)
		return yaml_begin(b, anchor, json_new_array());
	if (e->type == FYET_MAPPING_START)
		return yaml_begin(b, anchor, json_new_object());
	rc = dup_scalar(b, e->scalar.value, &text);
	if (rc < 0)
		return rc;
	/* An empty document has a scalar without a token. */
	plain = !text || fy_token_scalar_style(e->scalar.value) == FYSS_PLAIN;
	return yaml_scalar(b, anchor, text ? text : "", plain);
}

static int build_alias(struct yaml_build *b, struct fy_event *e)
{
	cleanup(free_ptr) char *anchor = NULL;
	int rc = dup_text(b, e->alias.anchor, &anchor);

	return rc < 0 ? rc : yaml_alias(b, anchor);
}

static int build(struct yaml_build *b, struct fy_event *e)
{
	const struct fy_mark *mark = fy_event_start_mark(e);

	if (mark) { /* what is left out has no place: it takes that of the event before */
		b->line = (unsigned int)mark->line + 1;
		b->column = (unsigned int)mark->column + 1;
	}
	switch ((int)e->type) {
	case FYET_SCALAR:
	case FYET_SEQUENCE_START:
	case FYET_MAPPING_START:
		return build_node(b, e);
	case FYET_ALIAS:
		return build_alias(b, e);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		yaml_end(b);
		return 0;
	case FYET_DOCUMENT_END:
		return yaml_end_document(b);
	default:
		return 0;
	}
}

/* The first error that libfyaml has collected. */
static int parser_fault(struct yaml_build *b, struct fy_diag *diag)
{
	struct fy_diag_error *e;
	void *at = NULL;

	while ((e = fy_diag_errors_iterate(diag, &at))) {
		if (e->type != FYET_ERROR)
			continue;
		b->line = (unsigned int)e->line;
		b->column = (unsigned int)e->column;
		return yaml_fault(b, -EBADMSG, "%s", e->msg);
	}
	return yaml_fault(b, -EBADMSG, "not YAML");
}

static int read_events(struct yaml_build *b, struct fy_parser *parser, struct fy_diag *diag)
{
	struct fy_event *e;
	bool ended = false;
	int rc = 0;

	while (rc == 0 && (e = fy_parser_parse(parser))) {
		ended = e->type == FYET_STREAM_END;
		rc = build(b, e);
		fy_parser_event_free(parser, e);
	}
	if (rc == 0 && (!ended || fy_parser_get_stream_error(parser)))
		rc = parser_fault(b, diag);
	return rc;
}

static void keep_silent(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	(void)diag, (void)user, (void)text, (void)len;
}

static int parse(struct yaml_build *b, const char *text, size_t len)
{
	struct fy_diag_cfg diag_cfg = { .output_fn = keep_silent, .level = FYET_ERROR };
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 |
					     FYPCF_JSON_NONE };
	cleanup(free_diag) struct fy_diag *diag = NULL;
	cleanup(free_parser) struct fy_parser *parser = NULL;

	diag_cfg.module_mask = UINT32_MAX;
	diag = fy_diag_create(&diag_cfg);
	if (!diag)
		return err_errno(b->err, -ENOMEM, "%s", b->name);
	fy_diag_set_collect_errors(diag, true);
	cfg.diag = diag;
	parser = fy_parser_create(&cfg);
	if (!parser || fy_parser_set_string(parser, text, len) < 0)
		return err_errno(b->err, -ENOMEM, "%s", b->name);
	return read_events(b, parser, diag);
}

static int compare_places(const void *a, const void *b)
{
	const struct yaml_place *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

static const struct yaml_place *place_of(const struct yaml *y, const struct json *node)
{
	struct yaml_place key = { .node = node };

	return y->places_len ?
		       bsearch(&key, y->places, y->places_len, sizeof(key), compare_places) :
		       NULL;
}

static int refuse_duplicates(const struct yaml *y, const struct json *j, const char *name,
			     struct err *err)
{
	const struct json *duplicate = NULL;
	const struct yaml_place *at;
	int rc = 0;

	if (json_type(j) == JSON_OBJECT)
		rc = json_find_duplicate(j, &duplicate);
	if (rc < 0)
		return err_errno(err, rc, "%s", name);
	at = duplicate ? place_of(y, duplicate) : NULL;
	if (at)
		return err_set(err, -EBADMSG, "%s:%u:%u: duplicate key \"%s\"", name, at->line,
			       at->column, json_key(duplicate));
	json_foreach(child, j) {
		rc = refuse_duplicates(y, child, name, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int yaml_parse(const char *text, size_t len, const char *name, struct yaml **ret, struct err *err)
{
	cleanup(yaml_free) struct yaml *y = NULL;
	cleanup(yaml_build_fini) struct yaml_build b = {
		.name = name, .text = text, .len = len, .err = err, .line = 1, .column = 1
	};
	int rc;

	if (len > YAML_MAX_BYTES)
		return err_set(err, -E2BIG, "%s: larger than the limit of %u bytes", name,
			       YAML_MAX_BYTES);
	rc = check_bytes(text, len, name, err);
	if (rc < 0)
		return rc;
	y = b.y = calloc(1, sizeof(*y));
	if (!y)
		return err_errno(err, -ENOMEM, "%s", name);
	rc = len ? parse(&b, text, len) : 0;
	if (rc < 0)
		return rc;
	if (y->places_len)
		qsort(y->places, y->places_len, sizeof(*y->places), compare_places);
	for (size_t i = 0; rc == 0 && i < y->len; i++)
		rc = refuse_duplicates(y, y->docs[i], name, err);
	if (rc < 0)
		return rc;
	*ret = take_ptr(y);
	return 0;
}

void yaml_free(struct yaml **y)
{
	if (!*y)
		return;
	while ((*y)->len)
		json_free(&(*y)->docs[--(*y)->len]);
	free((*y)->docs);
	free((*y)->places);
	free_ptr(y);
}

size_t yaml_len(const struct yaml *y)
{
	return y->len;
}

const struct json *yaml_doc(const struct yaml *y, size_t i)
{
	return i < y->len ? y->docs[i] : NULL;
}

unsigned int yaml_line(const struct yaml *y, const struct json *node)
{
	const struct yaml_place *at = place_of(y, node);

	return at ? at->line : 0;
}
