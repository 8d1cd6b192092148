/* SPDX-License-Identifier: Apache-2.0 */
/* SIGKILL at any instruction: a child writes whole windows as the agent does, and is killed 20
 * times: after a random number of its commits, and a random spin into the next ones. */
#include <signal.h>
#include <sys/wait.h>

#include "core/crypto.h"
#include "unit/ledger/fixture.h"

#define KILLS 20
#define PODS 12

/* One window: every pod's reading, a receipt for what it used, and the receipt's settlement. */
static int write_window(struct ledger *l, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_window last = {};
	struct ledger_lease lease;
	struct ledger_receipt receipt;
	struct ledger_settlement due = { .lease = "gold", .amount = 7 };
	uint64_t window = 0, id;
	int r = ledger_window_last(l, &last, NULL);

	r = r == -ENOENT ? 0 : r;
	if (r == 0)
		r = ledger_begin(l, &tx, err);
	if (r == 0)
		r = ledger_window_append(&tx, last.to_ms, last.to_ms + 1000, &window, err);
	for (uint64_t i = 0; r == 0 && i < PODS; i++) {
		struct ledger_pod pod = pod_make(i, "shop", "web", "gold");
		struct usage u = reading(window * (i + 1)), delta;

		r = ledger_pod_put(&tx, &pod, &id, err);
		if (r == 0)
			r = ledger_usage_record(&tx, id, &u, &delta, err);
	}
	if (r == 0)
		r = ledger_lease_get(l, "gold", &lease, err);
	if (r < 0)
		return r;
	receipt = receipt_make("gold", lease.seq + 1, window);
	due.seq = receipt.seq;
	r = ledger_receipt_put(&tx, &receipt, err);
	if (r == 0)
		r = ledger_settlement_put(&tx, &due, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

/* Says a byte on fd after each commit, for ever. */
static void writer(const char *path, int fd)
{
	struct err err = {};
	struct ledger *l = NULL;
	int r = ledger_open(path, &l, &err);

	while (r == 0) {
		r = write_window(l, &err);
		if (r == 0 && write(fd, "c", 1) != 1)
			r = -EIO;
	}
	fprintf(stderr, "writer: %d %s\n", r, err.text);
	_exit(1);
}

static uint32_t random_below(uint32_t n)
{
	uint32_t v;

	random_bytes(&v, sizeof(v));
	return v % n;
}

/* Returns the commits that the child told of before it died. */
static uint64_t run_and_kill(const struct fixture *f)
{
	uint32_t commits = 1 + random_below(150), spin = random_below(5000000);
	uint64_t told = 0;
	int fds[2], status;
	char bytes[64];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		writer(f->path, fds[1]);
	}
	close(fds[1]);
	while (told < commits && (n = read(fds[0], bytes, 1)) == 1)
		told++;
	assert_int_equal(told, commits);
	for (volatile uint32_t i = 0; i < spin; i++)
		;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while ((n = read(fds[0], bytes, sizeof(bytes))) > 0)
		told += (uint64_t)n;
	close(fds[0]);
	return told;
}

struct sums {
	uint64_t pods, parts;
};

/* By hand, beside ledger_check(): a pod's deltas sum up to the last reading the writer gave. */
static int sum_is_reading(const struct ledger_usage_row *row, void *arg)
{
	struct sums *sums = arg;
	struct usage want = reading(row->parts * (row->cgroup_id + 1));

	assert_usage(&row->usage, &want);
	sums->pods++;
	sums->parts += row->parts;
	return 0;
}

static int seq_is_next(const struct ledger_receipt *r, void *arg)
{
	uint64_t *seq = arg;

	assert_int_equal(r->seq, ++*seq);
	assert_int_equal(r->window, *seq);
	return 0;
}

static int settlement_is_next(const struct ledger_settlement *s, void *arg)
{
	uint64_t *seq = arg;

	assert_int_equal(s->seq, ++*seq);
	assert_int_equal(s->state, LEDGER_SETTLE_DUE);
	return 0;
}

/* A window is there entirely or not at all; returns how many are. */
static uint64_t windows_whole(struct ledger *l)
{
	const struct ledger_query by_pod = { .by = LEDGER_BY_POD };
	uint64_t receipts = 0, settlements = 0;
	struct ledger_window last;
	struct sums sums = {};

	must(ledger_check(l, &why));
	must(ledger_window_last(l, &last, &why));
	assert_int_equal(last.to_ms, last.id * 1000);
	must(ledger_usage_query(l, &by_pod, sum_is_reading, &sums, &why));
	assert_int_equal(sums.pods, PODS);
	assert_int_equal(sums.parts, PODS * last.id);
	must(ledger_receipt_list(l, "gold", 0, seq_is_next, &receipts, &why));
	assert_int_equal(receipts, last.id);
	must(ledger_settlement_list(l, "gold", 0, settlement_is_next, &settlements, &why));
	assert_int_equal(settlements, last.id);
	return last.id;
}

static void nothing_is_lost_torn_or_doubled_by_sigkill(void **state)
{
	struct fixture *f = *state;
	struct ledger_lease lease = lease_make("gold");
	uint64_t windows = 0, unseen = 0;
	struct ledger_tx tx = {};

	must(ledger_begin(f->l, &tx, &why));
	must(ledger_lease_put(&tx, &lease, &why));
	must(ledger_commit(&tx, &why));
	ledger_close(&f->l);
	for (int i = 0; i < KILLS; i++) {
		uint64_t told = run_and_kill(f), now;

		/* The command line first, on what the dead agent left; then the next agent. */
		must(ledger_open_ro(f->path, &f->l, &why));
		now = windows_whole(f->l);
		ledger_close(&f->l);
		/* What was told is there; one more may be, killed between commit and telling. */
		assert_in_range(now, windows + told, windows + told + 1);
		unseen += now - windows - told;
		must(ledger_open(f->path, &f->l, &why));
		assert_int_equal(windows_whole(f->l), now);
		ledger_close(&f->l);
		windows = now;
	}
	print_message("%d kills, %d windows, %d committed but not told\n", KILLS, (int)windows,
		      (int)unseen);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_LEDGER(nothing_is_lost_torn_or_doubled_by_sigkill),
	};

	return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
