/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/informer_bed.h"

/* ---- Streams ---------------------------------------------------------------------------------- */

static void a_stream_is_nothing_until_it_is_whole(void **state)
{
	struct fixture *f = *state;

	asked(f, STREAM);
	assert_non_null(strstr(f->path, "watch=true&allowWatchBookmarks=true&timeoutSeconds="));
	sent(f, EVENT("ADDED", S("a", "1")) EVENT("ADDED", S("b", "2")) BOOKMARK("9"));
	assert_set(f, "");
	assert_false(kube_informer_synced(f->inf) || kube_informer_in_step(f->inf, f->now));
	sent(f, EVENT("DELETED", S("b", "3")) EVENT("MODIFIED", S("a", "4")) INITIAL_END("10"));
	assert_set(f, "a");
	assert_told(f, "+a ");
	assert_true(kube_informer_synced(f->inf) && kube_informer_in_step(f->inf, f->now));
}

static void events_follow_on_the_same_stream_and_after_it(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	sent(f, EVENT("ADDED", S("c", "11")) EVENT("MODIFIED", S("a", "12")));
	sent(f, EVENT("DELETED", S("b", "13")));
	assert_told(f, "+c *a -b ");
	assert_set(f, "a c");
	f->now += 400000;
	ends(f, 0, 200);
	assert_int_equal(kube_informer_due(f->inf), f->now); /* at once, and from there on */
	asked(f, "&resourceVersion=13");
	assert_null(strstr(f->path, "sendInitialEvents"));
}

static void a_bookmark_moves_on_where_to_watch_from(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	sent(f, BOOKMARK("77"));
	f->now += 400000;
	ends(f, 0, 200);
	asked(f, "&resourceVersion=77");
	assert_told(f, "");
}

static void what_says_the_same_is_no_change(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	sent(f, EVENT("MODIFIED", "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{"
				  "\"namespace\":\"d\",\"name\":\"a\",\"uid\":\"u-a\","
				  "\"resourceVersion\":\"11\",\"annotations\":{\"x\":\"y\"}},"
				  "\"spec\":{\"ports\":[{\"port\":81}]}}"));
	assert_told(f, "");
	assert_string_equal(kube_set_at(f->set, KUBE_SERVICE, 0)->meta.resource_version, "11");
}

static void a_stream_without_its_end_gives_way_to_a_list(void **state)
{
	struct fixture *f = *state;

	asked(f, STREAM);
	sent(f, EVENT("ADDED", S("a", "1")));
	f->now = kube_informer_due(f->inf); /* nothing more: the server marks no end */
	ends(f, -ETIMEDOUT, 200);
	assert_int_equal(kube_informer_failures(f->inf), 1);
	asked(f, "&limit=500");
	assert_set(f, "");
}

static void a_server_without_streams_is_asked_for_lists(void **state)
{
	static const unsigned int refusals[] = { 400, 422 };
	struct fixture *f = *state;

	for (unsigned int i = 0; i < ARRAY_LEN(refusals); i++) {
		asked(f, STREAM);
		starts(f, refusals[i]);
		ends(f, -EINVAL, refusals[i]);
		assert_int_equal(kube_informer_failures(f->inf), i); /* of the round before */
		assert_int_equal(kube_informer_due(f->inf), f->now); /* that is no failure */
		asked(f, "&limit=500");
		sent(f, LIST("20", "", S("a", "1")));
		ends(f, 0, 200);
		asked(f, "&resourceVersion=20");
		starts(f, 200);
		assert_false(kube_informer_in_step(f->inf, f->now)); /* it may still say no */
		assert_true(kube_informer_in_step(f->inf, f->now + 1000));
		assert_int_equal(feed(f, EXPIRED), -ESTALE);
		ends(f, -ESTALE, 200);
	}
}

/* ---- Lists ------------------------------------------------------------------------------------ */

static void pages_are_one_list(void **state)
{
	struct fixture *f = *state;

	to_list(f);
	asked(f, "&limit=500");
	assert_null(strstr(f->path, "continue"));
	sent(f, LIST("20", "a/b+c=", S("a", "1") "," S("b", "2")));
	ends(f, 0, 200);
	assert_set(f, "");
	asked(f, "&limit=500&continue=a%2Fb%2Bc%3D");
	sent(f, LIST("20", "", S("c", "3")));
	assert_set(f, "");
	ends(f, 0, 200);
	assert_set(f, "a b c");
	assert_told(f, "+a +b +c ");
	asked(f, "&resourceVersion=20");
}

static void a_list_that_expires_between_pages_comes_whole(void **state)
{
	struct fixture *f = *state;

	to_list(f);
	asked(f, "&limit=500");
	sent(f, LIST("20", "next", S("a", "1") "," S("gone", "2")));
	ends(f, 0, 200);
	asked(f, "&continue=next");
	starts(f, 410);
	ends(f, -ESTALE, 410);
	asked(f, "&limit=0");
	assert_null(strstr(f->path, "continue"));
	sent(f, LIST("30", "", S("a", "1")));
	ends(f, 0, 200);
	assert_set(f, "a");
}

static void a_list_cut_short_changes_nothing(void **state)
{
	static const char list[] = LIST("20", "", S("a", "1"));
	struct fixture *f = *state;

	for (size_t n = 0; n < sizeof(list) - 2; n++) {
		to_list(f);
		asked(f, "&limit=500");
		starts(f, 200);
		assert_int_equal(kube_informer_feed(f->inf, list, n, f->now), 0);
		ends(f, n % 2 ? -ECONNRESET : 0, 200);
		assert_false(kube_informer_synced(f->inf));
		assert_set(f, "");
	}
	assert_told(f, "");
}

static void what_is_no_list_is_none(void **state)
{
	static const char *const texts[] = {
		"<html>sign in</html>",
		"{}",
		"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}",
		"{\"kind\":\"ServiceList\",\"metadata\":{},\"items\":[]}",
		"{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]",
	};
	struct fixture *f = *state;

	sync_by_stream(f);
	assert_int_equal(feed(f, EXPIRED), -ESTALE);
	ends(f, -ESTALE, 200);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		to_list(f);
		asked(f, "&limit=500");
		starts(f, 200);
		ends(f, feed(f, texts[i]), 200);
		assert_set(f, "a b");
	}
	assert_told(f, "");
	to_list(f); /* but an empty one is one */
	asked(f, "&limit=500");
	sent(f,
	     "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}");
	ends(f, 0, 200);
	assert_told(f, "-a -b ");
}

/* ---- What went wrong -------------------------------------------------------------------------- */

static void after_410_what_is_gone_goes_and_what_is_the_same_stays(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	const struct kube_object *b = kube_set_find(f->set, KUBE_SERVICE, "d", "b");
	assert_int_equal(feed(f, EXPIRED), -ESTALE);
	assert_string_equal(kube_informer_error(f->inf)->text,
			    "/api/v1/services: the watch ends: too old resource version");
	ends(f, -ESTALE, 200);
	asked(f, STREAM);
	assert_false(kube_informer_in_step(f->inf, f->now));
	sent(f, EVENT("ADDED", S("b", "2")) EVENT("ADDED", S("c", "30")));
	assert_set(f, "a b"); /* nothing before the end */
	sent(f, INITIAL_END("40"));
	assert_told(f, "-a +c ");
	assert_ptr_equal(kube_set_find(f->set, KUBE_SERVICE, "d", "b"), b);
}

static void http_410_on_a_watch_lists_anew(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	f->now += 400000;
	sent(f, BOOKMARK("50"));
	ends(f, 0, 200);
	asked(f, "&resourceVersion=50");
	starts(f, 410);
	ends(f, -ESTALE, 410);
	asked(f, STREAM);
}

static void a_version_nobody_knows_is_found_out(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	f->now += 400000;
	sent(f, BOOKMARK("999999"));
	ends(f, 0, 200);
	asked(f, "&resourceVersion=999999");
	starts(f, 200);
	f->now += 600000; /* a future version: 200, and silence to the end */
	ends(f, 0, 200);
	assert_int_equal(kube_informer_due(f->inf), f->now);
	asked(f, STREAM);
	starts(f, 200);
	ends(f, -ECONNRESET, 200);
	assert_set(f, "a b");
}

static void a_version_that_is_refused_is_dropped(void **state)
{
	static const unsigned int statuses[] = { 400, 500, 422 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		sync_by_stream(f);
		ends(f, -ECONNRESET, 200);
		asked(f, "&resourceVersion=10");
		starts(f, statuses[i]);
		ends(f, -EIO, statuses[i]);
		asked(f, STREAM);
		sent(f, INITIAL_END("5"));
		assert_told(f, "-a -b ");
		assert_int_equal(feed(f, EXPIRED), -ESTALE);
		ends(f, -ESTALE, 200);
	}
}

static void a_cut_watch_goes_on_where_it_was(void **state)
{
	static const char event[] = EVENT("MODIFIED", S("a", "11"));
	struct fixture *f = *state;

	sync_by_stream(f);
	for (size_t n = 0; n < sizeof(event) - 1; n++) {
		assert_int_equal(kube_informer_feed(f->inf, event, n, f->now), 0);
		ends(f, -ECONNRESET, 200);
		assert_told(f, "");
		asked(f, "&resourceVersion=10");
		starts(f, 200);
	}
	assert_int_equal(feed(f, event), 0);
	assert_told(f, "*a ");
	ends(f, -ECONNRESET, 200);
	asked(f, "&resourceVersion=11");
}

static void a_hanging_watch_is_given_up(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	/* no bookmark for so long: dead, though nothing says so */
	assert_int_equal(kube_informer_due(f->inf), f->now + 100000);
	f->now += 60000;
	sent(f, BOOKMARK("11"));
	assert_int_equal(kube_informer_due(f->inf), f->now + 100000);
	for (int i = 0; i < 20 && kube_informer_due(f->inf) == f->now + 100000; i++) {
		f->now += 60000;
		assert_int_equal(feed(f, BOOKMARK("12")), 0);
	}
	/* nor does one go on for ever that says something, but not its end */
	assert_in_range(kube_informer_due(f->inf), 1000000 + 330000, 1000000 + 630000);
	f->now = kube_informer_due(f->inf);
	ends(f, -ETIMEDOUT, 200);
	asked(f, "&resourceVersion=12");
	assert_int_equal(kube_informer_due(f->inf), f->now + 60000); /* to answer at all */
	ends(f, -ETIMEDOUT, 0);
	asked(f, "&resourceVersion=12");
}

static void watches_that_end_as_soon_as_they_began_are_no_storm(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	for (int i = 0; i < 3; i++) {
		sent(f, BOOKMARK("11"));
		ends(f, 0, 200);
		assert_true(kube_informer_due(f->inf) >= f->now + 125);
		asked(f, "&resourceVersion=11");
	}
}

static void what_goes_on_after_a_failure_is_compared_as_a_whole(void **state)
{
	struct fixture *f = *state;

	sync_by_stream(f);
	ends(f, -ECONNRESET, 200);
	asked(f, "&resourceVersion=10"); /* maybe of a server that was restored from a backup: */
	starts(f, 200);
	assert_in_range(kube_informer_due(f->inf), f->now + 15000, f->now + 45000);
	f->now += 2000;
	sent(f, EVENT("ADDED", S("c", "11"))); /* it says something, but not that b is no more */
	assert_true(kube_informer_in_step(f->inf, f->now));
	assert_told(f, "+c ");
	f->now = kube_informer_due(f->inf);
	ends(f, -ETIMEDOUT, 200);
	assert_int_equal(kube_informer_due(f->inf), f->now);
	assert_int_equal(kube_informer_failures(f->inf), 0); /* nobody need be told */
	asked(f, STREAM);
	assert_set(f, "a b c");
	sent(f, EVENT("ADDED", S("a", "1")) EVENT("ADDED", S("c", "11")) INITIAL_END("12"));
	assert_told(f, "-b ");
	assert_int_equal(kube_informer_due(f->inf), f->now + 100000);
}

static void delays_grow_to_a_bound_and_differ(void **state)
{
	struct fixture *f = *state;
	uint64_t sum = 0;

	for (unsigned int i = 1; i <= 20; i++) {
		uint64_t most = i > 8 ? 30000 : 250ull << (i - 1), before;

		most = most > 30000 ? 30000 : most;
		asked(f, STREAM);
		before = f->now;
		ends(f, -ECONNREFUSED, 0);
		assert_int_equal(kube_informer_failures(f->inf), i);
		uint64_t delay = kube_informer_due(f->inf) - before;
		assert_true(delay >= most / 2 && delay <= most);
		sum += delay;
	}
	assert_true(sum < 20 * 30000);
	asked(f, STREAM);
	sent(f, INITIAL_END("1"));
	assert_int_equal(kube_informer_failures(f->inf), 0);
}

static void retry_after_is_waited_for(void **state)
{
	static const struct {
		uint32_t said, least;
	} rows[] = { { 7, 7 }, { 4000000, 120 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct kube_informer_end end = { .code = -EAGAIN,
						       .status = 429,
						       .retry_after_s = rows[i].said };

		asked(f, STREAM);
		starts(f, 429);
		kube_informer_end(f->inf, &end, f->now);
		assert_int_equal(kube_informer_due(f->inf), f->now + rows[i].least * 1000);
	}
	kube_informer_hurry(f->inf, f->now + 1);
	assert_int_equal(kube_informer_due(f->inf), f->now + 1);
	asked(f, STREAM); /* it is busy: that says nothing of what it can do */
}

/* ---- A kind that not every server has --------------------------------------------------------- */

static void a_kind_that_the_server_lacks_is_none(void **state)
{
	static const struct kube_resource optional = {
		.kind = KUBE_SERVICE,
		.path = "/api/v1/services",
		.selector = "labelSelector=%21x",
		.optional = true,
	};
	struct fixture *f;

	teardown(state);
	assert_int_equal(setup_with(state, &optional), 0);
	f = *state;
	asked(f, STREAM);
	starts(f, 404);
	ends(f, -ENOENT, 404);
	assert_true(kube_informer_synced(f->inf) && kube_informer_in_step(f->inf, f->now));
	assert_int_equal(kube_informer_failures(f->inf), 0);
	assert_true(kube_informer_due(f->inf) >= f->now + 600000);
	sync_by_stream(f); /* after an upgrade it has */
	assert_int_equal(feed(f, EXPIRED), -ESTALE);
	ends(f, -ESTALE, 200);
	asked(f, STREAM);
	starts(f, 404);
	ends(f, -ENOENT, 404);
	assert_set(f, "a b"); /* but what was there does not go so */
}

static void a_kind_that_is_needed_is_asked_for_again(void **state)
{
	struct fixture *f = *state;

	asked(f, STREAM);
	starts(f, 404);
	ends(f, -ENOENT, 404);
	asked(f, "&limit=500");
	starts(f, 404);
	ends(f, -ENOENT, 404);
	assert_false(kube_informer_synced(f->inf));
	assert_int_equal(kube_informer_failures(f->inf), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_stream_is_nothing_until_it_is_whole),
		TEST(events_follow_on_the_same_stream_and_after_it),
		TEST(a_bookmark_moves_on_where_to_watch_from),
		TEST(what_says_the_same_is_no_change),
		TEST(a_stream_without_its_end_gives_way_to_a_list),
		TEST(a_server_without_streams_is_asked_for_lists),
		TEST(pages_are_one_list),
		TEST(a_list_that_expires_between_pages_comes_whole),
		TEST(a_list_cut_short_changes_nothing),
		TEST(what_is_no_list_is_none),
		TEST(after_410_what_is_gone_goes_and_what_is_the_same_stays),
		TEST(http_410_on_a_watch_lists_anew),
		TEST(a_version_nobody_knows_is_found_out),
		TEST(a_version_that_is_refused_is_dropped),
		TEST(a_cut_watch_goes_on_where_it_was),
		TEST(a_hanging_watch_is_given_up),
		TEST(watches_that_end_as_soon_as_they_began_are_no_storm),
		TEST(what_goes_on_after_a_failure_is_compared_as_a_whole),
		TEST(delays_grow_to_a_bound_and_differ),
		TEST(retry_after_is_waited_for),
		TEST(a_kind_that_the_server_lacks_is_none),
		TEST(a_kind_that_is_needed_is_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
