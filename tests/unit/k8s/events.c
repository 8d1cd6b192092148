/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/informer_bed.h"

/* ---- What can't be read ----------------------------------------------------------------------- */

#define BAD_S(name, version)                                                               \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"d\","   \
	"\"name\":\"" name "\",\"resourceVersion\":\"" version "\"},\"spec\":{\"ports\":[" \
	"{\"port\":99999}]}}"
#define TOO_LARGE(name) \
	"[Service d/" name ": spec.ports[0].port: 99999 is out of range; use 1 to 65535] "

static void a_bad_object_stays_as_it_was_and_is_told_once(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	sent(f, EVENT("MODIFIED", BAD_S("a", "11")) EVENT("ADDED", S("c", "12")));
	assert_told(f, TOO_LARGE("a") "+c ");
	sent(f, EVENT("MODIFIED", BAD_S("a", "13")));
	assert_told(f, "");
	assert_string_equal(kube_set_at(f->set, KUBE_SERVICE, 0)->meta.resource_version, "1");
	ends(f, -ECONNRESET, 200);
	asked(f, "&resourceVersion=13");
	starts(f, 200);
	/* a new list has it as bad as before: it stays, all others are as the list says */
	assert_int_equal(feed(f, EXPIRED), -ESTALE);
	ends(f, -ESTALE, 200);
	asked(f, STREAM);
	sent(f,
	     EVENT("ADDED", BAD_S("a", "13")) EVENT("ADDED", BAD_S("x", "14")) INITIAL_END("20"));
	assert_told(f, TOO_LARGE("x") "-b -c ");
	assert_set(f, "a");
	sent(f, EVENT("MODIFIED", S("a", "21")) EVENT("MODIFIED", BAD_S("a", "22")));
	assert_told(f, "*a " TOO_LARGE("a"));
	sent(f, EVENT("DELETED", BAD_S("a", "23")));
	assert_told(f, "-a ");
}

static void a_line_that_is_no_json_costs_that_line(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	sent(f, "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\",\"namespace\":"
		"\"d\"},}}\n{\"type\":\"NONSENSE\"}\n" EVENT("ADDED", S("c", "12")));
	assert_told(f, "[Service d/a: line:1:70: a string in double quotes is expected] "
		       "[/api/v1/services: an event of type \"NONSENSE\"] +c ");
}

static void a_bad_item_keeps_what_was_there(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	assert_int_equal(feed(f, EXPIRED), -ESTALE);
	ends(f, -ESTALE, 200);
	to_list(f);
	asked(f, "&limit=500");
	sent(f, LIST("20", "",
		     BAD_S("a", "19") ",{\"metadata\":{\"name\":\"b\",\"namespace\":\"d\"},}" S(
			     "c", "3")));
	ends(f, 0, 200);
	assert_told(
		f,
		TOO_LARGE(
			"a") "[Service d/b: line:1:42: a string in double quotes is expected] +c ");
	assert_set(f, "a b c");
}

/* ---- Recordings ------------------------------------------------------------------------------- */

static void read_recording(const char *name, struct buf *to)
{
	char path[128];

	snprintf(path, sizeof(path), "tests/vectors/k8s-traces/%s", name);
	assert_int_equal(file_read(path, to, NULL), 0);
}

static uint64_t hash_of_set(const struct kube_set *set)
{
	uint64_t h = 1;

	for (size_t i = 0; i < kube_set_len(set, KUBE_SLICE); i++) {
		const struct kube_meta *m = &kube_set_at(set, KUBE_SLICE, i)->meta;

		for (const char *c = m->name; *c; c++)
			h = h * 31 + (uint8_t)*c;
		for (const char *c = m->resource_version; *c; c++)
			h = h * 31 + (uint8_t)*c;
	}
	return h;
}

/* Cut at any byte and taken up again by a list: always the same in the end. */
static void a_recorded_stream_ends_the_same_wherever_it_is_cut(void **state)
{
	static const struct kube_resource slices = {
		.kind = KUBE_SLICE,
		.path = "/api/v1/services",
		.selector = "labelSelector=%21x",
	};
	cleanup(buf_fini) struct buf text = BUF_INIT(SAMPLE_MAX);
	uint64_t want = 0;

	read_recording("watchlist-endpointslices.jsonl", &text);
	for (size_t cut = text.len; cut > 0; cut = cut > 1999 ? cut - 1999 : 0) {
		struct fixture *f;

		teardown(state);
		assert_int_equal(setup_with(state, &slices), 0);
		f = *state;
		asked(f, STREAM);
		starts(f, 200);
		assert_int_equal(kube_informer_feed(f->inf, text.data, cut, f->now), 0);
		if (cut == text.len) {
			want = hash_of_set(f->set);
			assert_int_equal(kube_set_len(f->set, KUBE_SLICE), 20);
			continue;
		}
		bool watching = kube_informer_synced(f->inf);
		ends(f, -ECONNRESET, 200);
		if (watching) {
			/* resumed from the last event that came whole */
			size_t from = cut;

			while (from > 0 && text.data[from - 1] != '\n')
				from--;
			asked(f, "&resourceVersion=");
			assert_int_equal(kube_informer_feed(f->inf, text.data + from,
							    text.len - from, f->now),
					 0);
		} else {
			asked(f, "&limit=500");
			ends(f, -ECONNRESET, 0);
			asked(f, STREAM);
			assert_int_equal(kube_informer_feed(f->inf, text.data, text.len, f->now),
					 0);
		}
		assert_true(hash_of_set(f->set) == want);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_bad_object_stays_as_it_was_and_is_told_once),
		TEST(a_line_that_is_no_json_costs_that_line),
		TEST(a_bad_item_keeps_what_was_there),
		TEST(a_recorded_stream_ends_the_same_wherever_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
