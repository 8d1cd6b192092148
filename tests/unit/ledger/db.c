/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when the disk, another process or the file itself is in the way. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ledger/db.h"
#include "unit/ledger/fixture.h"

/* Windows until one fails: its error. Each is a transaction of its own. */
static int fill(struct ledger *l, uint64_t max, struct err *err)
{
	struct ledger_window last = {};
	int r = 0;

	ledger_window_last(l, &last, NULL);
	for (uint64_t i = last.id; i < max && r == 0; i++) {
		cleanup(ledger_rollback) struct ledger_tx tx = {};
		struct ledger_pod pod = pod_make(i % 50, "shop", "web", "gold");
		struct usage u = reading(i);
		uint64_t id;

		r = ledger_begin(l, &tx, err);
		if (r == 0)
			r = ledger_window_append(&tx, i * 10, i * 10 + 10, &id, err);
		if (r == 0)
			r = ledger_pod_put(&tx, &pod, &id, err);
		if (r == 0)
			r = ledger_usage_record(&tx, id, &u, NULL, err);
		if (r == 0)
			r = ledger_commit(&tx, err);
	}
	return r;
}

static void a_full_database_loses_nothing_and_goes_on_with_room(void **state)
{
	struct fixture *f = *state;
	struct ledger_window before, after;
	struct err err = {};
	uint64_t pages = 0;
	char limit[64];

	must(fill(f->l, 10, &why));
	must(db_number(f->l, "PRAGMA page_count", &pages, &why));
	snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %" PRIu64, pages + 1);
	must(db_exec(f->l, limit, &why));
	assert_int_equal(fill(f->l, 100000, &err), -ENOSPC);
	assert_non_null(strstr(err.text, f->path));
	must(ledger_window_last(f->l, &before, &why));
	must(ledger_check(f->l, &why));
	must(db_exec(f->l, "PRAGMA max_page_count = 100000", &why));
	must(fill(f->l, before.id + 10, &why));
	must(ledger_window_last(f->l, &after, &why));
	assert_int_equal(after.id, before.id + 10);
	must(ledger_check(f->l, &why));
}

/* In a child with its own mount namespace: a real file system of 1 MiB, full and freed again. */
static int on_a_tiny_disk(const struct fixture *f)
{
	cleanup(ledger_close) struct ledger *l = NULL;
	struct ledger_window before, after;
	char dir[96], path[128], ballast[128];
	struct err err = {};
	int fd;

	snprintf(dir, sizeof(dir), "%s/tiny", f->dir);
	snprintf(path, sizeof(path), "%s/ledger.db", dir);
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(dir, 0700) < 0 || mount("tiny", dir, "tmpfs", 0, "size=1m,mode=0700") < 0)
		return 2;
	fd = open(ballast, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, 512 << 10) != 0)
		return 3;
	close(fd);
	if (ledger_open(path, &l, &err) < 0)
		return 4;
	if (fill(l, 100000, &err) != -ENOSPC)
		return 5;
	if (ledger_window_last(l, &before, NULL) < 0 || ledger_check(l, &err) < 0)
		return 6;
	if (fill(l, 100000, &err) != -ENOSPC) /* the same answer, as often as it is asked */
		return 7;
	if (unlink(ballast) < 0 || fill(l, before.id + 5, &err) < 0)
		return 8;
	ledger_close(&l);
	if (ledger_open(path, &l, &err) < 0 || ledger_check(l, &err) < 0)
		return 9;
	return ledger_window_last(l, &after, NULL) < 0 || after.id != before.id + 5 ? 10 : 0;
}

static void a_full_disk_loses_nothing_and_goes_on_with_room(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		print_message("needs root to mount a tmpfs\n");
		skip();
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		status = on_a_tiny_disk(f);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void another_writer_is_busy_and_not_waited_for_by_readers(void **state)
{
	struct fixture *f = *state;
	struct ledger_tx tx = {};
	struct ledger_window w;
	struct err err = {};
	sqlite3 *other = NULL;

	must(fill(f->l, 1, &why));
	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	must(db_exec(f->l, "PRAGMA busy_timeout = 0", &why));
	assert_int_equal(ledger_begin(f->l, &tx, &err), -EBUSY);
	assert_null(tx.ledger);
	assert_non_null(strstr(err.text, "try again"));
	must(ledger_window_last(f->l, &w, &why));
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	must(fill(f->l, 2, &why));
}

static void overwrite(const char *path, off_t at, size_t len)
{
	cleanup(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(pwrite(fd, "\x5a", 1, at + (off_t)i), 1);
}

static void a_file_that_is_no_database_says_so(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = NULL;
	struct err err = {};

	ledger_close(&f->l);
	overwrite(f->path, 0, 100);
	assert_int_equal(ledger_open(f->path, &l, &err), -EBADMSG);
	assert_non_null(strstr(err.text, f->path));
	assert_non_null(strstr(err.text, "restore a backup"));
	assert_int_equal(ledger_open_ro(f->path, &l, &err), -EBADMSG);
	assert_null(l);
}

static int ignore(const struct ledger_usage_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 0;
}

static void a_corrupt_page_is_found_by_use_and_by_check(void **state)
{
	struct fixture *f = *state;
	const struct ledger_query all = {};
	struct err err = {};
	int64_t page;

	must(fill(f->l, 500, &why));
	ledger_close(&f->l);
	page = raw_number(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'usage'");
	overwrite(f->path, (page - 1) * 4096, 4096);
	must(ledger_open(f->path, &f->l, &why));
	assert_int_equal(ledger_usage_query(f->l, &all, ignore, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, f->path));
	assert_int_equal(ledger_check(f->l, &err), -EBADMSG);
}

static void a_value_that_was_never_written_is_refused(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = { .id = 4711 };
	struct err err = {};
	char longer[2 * LEDGER_UID_MAX + 200];

	must(fill(f->l, 1, &why));
	snprintf(longer, sizeof(longer),
		 "DROP TRIGGER identities_no_update; UPDATE identities SET uid = '%0*d'",
		 LEDGER_UID_MAX, 0);
	assert_int_equal(raw_exec(f, longer), SQLITE_OK);
	assert_int_equal(ledger_pod_find(f->l, BOOT, 0, &pod, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "uid"));
	assert_int_equal(pod.id, 4711);
}

/* ---- A disk that fails to sync -------------------------------------------------------------- */

static bool sync_fails;
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods methods;
static sqlite3_vfs vfs, *real_vfs;

static int failing_sync(sqlite3_file *file, int flags)
{
	return sync_fails ? SQLITE_IOERR_FSYNC : real_methods->xSync(file, flags);
}

static int vfs_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *file, int flags, int *ret)
{
	int rc = real_vfs->xOpen(v, name, file, flags, ret);

	/* Only the WAL: the main database has other methods (for its mapping). */
	if (rc == SQLITE_OK && flags & SQLITE_OPEN_WAL) {
		real_methods = file->pMethods;
		methods = *real_methods;
		methods.xSync = failing_sync;
		file->pMethods = &methods;
	}
	return rc;
}

static void after_a_failed_sync_nothing_is_written_until_reopened(void **state)
{
	struct fixture *f = *state;
	struct ledger_tx tx = {};
	struct ledger_window w = {};
	struct err err = {};

	must(fill(f->l, 3, &why));
	ledger_close(&f->l);
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "failing";
	vfs.xOpen = vfs_open;
	assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
	must(ledger_open(f->path, &f->l, &why));
	must(fill(f->l, 4, &why));
	sync_fails = true;
	assert_int_equal(fill(f->l, 5, &err), -EIO);
	assert_non_null(strstr(err.text, f->path));
	sync_fails = false;
	assert_int_equal(ledger_begin(f->l, &tx, &err), -EIO); /* the disk is well again, but */
	ledger_close(&f->l);
	sqlite3_vfs_unregister(&vfs);
	must(ledger_open(f->path, &f->l, &why));
	must(ledger_check(f->l, &why));
	must(ledger_window_last(f->l, &w, &why));
	assert_true(w.id == 4 || w.id == 5); /* unknown means either, and consistent */
	must(fill(f->l, w.id + 1, &why));
}

/* Power loss keeps what was synced: count the syncs a commit makes. */
static unsigned int syncs;

static int counting_sync(sqlite3_file *file, int flags)
{
	syncs++;
	return real_methods->xSync(file, flags);
}

static int counting_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *file, int flags,
			 int *ret)
{
	int rc = vfs_open(v, name, file, flags, ret);

	if (rc == SQLITE_OK && flags & SQLITE_OPEN_WAL)
		methods.xSync = counting_sync;
	return rc;
}

static void every_commit_syncs_before_it_returns(void **state)
{
	struct fixture *f = *state;

	ledger_close(&f->l);
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "counting";
	vfs.xOpen = counting_open;
	assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
	must(ledger_open(f->path, &f->l, &why));
	must(fill(f->l, 1, &why));
	for (uint64_t i = 2; i < 10; i++) {
		unsigned int before = syncs;

		must(fill(f->l, i, &why));
		assert_int_equal(syncs, before + 1);
	}
	ledger_close(&f->l);
	sqlite3_vfs_unregister(&vfs);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(a_full_database_loses_nothing_and_goes_on_with_room),
		ON_LEDGER(a_full_disk_loses_nothing_and_goes_on_with_room),
		ON_LEDGER(another_writer_is_busy_and_not_waited_for_by_readers),
		ON_LEDGER(a_file_that_is_no_database_says_so),
		ON_LEDGER(a_corrupt_page_is_found_by_use_and_by_check),
		ON_LEDGER(a_value_that_was_never_written_is_refused),
		ON_LEDGER(after_a_failed_sync_nothing_is_written_until_reopened),
		ON_LEDGER(every_commit_syncs_before_it_returns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
