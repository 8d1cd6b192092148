/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

static int open_error(const struct fixture *f, bool read_only, struct err *err)
{
	struct ledger *l = NULL;
	int r = read_only ? ledger_open_ro(f->path, &l, err) : ledger_open(f->path, &l, err);

	ledger_close(&l);
	return r;
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;
	struct err err = {};

	ledger_close(&f->l);
	assert_int_equal(raw_exec(f, "PRAGMA user_version = 7"), SQLITE_OK);
	assert_int_equal(open_error(f, false, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, f->path));
	assert_non_null(strstr(err.text, "schema 7"));
	assert_int_equal(open_error(f, true, &err), -EPROTONOSUPPORT);
	assert_int_equal(raw_number(f, "PRAGMA user_version"), 7);
	assert_int_equal(raw_exec(f, "PRAGMA user_version = 6"), SQLITE_OK);
	must(ledger_open(f->path, &f->l, &why));
}

static void an_older_schema_is_not_migrated_by_a_reader(void **state)
{
	struct fixture *f = *state;
	struct err err = {};

	ledger_close(&f->l);
	assert_int_equal(raw_exec(f, "PRAGMA user_version = 0"), SQLITE_OK);
	assert_int_equal(open_error(f, true, &err), -ESTALE);
	assert_int_equal(raw_number(f, "PRAGMA user_version"), 0);
}

static void a_migration_is_all_or_nothing(void **state)
{
	struct fixture *f = *state;

	ledger_close(&f->l);
	/* A file on which version 1 fails at a late statement. */
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(raw_exec(f, "PRAGMA application_id = 0x57656972;"
				     "CREATE TABLE settlements (x)"),
			 SQLITE_OK);
	assert_true(open_error(f, false, NULL) < 0);
	assert_int_equal(raw_number(f, "SELECT count(*) FROM sqlite_schema"), 1);
	assert_int_equal(raw_number(f, "PRAGMA user_version"), 0);
	assert_int_equal(raw_exec(f, "DROP TABLE settlements"), SQLITE_OK);
	must(ledger_open(f->path, &f->l, &why));
	must(ledger_check(f->l, &why));
}

static void another_programs_database_is_left_alone(void **state)
{
	struct fixture *f = *state;
	cleanup(close_file) FILE *file = NULL;
	unsigned char header[20];
	struct err err = {};

	ledger_close(&f->l);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(raw_exec(f, "CREATE TABLE theirs (x)"), SQLITE_OK);
	assert_int_equal(open_error(f, false, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "another program"));
	assert_int_equal(open_error(f, true, &err), -EBADMSG);
	assert_int_equal(raw_number(f, "SELECT count(*) FROM sqlite_schema"), 1);
	file = fopen(f->path, "re");
	assert_non_null(file);
	assert_int_equal(fread(header, 1, sizeof(header), file), sizeof(header));
	assert_int_equal(header[18], 1); /* not even turned to WAL, which is 2 */
}

static void opening_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t cookie = raw_number(f, "PRAGMA schema_version");

	fixture_reopen(f);
	assert_int_equal(raw_number(f, "PRAGMA schema_version"), cookie);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(a_newer_schema_is_refused_and_left_alone),
		ON_LEDGER(an_older_schema_is_not_migrated_by_a_reader),
		ON_LEDGER(a_migration_is_all_or_nothing),
		ON_LEDGER(another_programs_database_is_left_alone),
		ON_LEDGER(opening_again_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
