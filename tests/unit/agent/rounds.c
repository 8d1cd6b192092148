/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/rounds.h"

#include "k8s/set.h"
#include "unit/k8s/sample.h"

#define START_MS 1795000000000
#define S_NS 1000000000ULL

static int setup(void **state)
{
	const struct rounds_now now = { .ms = START_MS, .ns = S_NS };
	struct rounds *r = calloc(1, sizeof(*r));

	rounds_init(r, &now);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rounds_fini(*state);
	free(*state);
	return 0;
}

static struct rounds_now after(uint64_t s)
{
	return (struct rounds_now){ .ms = START_MS + 1000 * s, .ns = S_NS * (1 + s) };
}

static uint64_t counted(const struct histogram *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= h->n; i++)
		n += h->counts[i];
	return n;
}

static const struct kube_touched one_slice = { .slices = 1 };

static void fresh_is_who_has_nothing_that_waits_for_a_minute(void **state)
{
	struct rounds *r = *state;
	struct rounds_now now = after(1000);

	assert_true(rounds_fresh(r, now.ns)); /* nothing came yet */
	rounds_queued(r, NULL, &one_slice, &now);
	now = after(1059);
	rounds_ended(r, now.ns, false, &now);
	rounds_queued(r, NULL, &one_slice, &now); /* the first one counts */
	assert_true(rounds_fresh(r, now.ns));
	now = after(1060);
	assert_false(rounds_fresh(r, now.ns));
	rounds_ended(r, now.ns, true, &now);
	assert_true(rounds_fresh(r, now.ns));
	assert_true(rounds_fresh(r, after(100000).ns));
}

static void what_waits_is_counted_until_a_round_succeeds(void **state)
{
	static const struct kube_touched more = { .services = 2, .slices = 3, .more = true };
	struct rounds *r = *state;
	struct rounds_now now = after(5);

	rounds_queued(r, NULL, &more, &now);
	rounds_ended(r, now.ns - 3 * S_NS, false, &now);
	rounds_queued(r, NULL, &one_slice, &now);
	assert_int_equal(r->services.total, 2);
	assert_int_equal(r->services.pending, 2);
	assert_int_equal(r->slices.pending, 4);
	assert_int_equal(r->queued_ms, now.ms);
	assert_int_equal(r->synced_ms, 0);
	assert_int_equal(r->failed_ms, now.ms);
	now = after(6);
	rounds_ended(r, now.ns - S_NS, true, &now);
	assert_int_equal(r->services.total, 2);
	assert_int_equal(r->slices.total, 4);
	assert_int_equal(r->services.pending + r->slices.pending, 0);
	assert_int_equal(r->synced_ms, now.ms);
	assert_int_equal(r->failed_ms, 0);
	assert_int_equal(r->took.sum_ns, 4 * S_NS);
	assert_int_equal(counted(&r->took), 2);
}

#define SLICE(name, type, addr, labels, time)                                               \
	"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{" \
	"\"name\":\"" name "\",\"namespace\":\"demo\",\"labels\":{" labels "},"             \
	"\"annotations\":{\"endpoints.kubernetes.io/last-change-trigger-time\":\"" time     \
	"\"}},\"addressType\":\"" type "\",\"endpoints\":[{\"addresses\":[\"" addr          \
	"\"]}],\"ports\":[{\"port\":80}]}"
#define OF_WEB "\"kubernetes.io/service-name\":\"web\""
#define V4(name, time) SLICE(name, "IPv4", "10.0.0.1", OF_WEB, time)
#define V6(name, time) SLICE(name, "IPv6", "fd00::1", OF_WEB, time)

static struct kube_set *set_of(const char *const *texts)
{
	struct kube_set *set = NULL;

	assert_int_equal(kube_set_new(&set), 0);
	for (; *texts; texts++) {
		cleanup(kube_object_free) struct kube_object *obj = sample_object(*texts);

		assert_int_equal(kube_set_put(set, obj), 0);
	}
	return set;
}

#define SET(...) set_of((const char *const[]){ __VA_ARGS__, NULL })

static void a_slices_time_is_measured_once(void **state)
{
	cleanup(kube_set_free) struct kube_set *set = NULL;
	struct rounds *r = *state;
	struct rounds_now now = after(12);
	const struct histogram *v4 = &r->programming[ROUNDS_V4];
	const struct kube_touched web = { .n = 1, .v = { { "demo", "web" } } };

	set = SET(V4("web-a", "2026-11-18T11:06:50Z"), V6("web-b", "2026-11-18T11:06:51.5Z"),
		  V4("old", "2026-11-18T11:06:40Z"), V4("bad", "yesterday"),
		  SLICE("loose", "IPv4", "10.0.0.1", "", "2026-11-18T11:06:50Z"));
	rounds_measure(r, set, &web, &now);
	assert_int_equal(counted(v4), 1);
	assert_int_equal(v4->sum_ns, 2 * S_NS);
	assert_int_equal(r->programming[ROUNDS_V6].sum_ns, S_NS / 2);
	now = after(20);
	rounds_measure(r, set, NULL, &now);
	rounds_measure(r, set, &web, &now);
	assert_int_equal(counted(v4), 1);
	kube_set_free(&set);

	set = SET(V4("web-a", "2026-11-18T11:06:55Z"));
	rounds_measure(r, set, NULL, &now);
	assert_int_equal(counted(v4), 2);
	assert_int_equal(v4->sum_ns, 7 * S_NS);
	assert_int_equal(counted(&r->programming[ROUNDS_V6]), 1);
}

/* So the memory is bounded by the slices there are; and one made anew is another. */
static void slices_that_went_are_forgotten(void **state)
{
	cleanup(kube_set_free) struct kube_set *some = NULL, *none = SET(NULL);
	struct rounds *r = *state;
	struct rounds_now now = after(12);

	some = SET(V4("web-a", "2026-11-18T11:06:50Z"));
	rounds_measure(r, some, NULL, &now);
	assert_non_null(r->seen);
	rounds_measure(r, none, NULL, &now);
	assert_null(r->seen);
}

static void a_time_in_the_future_took_none(void **state)
{
	cleanup(kube_set_free) struct kube_set *set = NULL;
	struct rounds *r = *state;
	struct rounds_now now = after(1);

	set = SET(V4("web-a", "2026-11-18T12:00:00Z"));
	rounds_measure(r, set, NULL, &now);
	assert_int_equal(r->programming[ROUNDS_V4].counts[0], 1);
	assert_int_equal(r->programming[ROUNDS_V4].sum_ns, 0);
}

static void the_classes_are_kube_proxys(void **state)
{
	const struct rounds *r = *state;
	const struct histogram *p = &r->programming[ROUNDS_V4];

	assert_int_equal(r->took.n, 15);
	for (size_t i = 0; i < r->took.n; i++)
		assert_int_equal(r->took.bounds[i], 1000000ULL << i);
	assert_int_equal(p->n, 81); /* 0, two halves, 59 seconds, 12 of 5 s, 7 of 30 s */
	assert_int_equal(p->bounds[0], 0);
	for (size_t i = 1; i < p->n; i++)
		assert_true(p->bounds[i] > p->bounds[i - 1]);
	assert_int_equal(p->bounds[3 + 58], 59 * S_NS);
	assert_int_equal(p->bounds[3 + 59 + 11], 115 * S_NS);
	assert_int_equal(p->bounds[80], 300 * S_NS);
}

#define ROUND(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUND(fresh_is_who_has_nothing_that_waits_for_a_minute),
		ROUND(what_waits_is_counted_until_a_round_succeeds),
		ROUND(a_slices_time_is_measured_once),
		ROUND(slices_that_went_are_forgotten),
		ROUND(a_time_in_the_future_took_none),
		ROUND(the_classes_are_kube_proxys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
