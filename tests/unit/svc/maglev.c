/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/maglev.h"

#include <arpa/inet.h>
#include <string.h>

#include "bpf/abi.h"
#include "core/cleanup.h"
#include "tests/unit/svc/make.h"

static struct weir_backend *backends(uint32_t n)
{
	struct weir_backend *list = calloc(n + 1, sizeof(*list));

	assert_non_null(list);
	for (uint32_t i = 0; i < n; i++)
		list[i] = (struct weir_backend){
			.addr.w = { 0, 0, htonl(0xffff), htonl(0x0a010000 + i) },
			.port = htons(8080),
			.proto = 6,
		};
	return list;
}

static uint16_t *fill(const struct weir_backend *list, uint32_t n, uint32_t size)
{
	uint16_t *entry = calloc(size, sizeof(*entry));

	assert_non_null(entry);
	assert_int_equal(maglev_fill(list, n, size, entry), 0);
	return entry;
}

static void sizes_are_primes_of_a_hundred_entries_each_and_end_somewhere(void **state)
{
	static const struct {
		uint32_t n, size;
	} rows[] = { { 0, 0 },	     { 1, 0 },	       { 2, 251 },     { 3, 509 },
		     { 5, 509 },     { 6, 1021 },      { 10, 1021 },   { 11, 2039 },
		     { 40, 4093 },   { 41, 8191 },     { 100, 16381 }, { 163, 16381 },
		     { 164, 16381 }, { 16381, 16381 }, { 16382, 0 },   { UINT32_MAX, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t size = maglev_size(rows[i].n);

		assert_int_equal(size, rows[i].size);
		for (uint32_t k = 2; k * k <= size; k++)
			assert_int_not_equal(size % k, 0);
	}
}

static void every_backend_has_its_share(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 4, 10, 100, 163 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t n = sizes[i], size = maglev_size(n), count[163] = {};
		cleanup(free_ptr) struct weir_backend *list = backends(n);
		cleanup(free_ptr) uint16_t *entry = fill(list, n, size);

		for (uint32_t k = 0; k < size; k++) {
			assert_true(entry[k] < n);
			count[entry[k]]++;
		}
		for (uint32_t k = 0; k < n; k++) /* turns are equal to one */
			assert_true(count[k] == size / n || count[k] == size / n + 1);
	}
}

static void more_backends_than_a_hundredth_are_all_there(void **state)
{
	uint32_t n = MAGLEV_MAX;
	cleanup(free_ptr) struct weir_backend *list = backends(n);
	cleanup(free_ptr) uint16_t *entry = fill(list, n, MAGLEV_MAX);
	cleanup(free_ptr) uint8_t *seen = calloc(n, 1);

	(void)state;
	for (uint32_t k = 0; k < n; k++)
		assert_int_equal(seen[entry[k]]++, 0);
}

/* Of 100 backends each in turn leaves: less than 2 % of the others' entries move. */
static void a_backend_that_leaves_moves_few_entries_of_the_others(void **state)
{
	const uint32_t n = 100, size = maglev_size(n);
	cleanup(free_ptr) struct weir_backend *list = backends(n);
	cleanup(free_ptr) uint16_t *before = fill(list, n, size);
	uint32_t worst = 0;

	(void)state;
	assert_int_equal(size, 16381);
	for (uint32_t gone = 0; gone < n; gone++) {
		cleanup(free_ptr) struct weir_backend *rest = backends(n);
		cleanup(free_ptr) uint16_t *after = NULL;
		uint32_t moved = 0;

		memmove(rest + gone, rest + gone + 1, (n - gone - 1) * sizeof(*rest));
		after = fill(rest, n - 1, size);
		for (uint32_t k = 0; k < size; k++)
			moved += before[k] != gone && after[k] + (after[k] >= gone) != before[k];
		worst = moved > worst ? moved : worst;
	}
	assert_true(worst * 100 < 2 * (size - size / n));
}

/* Names are the same everywhere: so are the tables. These were computed apart from this code. */
static void the_table_is_fixed_for_ever(void **state)
{
	cleanup(free_ptr) struct weir_backend *list = backends(3);
	cleanup(free_ptr) uint16_t *entry = fill(list, 3, 509), *other = NULL;
	uint32_t sum = 0;

	(void)state;
	for (uint32_t k = 0; k < 509; k++)
		sum = sum * 31 + entry[k];
	assert_int_equal(sum, 1936983292);
	list[1].gone = 1; /* no part of the name */
	other = fill(list, 3, 509);
	assert_memory_equal(entry, other, 509 * sizeof(*entry));
	list[1].port = htons(8081);
	free(other);
	other = fill(list, 3, 509);
	assert_memory_not_equal(entry, other, 509 * sizeof(*entry));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_primes_of_a_hundred_entries_each_and_end_somewhere),
		cmocka_unit_test(every_backend_has_its_share),
		cmocka_unit_test(more_backends_than_a_hundredth_are_all_there),
		cmocka_unit_test(a_backend_that_leaves_moves_few_entries_of_the_others),
		cmocka_unit_test(the_table_is_fixed_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
