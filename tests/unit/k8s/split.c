/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "k8s/split.h"
#include "unit/k8s/sample.h"

/* All pieces, one a line: "D text", "I text", "B text"; newlines within are blanks. */
struct got {
	struct buf text;
	int fail_at; /* the piece that says so; 0: none */
	int n;
};

static int on_piece(void *arg, enum kube_piece piece, const char *text, size_t len)
{
	struct got *g = arg;

	assert_int_equal(strlen(text), len);
	buf_printf(&g->text, "%c %s", "DIB"[piece], text);
	for (char *c = g->text.data + g->text.len - len; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	buf_puts(&g->text, "\n");
	return ++g->n == g->fail_at ? -EPROTO : 0;
}

/* Fed in parts of `part` bytes, the first of `first`. free() it. */
static char *split(enum kube_split_kind kind, const char *text, size_t len, size_t first,
		   size_t part)
{
	struct got g = { .text = BUF_INIT(64u << 20) };
	struct kube_split s;

	kube_split_init(&s, kind, on_piece, &g);
	for (size_t at = 0; at < len;) {
		size_t n = at == 0 && first ? first : part;

		n = n < len - at ? n : len - at;
		assert_int_equal(kube_split_feed(&s, text + at, n), 0);
		at += n;
	}
	kube_split_fini(&s);
	buf_puts(&g.text, "");
	return g.text.len ? buf_take(&g.text) : strdup("");
}

static void assert_split(enum kube_split_kind kind, const char *text, const char *want)
{
	size_t len = strlen(text);

	for (size_t first = 1; first <= len; first++) {
		cleanup(free_ptr) char *got = split(kind, text, len, first, len);

		assert_string_equal(got, want);
	}
	cleanup(free_ptr) char *got = split(kind, text, len, 0, 1);
	assert_string_equal(got, want);
}

static void a_watch_is_its_lines_however_it_is_cut(void **state)
{
	(void)state;
	assert_split(KUBE_SPLIT_WATCH,
		     "{\"a\":\"x\\n}\\\"\"}\n\n{\"b\":[1,{\"c\":\"\\\\\"}]}\r\n{\"half\":",
		     "D {\"a\":\"x\\n}\\\"\"}\nD {\"b\":[1,{\"c\":\"\\\\\"}]}\r\n");
}

static void what_nobody_reads_is_cut_out(void **state)
{
	(void)state;
	assert_split(
		KUBE_SPLIT_WATCH,
		"{\"metadata\":{\"managedFields\":[{\"f:a\":{\"k:{\\\"p\\\":1}\":{}}}],\"name\":\"x\"},"
		"\"images\" : {\"a\":\"]}\"} , \"tolerations\":null}\n{\"volumes\":[]}\n",
		"D {\"metadata\":{\"managedFields\":0,\"name\":\"x\"},"
		"\"images\" :0, \"tolerations\":0}\nD {\"volumes\":0}\n");
}

static void a_value_or_a_label_of_that_name_is_no_key(void **state)
{
	(void)state;
	assert_split(KUBE_SPLIT_WATCH,
		     "{\"a\":\"images\",\"b\":[\"images\",{\"c\":\"volumes\"}]}\n",
		     "D {\"a\":\"images\",\"b\":[\"images\",{\"c\":\"volumes\"}]}\n");
}

static void a_list_is_its_items_and_then_itself(void **state)
{
	(void)state;
	assert_split(
		KUBE_SPLIT_LIST,
		"{\"kind\":\"XList\",\"metadata\":{\"items\":[1]},\"items\":[{\"a\":[{}]} ,\n"
		" {\"items\":[{\"b\":1}]}],\"tail\":2}\n",
		"I {\"a\":[{}]}\nI {\"items\":[{\"b\":1}]}\n"
		"D {\"kind\":\"XList\",\"metadata\":{\"items\":[1]},\"items\":[],\"tail\":2}\n");
	assert_split(KUBE_SPLIT_LIST, "{\"items\":null,\"a\":{}} x",
		     "D {\"items\":null,\"a\":{}}\n");
	assert_split(KUBE_SPLIT_LIST, "{\"items\":[],\"a\":{}}", "D {\"items\":[],\"a\":{}}\n");
}

static void a_bad_line_leaves_the_others_alone(void **state)
{
	(void)state;
	assert_split(
		KUBE_SPLIT_WATCH,
		"{\"a\":[1}\n1,{\"b\":1},2\n{\"b\":1}\n{\"c\":\"no end\n{\"d\":{\n}\n{\"e\":\"\\\n{\"f\":2}\n",
		"B {\"a\":[1\nD 1,{\"b\":1},2\nD {\"b\":1}\nB {\"c\":\"no end\nB {\"d\":{\nB }\nB {\"e\":\"\\\n"
		"D {\"f\":2}\n");
}

static void a_list_whose_brackets_do_not_match_is_none(void **state)
{
	static const char *const lists[] = {
		"{\"items\":[{\"a\":1},{\"b\":[2}},{\"c\":3}]}",
		"{\"items\":[{\"a\":1]",
		"{\"items\":[{\"a\":1}}",
		"{\"items\":[{\"a\":1}]]",
		"]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct got g = { .text = BUF_INIT(4096) };
		struct kube_split s;

		kube_split_init(&s, KUBE_SPLIT_LIST, on_piece, &g);
		assert_int_equal(kube_split_feed(&s, lists[i], strlen(lists[i])), -EBADMSG);
		kube_split_fini(&s);
		buf_fini(&g.text);
	}
}

/* Memory is bounded, and so is patience. */
static void a_line_without_an_end_is_given_up(void **state)
{
	static char filler[1u << 20];
	struct got g = { .text = BUF_INIT(1u << 20) };
	struct kube_split s;
	size_t n = 0;
	int r;

	(void)state;
	memset(filler, 'x', sizeof(filler));
	kube_split_init(&s, KUBE_SPLIT_WATCH, on_piece, &g);
	assert_int_equal(kube_split_feed(&s, "{\"a\":\"", 6), 0);
	do
		r = kube_split_feed(&s, filler, sizeof(filler));
	while (r == 0 && ++n < 100);
	assert_int_equal(r, -E2BIG);
	assert_in_range(n, KUBE_SKIP_MAX >> 20, (KUBE_SKIP_MAX + KUBE_PIECE_MAX) >> 20);
	assert_int_equal(g.n, 0);
	assert_true(s.doc.cap <= 2 * KUBE_PIECE_MAX);
	kube_split_fini(&s);
	buf_fini(&g.text);
}

static void what_is_too_deep_is_bad(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(4096);

	(void)state;
	buf_puts(&text, "{\"a\":");
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		buf_puts(&text, "[");
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		buf_puts(&text, "]");
	buf_puts(&text, "}\n{\"b\":1}\n");
	cleanup(free_ptr) char *got = split(KUBE_SPLIT_WATCH, text.data, text.len, 0, 7);
	assert_int_equal(strncmp(got, "B {\"a\":[[", 9), 0);
	assert_string_equal(strchr(got, '\n'), "\nD {\"b\":1}\n");
}

/* Over the limit; the beginning is handed out. */
static void what_is_too_large_is_bad(void **state)
{
	size_t large = KUBE_PIECE_MAX + 10;
	cleanup(buf_fini) struct buf text = BUF_INIT(8u << 20);
	cleanup(free_ptr) char *filler = malloc(large + 1);

	(void)state;
	assert_non_null(filler);
	memset(filler, 'x', large);
	filler[large] = '\0';
	buf_printf(&text, "{\"items\":[{\"name\":\"a\",\"b\":\"%s\"},{\"c\":1}]}", filler);
	cleanup(free_ptr) char *list = split(KUBE_SPLIT_LIST, text.data, text.len, 0, 1u << 16);
	char *end = strchr(list, '\n');
	assert_int_equal(strncmp(list, "B {\"name\":\"a\",", 14), 0);
	assert_int_equal(end - list, KUBE_PIECE_SHOWN + 2);
	assert_string_equal(end, "\nI {\"c\":1}\nD {\"items\":[]}\n");

	buf_reset(&text);
	buf_printf(&text, "{\"b\":\"%s\"}\n{\"c\":1}\n", filler);
	cleanup(free_ptr) char *watch = split(KUBE_SPLIT_WATCH, text.data, text.len, 0, 1u << 16);
	assert_string_equal(strchr(watch, '\n'), "\nD {\"c\":1}\n");

	/* what is cut out counts for nothing */
	buf_reset(&text);
	buf_printf(&text, "{\"managedFields\":\"%s\"}\n", filler);
	cleanup(free_ptr) char *cut = split(KUBE_SPLIT_WATCH, text.data, text.len, 0, 1u << 16);
	assert_string_equal(cut, "D {\"managedFields\":0}\n");
}

static void the_receiver_ends_the_feeding(void **state)
{
	static const char text[] = "{}\n{}\n{}\n";
	struct got g = { .text = BUF_INIT(4096), .fail_at = 2 };
	struct kube_split s;

	(void)state;
	kube_split_init(&s, KUBE_SPLIT_WATCH, on_piece, &g);
	assert_int_equal(kube_split_feed(&s, text, sizeof(text) - 1), -EPROTO);
	assert_int_equal(g.n, 2);
	kube_split_fini(&s);
	buf_fini(&g.text);
}

/* What a real server sent: each piece parses, none is bad, and how it is cut makes no difference. */
static void assert_recording(const char *name, enum kube_split_kind kind, size_t pieces,
			     size_t step)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(SAMPLE_MAX);
	char path[128];
	size_t n = 0;

	snprintf(path, sizeof(path), "tests/vectors/k8s-traces/%s", name);
	assert_int_equal(file_read(path, &text, NULL), 0);
	cleanup(free_ptr) char *want = split(kind, text.data, text.len, 0, text.len);
	for (char *line = want; *line; n++) {
		char *end = strchr(line, '\n');

		*end = '\0';
		assert_int_not_equal(*line, 'B');
		cleanup(json_free) struct json *j = sample_json(line + 2);
		assert_int_equal(json_type(j), JSON_OBJECT);
		assert_null(strstr(line, "\"f:"));
		*end = '\n';
		line = end + 1;
	}
	assert_int_equal(n, pieces);
	for (size_t first = 1; first < text.len; first += step) {
		cleanup(free_ptr) char *got = split(kind, text.data, text.len, first, text.len);

		assert_string_equal(got, want);
	}
}

static void recordings_split_the_same_wherever_they_are_cut(void **state)
{
	(void)state;
	assert_recording("watchlist-nodes-field-one.jsonl", KUBE_SPLIT_WATCH, 3, 1);
	assert_recording("watch-nodes-bookmarks.jsonl", KUBE_SPLIT_WATCH, 3, 1);
	assert_recording("list-services-limit5-page4.json", KUBE_SPLIT_LIST, 3, 1);
	assert_recording("watchlist-services.jsonl", KUBE_SPLIT_WATCH, 29, 13);
	assert_recording("list-pods.json", KUBE_SPLIT_LIST, 6, 13);
	assert_recording("list-services-pretty.json", KUBE_SPLIT_LIST, 17, 101);
	assert_recording("watchlist-endpointslices.jsonl", KUBE_SPLIT_WATCH, 93, 997);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watch_is_its_lines_however_it_is_cut),
		cmocka_unit_test(what_nobody_reads_is_cut_out),
		cmocka_unit_test(a_value_or_a_label_of_that_name_is_no_key),
		cmocka_unit_test(a_list_is_its_items_and_then_itself),
		cmocka_unit_test(a_bad_line_leaves_the_others_alone),
		cmocka_unit_test(a_list_whose_brackets_do_not_match_is_none),
		cmocka_unit_test(a_line_without_an_end_is_given_up),
		cmocka_unit_test(what_is_too_deep_is_bad),
		cmocka_unit_test(what_is_too_large_is_bad),
		cmocka_unit_test(the_receiver_ends_the_feeding),
		cmocka_unit_test(recordings_split_the_same_wherever_they_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
