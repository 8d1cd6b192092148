/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/focus.h"

#include "unit/cli/books.h"

static int setup(void **state)
{
	struct key *key;

	if (run_setup(state) < 0)
		return -1;
	key = books_make(*state);
	key_free(&key);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, run_teardown)

/* The cell of a row (0: the first below the head) and column; texts here have no commas in quotes before it. */
static void cell(const struct run *f, size_t row, const char *column, char ret[256])
{
	const char *head = f->out, *line = f->out, *name = strstr(head, column);
	size_t commas = 0;

	assert_non_null(name);
	for (const char *c = head; c < name; c++)
		commas += *c == ',';
	for (size_t i = 0; i <= row; i++) {
		line = strchr(line, '\n');
		assert_non_null(line);
		line++;
	}
	while (commas--) {
		line = strchr(line, ',');
		assert_non_null(line);
		line++;
	}
	snprintf(ret, 256, "%.*s", (int)strcspn(line, ",\n"), line);
}

static void assert_cell(const struct run *f, size_t row, const char *column, const char *want)
{
	char got[256];

	cell(f, row, column, got);
	if (strcmp(got, want) != 0)
		fail_msg("%s of row %zu is '%s', not '%s'", column, row, got, want);
}

static size_t lines(const struct run *f)
{
	size_t n = 0;

	for (const char *c = f->out; *c; c++)
		n += *c == '\n';
	return n;
}

/* Two windows of a second of CPU each at 1,000 MIST. */
static void a_row_is_one_pods_use_of_one_thing_in_one_receipt(void **state)
{
	struct run *f = *state;

	run_ok(f, "usage", "export", "--format", "focus");
	assert_int_equal(lines(f), 3);
	assert_cell(f, 0, "BilledCost", "0.000001");
	assert_cell(f, 1, "BilledCost", "0.000001");
	assert_cell(f, 0, "BillingCurrency", "SUI");
	assert_cell(f, 0, "ChargeCategory", "Usage");
	assert_cell(f, 0, "ChargePeriodStart", "2026-11-20T20:00:00Z");
	assert_cell(f, 0, "ChargePeriodEnd", "2026-11-20T20:01:00Z");
	assert_cell(f, 0, "BillingPeriodStart", "2026-11-01T00:00:00Z");
	assert_cell(f, 0, "BillingPeriodEnd", "2026-12-01T00:00:00Z");
	assert_cell(f, 0, "ConsumedQuantity", "1000000000");
	assert_cell(f, 0, "ConsumedUnit", "Core-Nanoseconds");
	assert_cell(f, 0, "PricingQuantity", "1");
	assert_cell(f, 0, "PricingUnit", "Core-Seconds");
	assert_cell(f, 0, "ListUnitPrice", "0.000001");
	assert_cell(f, 0, "ResourceName", "shop/web");
	assert_cell(f, 0, "ResourceId", BOOKS_BOOT "/42");
	assert_cell(f, 0, "ServiceCategory", "Compute");
	assert_cell(f, 0, "SkuPriceId", "gold/cpu");
	assert_cell(f, 0, "SubAccountName", "gold");
	assert_cell(f, 0, "InvoiceId", "");
	assert_cell(f, 1, "x_ReceiptSeq", "2");
	assert_cell(f, 0, "BillingAccountId",
		    "0x0300000000000000000000000000000000000000000000000000000000000000");
}

static void a_window_and_a_lease_choose_rows(void **state)
{
	struct run *f = *state;

	run_ok(f, "usage", "export", "--format", "focus", "--window", "1795204860,1795204920");
	assert_int_equal(lines(f), 2);
	assert_cell(f, 0, "x_ReceiptSeq", "2");
	run_ok(f, "usage", "export", "--format", "focus", "--lease", "silver");
	assert_int_equal(lines(f), 1);
}

static void what_does_not_go_with_it_is_refused(void **state)
{
	struct run *f = *state;

	assert_int_equal(run(f, "usage", "export", "--format", "focus", "--by", "pod"), 2);
	assert_non_null(strstr(f->err, "--by and --pod don't go with it"));
	assert_int_equal(run(f, "usage", "export", "--format", "xml"), 2);
	assert_non_null(strstr(f->err, "not one of json, csv, focus"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_is_one_pods_use_of_one_thing_in_one_receipt),
		TEST(a_window_and_a_lease_choose_rows),
		TEST(what_does_not_go_with_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
