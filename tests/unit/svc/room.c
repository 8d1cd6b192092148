/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/room.h"

#include "core/cleanup.h"
#include "tests/unit/svc/make.h"

#define NOW 1000u

/* Room beside one frontend in use, in the middle of the slots, and one resting slot behind it. */
struct fixture {
	struct svc_idle *idle;
	struct weir_slot *slots;
	struct weir_ring *ring;
	struct dp_frontend frontend;
	struct dp_backend backend;
	struct weir_range range;
	struct svc_actual actual;
	struct svc_room room;
};

#define USED_FIRST (WEIR_MAX_SLOTS / 2)
#define USED_COUNT 10u
#define RING_USED (4u * SVC_RING_BLOCK) /* two blocks */
#define RING_RESTING (2u * SVC_RING_BLOCK) /* one, that an earlier process wrote */

static struct fixture *fixture(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->slots = calloc(WEIR_MAX_SLOTS, sizeof(*f->slots));
	assert_non_null(f->slots);
	f->ring = calloc(WEIR_MAX_RING, sizeof(*f->ring));
	assert_non_null(f->ring);
	assert_int_equal(svc_idle_new(SVC_GRACE_MS, &f->idle), 0);
	f->frontend.svc = (struct weir_svc){ .id = 5,
					     .gen = 5,
					     .first = USED_FIRST,
					     .count = USED_COUNT,
					     .ring = 509,
					     .ring_first = RING_USED };
	f->ring[RING_RESTING + SVC_RING_BLOCK - 1].at[3] = 1;
	f->backend = (struct dp_backend){ .id = 2, .be = { .proto = 6 } };
	for (uint32_t i = 0; i < USED_COUNT; i++)
		f->slots[USED_FIRST + i] = (struct weir_slot){ .backend = 2, .gen = 5 };
	f->slots[USED_FIRST + USED_COUNT].gen = 9;
	f->range = (struct weir_range){ .svc = 11 };
	f->actual = (struct svc_actual){ .frontends = &f->frontend,
					 .n_frontends = 1,
					 .backends = &f->backend,
					 .n_backends = 1,
					 .ranges = &f->range,
					 .n_ranges = 1,
					 .slots = f->slots,
					 .ring = f->ring };
	svc_idle_observe(f->idle, &f->actual, NOW);
	assert_int_equal(svc_room_init(&f->room, &f->actual, f->idle, NOW), 0);
	return f;
}

static void fixture_free(struct fixture **f)
{
	svc_room_fini(&(*f)->room);
	svc_idle_free(&(*f)->idle);
	free((*f)->slots);
	free((*f)->ring);
	free(*f);
}

static void runs_never_meet_what_is_taken_or_rests(void **state)
{
	cleanup(fixture_free) struct fixture *f = fixture();
	cleanup(free_ptr) uint8_t *given = calloc(WEIR_MAX_SLOTS, 1);
	size_t total = 0;
	uint32_t first;

	(void)state;
	for (uint32_t i = 0; i <= USED_COUNT; i++)
		given[USED_FIRST + i] = 1;
	/* In turn large and small, so that the large ones leave gaps for going round. */
	for (uint32_t n = 1; n < 60000; n = n * 2 + 1)
		for (int k = 0; k < 4; k++) {
			if (!svc_room_slots(&f->room, k % 2 ? 3 : n, &first))
				continue;
			for (uint32_t i = 0; i < (k % 2 ? 3 : n); i++) {
				assert_true(first + i < WEIR_MAX_SLOTS);
				assert_int_equal(given[first + i]++, 0);
				total++;
			}
		}
	while (svc_room_slots(&f->room, 1, &first)) {
		assert_int_equal(given[first]++, 0);
		total++;
	}
	assert_int_equal(total, WEIR_MAX_SLOTS - USED_COUNT - 1); /* all, to the last */
}

static void a_run_too_long_is_refused_and_shorter_ones_are_not(void **state)
{
	cleanup(fixture_free) struct fixture *f = fixture();
	uint32_t first = 7;

	(void)state;
	assert_false(svc_room_slots(&f->room, WEIR_MAX_SLOTS / 2 + 1, &first));
	assert_false(svc_room_slots(&f->room, WEIR_MAX_SLOTS, &first));
	assert_int_equal(first, 7);
	assert_true(svc_room_slots(&f->room, WEIR_MAX_SLOTS / 2, &first));
	assert_int_equal(first, 0);
	assert_false(svc_room_slots(&f->room, WEIR_MAX_SLOTS / 2, &first));
	assert_true(svc_room_slots(&f->room, 1, &first));
	assert_int_equal(first, USED_FIRST + USED_COUNT + 1); /* behind the resting one */
}

static void tables_get_whole_blocks_of_the_ring_that_neither_are_used_nor_rest(void **state)
{
	cleanup(fixture_free) struct fixture *f = fixture();
	uint8_t given[SVC_RING_BLOCKS] = { [2] = 1, [4] = 1, [5] = 1 };
	uint32_t total = 3, first = 0;

	(void)state;
	assert_true(svc_room_ring(&f->room, 509, &first)); /* two */
	assert_int_equal(first, 0);
	given[0] = given[1] = 1;
	total += 2;
	assert_true(svc_room_ring(&f->room, 1021, &first)); /* four */
	assert_int_equal(first, 6 * SVC_RING_BLOCK);
	memset(given + 6, 1, 4);
	total += 4;
	while (svc_room_ring(&f->room, 251, &first)) {
		assert_int_equal(first % SVC_RING_BLOCK, 0);
		assert_int_equal(given[first / SVC_RING_BLOCK]++, 0);
		total++;
	}
	assert_int_equal(total, SVC_RING_BLOCKS);
	assert_false(svc_room_ring(&f->room, 16381, &first));
}

static void backend_ids_are_the_lowest_free_to_the_last(void **state)
{
	cleanup(fixture_free) struct fixture *f = fixture();
	uint32_t last = 0;

	(void)state;
	assert_int_equal(f->room.n_backends, WEIR_MAX_BACKENDS - 2); /* 0 is none, 2 is taken */
	while (f->room.n_backends) {
		uint32_t id = svc_room_backend(&f->room);

		assert_int_equal(id, last == 1 ? 3 : last + 1);
		last = id;
	}
	assert_int_equal(last, WEIR_MAX_BACKENDS - 1);
}

static void generations_rise_above_all_that_are_carried(void **state)
{
	cleanup(fixture_free) struct fixture *f = fixture();
	uint32_t gen;

	(void)state;
	assert_int_equal(svc_room_gen(&f->room, &f->actual, &gen), 0);
	assert_int_equal(gen, 12); /* above the resting slot's, too, and a range's */
	assert_int_equal(svc_room_gen(&f->room, &f->actual, &gen), 0);
	assert_int_equal(gen, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_never_meet_what_is_taken_or_rests),
		cmocka_unit_test(a_run_too_long_is_refused_and_shorter_ones_are_not),
		cmocka_unit_test(
			tables_get_whole_blocks_of_the_ring_that_neither_are_used_nor_rest),
		cmocka_unit_test(backend_ids_are_the_lowest_free_to_the_last),
		cmocka_unit_test(generations_rise_above_all_that_are_carried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
