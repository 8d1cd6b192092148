/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ledger/db.h"
#include "unit/ledger/fixture.h"

static unsigned int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void a_new_ledger_is_private_and_has_every_setting(void **state)
{
	struct fixture *f = *state;
	char name[128];
	uint64_t v = 0;

	assert_int_equal(mode_of(f->path), 0600);
	snprintf(name, sizeof(name), "%s/state", f->dir);
	assert_int_equal(mode_of(name), 0700);
	snprintf(name, sizeof(name), "%s-wal", f->path);
	assert_int_equal(mode_of(name), 0600);
	snprintf(name, sizeof(name), "%s.lock", f->path);
	assert_int_equal(mode_of(name), 0600);
	must(db_number(f->l, "PRAGMA synchronous", &v, &why));
	assert_int_equal(v, 2); /* FULL */
	must(db_number(f->l, "PRAGMA foreign_keys", &v, &why));
	assert_int_equal(v, 1);
	must(db_number(f->l, "PRAGMA user_version", &v, &why));
	assert_int_equal(v, 6);
	must(db_number(f->l,
		       "SELECT count(*) FROM pragma_table_list WHERE schema = 'main'"
		       " AND type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict",
		       &v, &why));
	assert_int_equal(v, 0);
	must(ledger_check(f->l, &why));
}

static void an_open_mode_is_corrected(void **state)
{
	struct fixture *f = *state;

	ledger_close(&f->l);
	assert_int_equal(chmod(f->path, 0644), 0);
	must(ledger_open(f->path, &f->l, &why));
	assert_int_equal(mode_of(f->path), 0600);
}

static void a_folder_that_others_can_write_is_refused(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = NULL;
	struct err err = {};
	char dir[96];

	ledger_close(&f->l);
	snprintf(dir, sizeof(dir), "%s/state", f->dir);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(ledger_open(f->path, &l, &err), -EACCES);
	assert_null(l);
	assert_non_null(strstr(err.text, dir));
}

static void a_link_in_place_of_the_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = NULL;
	char name[128];

	snprintf(name, sizeof(name), "%s/state/other.db", f->dir);
	assert_int_equal(symlink(f->path, name), 0);
	assert_int_equal(ledger_open(name, &l, NULL), -EACCES);
	assert_int_equal(ledger_open("ledger.db", &l, NULL), -EINVAL);
	assert_int_equal(ledger_open("/tmp/", &l, NULL), -EINVAL);
	assert_null(l);
}

static void a_second_writer_is_refused_and_a_reader_not(void **state)
{
	struct fixture *f = *state;
	cleanup(ledger_close) struct ledger *second = NULL;
	cleanup(ledger_close) struct ledger *reader = NULL;
	struct err err = {};

	assert_int_equal(ledger_open(f->path, &second, &err), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(err.text, f->path));
	must(ledger_open_ro(f->path, &reader, &why));
	ledger_close(&f->l);
	must(ledger_open(f->path, &second, &why));
}

static void meta_is_set_got_and_changed(void **state)
{
	struct fixture *f = *state;
	struct ledger_tx tx = {};
	char v[16] = "untouched", big[LEDGER_META_MAX + 1];

	assert_int_equal(ledger_meta_get(f->l, "k", v, sizeof(v), NULL), -ENOENT);
	assert_string_equal(v, "untouched");
	for (int i = 0; i < 2; i++) {
		must(ledger_begin(f->l, &tx, &why));
		must(ledger_meta_set(&tx, "k", i ? "one" : "zero", &why));
		must(ledger_commit(&tx, &why));
		must(ledger_meta_get(f->l, "k", v, sizeof(v), &why));
		assert_string_equal(v, i ? "one" : "zero");
	}
	assert_int_equal(ledger_meta_get(f->l, "k", v, 3, NULL), -ENAMETOOLONG);
	memset(big, 'x', sizeof(big));
	big[LEDGER_META_MAX] = '\0';
	must(ledger_begin(f->l, &tx, &why));
	assert_int_equal(ledger_meta_set(&tx, "k", big, NULL), -E2BIG);
	ledger_rollback(&tx);
	fixture_reopen(f);
	must(ledger_meta_get(f->l, "k", v, sizeof(v), &why));
	assert_string_equal(v, "one");
}

static void what_is_rolled_back_was_never_there(void **state)
{
	struct fixture *f = *state;
	char v[16];

	{
		cleanup(ledger_rollback) struct ledger_tx tx = {};

		must(ledger_begin(f->l, &tx, &why));
		must(ledger_meta_set(&tx, "k", "v", &why));
		must(ledger_meta_get(f->l, "k", v, sizeof(v), &why)); /* seen inside */
	}
	assert_int_equal(ledger_meta_get(f->l, "k", v, sizeof(v), NULL), -ENOENT);
}

static void a_failed_write_dooms_its_transaction(void **state)
{
	struct fixture *f = *state;
	struct ledger_tx tx = {};
	struct err err = {};
	uint64_t window = 4711;
	char v[16];

	must(ledger_begin(f->l, &tx, &why));
	must(ledger_meta_set(&tx, "k", "v", &why));
	assert_int_equal(ledger_window_append(&tx, 5, 5, &window, NULL), -EINVAL);
	assert_int_equal(window, 4711);
	assert_int_equal(ledger_meta_set(&tx, "k", "w", NULL), -ECANCELED);
	assert_int_equal(ledger_commit(&tx, &err), -ECANCELED);
	assert_int_equal(ledger_meta_get(f->l, "k", v, sizeof(v), NULL), -ENOENT);
	must(ledger_begin(f->l, &tx, &why)); /* and the handle goes on */
	must(ledger_commit(&tx, &why));
}

static void transactions_do_not_nest_and_writes_need_one(void **state)
{
	struct fixture *f = *state;
	struct ledger_tx tx = {}, second = {};
	uint64_t window;

	assert_int_equal(ledger_window_append(&tx, 0, 1, &window, NULL), -EINVAL);
	tx = (struct ledger_tx){};
	assert_int_equal(ledger_commit(&tx, NULL), -EINVAL);
	must(ledger_begin(f->l, &tx, &why));
	assert_int_equal(ledger_begin(f->l, &second, NULL), -EINVAL);
	assert_null(second.ledger);
	must(ledger_commit(&tx, &why));
	assert_int_equal(ledger_commit(&tx, NULL), -EINVAL);
}

static void a_reader_sees_commits_and_keeps_its_snapshot(void **state)
{
	struct fixture *f = *state;
	cleanup(ledger_close) struct ledger *ro = NULL;
	struct ledger_pod pod = pod_make(1, "a", "b", "");
	struct usage u = reading(1);
	struct ledger_tx snapshot = {};
	struct ledger_window w;

	must(ledger_open_ro(f->path, &ro, &why));
	assert_int_equal(ledger_window_last(ro, &w, NULL), -ENOENT);
	window_with(f, 0, 10, &pod, &u);
	must(ledger_window_last(ro, &w, &why));
	assert_int_equal(w.to_ms, 10);
	must(ledger_begin(ro, &snapshot, &why));
	must(ledger_window_last(ro, &w, &why));
	u = reading(2);
	window_with(f, 10, 20, &pod, &u);
	must(ledger_window_last(ro, &w, &why));
	assert_int_equal(w.to_ms, 10);
	assert_int_equal(ledger_meta_set(&snapshot, "k", "v", NULL), -EROFS);
	ledger_rollback(&snapshot);
	must(ledger_window_last(ro, &w, &why));
	assert_int_equal(w.to_ms, 20);
}

static void nothing_there_is_said_to_a_reader(void **state)
{
	struct fixture *f = *state;
	struct ledger *ro = NULL;
	struct err err = {};
	char name[128];
	int fd;

	snprintf(name, sizeof(name), "%s/none.db", f->dir);
	assert_int_equal(ledger_open_ro(name, &ro, &err), -ENOENT);
	assert_non_null(strstr(err.text, name));
	assert_int_equal(access(name, F_OK), -1); /* and it made nothing */
	fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); /* the agent died right there */
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(ledger_open_ro(name, &ro, &err), -ESTALE);
	assert_null(ro);
	must(ledger_open(name, &ro, &why));
	ledger_close(&ro);
}

/* The agent, killed: no clean-up of SQLite's runs, the WAL holds what was committed. */
static void killed_writer(const struct fixture *f)
{
	struct ledger *l = NULL;
	struct ledger_tx tx = {};

	if (ledger_open(f->path, &l, NULL) == 0 && ledger_begin(l, &tx, NULL) == 0 &&
	    ledger_meta_set(&tx, "k", "committed", NULL) == 0 && ledger_commit(&tx, NULL) == 0 &&
	    ledger_begin(l, &tx, NULL) == 0 && ledger_meta_set(&tx, "k", "lost", NULL) == 0)
		raise(SIGKILL);
	_exit(1);
}

static void a_reader_works_after_the_writer_was_killed(void **state)
{
	struct fixture *f = *state;
	cleanup(ledger_close) struct ledger *ro = NULL;
	char v[16], name[128];
	struct stat st;
	int status;

	ledger_close(&f->l);
	for (int without_shm = 0; without_shm < 2; without_shm++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			killed_writer(f);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		snprintf(name, sizeof(name), "%s-wal", f->path);
		assert_int_equal(stat(name, &st), 0);
		assert_true(st.st_size > 0);
		snprintf(name, sizeof(name), "%s-shm", f->path);
		if (without_shm) /* as after a power loss */
			assert_int_equal(unlink(name), 0);
		must(ledger_open_ro(f->path, &ro, &why));
		must(ledger_meta_get(ro, "k", v, sizeof(v), &why));
		assert_string_equal(v, "committed");
		must(ledger_check(ro, &why));
		ledger_close(&ro);
	}
	must(ledger_open(f->path, &f->l, &why));
	must(ledger_meta_get(f->l, "k", v, sizeof(v), &why));
	assert_string_equal(v, "committed");
	must(ledger_open_ro(f->path, &ro, &why)); /* and beside a living writer */
	must(ledger_meta_get(ro, "k", v, sizeof(v), &why));
}

static void a_reader_works_after_a_clean_end(void **state)
{
	struct fixture *f = *state;
	cleanup(ledger_close) struct ledger *ro = NULL;
	char name[128];

	ledger_close(&f->l);
	snprintf(name, sizeof(name), "%s-wal", f->path);
	assert_int_equal(access(name, F_OK), -1); /* the writer folded the WAL in */
	must(ledger_open_ro(f->path, &ro, &why));
	must(ledger_check(ro, &why));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(a_new_ledger_is_private_and_has_every_setting),
		ON_LEDGER(an_open_mode_is_corrected),
		ON_LEDGER(a_folder_that_others_can_write_is_refused),
		ON_LEDGER(a_link_in_place_of_the_file_is_refused),
		ON_LEDGER(a_second_writer_is_refused_and_a_reader_not),
		ON_LEDGER(meta_is_set_got_and_changed),
		ON_LEDGER(what_is_rolled_back_was_never_there),
		ON_LEDGER(a_failed_write_dooms_its_transaction),
		ON_LEDGER(transactions_do_not_nest_and_writes_need_one),
		ON_LEDGER(a_reader_sees_commits_and_keeps_its_snapshot),
		ON_LEDGER(nothing_there_is_said_to_a_reader),
		ON_LEDGER(a_reader_works_after_the_writer_was_killed),
		ON_LEDGER(a_reader_works_after_a_clean_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
