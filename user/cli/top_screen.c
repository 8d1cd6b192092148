/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli/members.h"
#include "cli/top.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"

#define NS_PER_MS 1000000ULL
#define ENTER "\x1b[?1049h\x1b[?25l" /* the other screen, no cursor */
#define LEAVE "\x1b[?25h\x1b[?1049l"

static struct json *row_json(const struct top_row *row)
{
	struct json *o = json_new_object();
	const struct ledger_pod *who = &row->pod->known;

	member_name(o, "pod", who->namespace, who->name);
	member_text(o, "namespace", who->namespace);
	member_text(o, "name", who->name);
	member_text(o, "uid", who->uid);
	member_text(o, "lease", who->lease);
	json_set_u64(o, "cgroup_id", row->pod->cgroup_id);
	json_set_str(o, "cgroup", row->pod->pod.name);
	member_known(o, "cpu_millicores", row->rate.has_cpu, row->rate.cpu_millis);
	member_known(o, "memory_bytes", row->pod->has_memory, row->pod->memory_bytes);
	member_known(o, "rx_bytes_per_second", row->rate.has_bytes, row->rate.rx_s);
	member_known(o, "tx_bytes_per_second", row->rate.has_bytes, row->rate.tx_s);
	return o;
}

int top_once(const struct top_options *opt, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *list = json_new_array();
	cleanup(pods_fini) struct pods before = {};
	cleanup(pods_fini) struct pods now = {};
	cleanup(free_ptr) struct top_row *rows = NULL;
	size_t n = 0;
	int rc = list ? pods_read(opt->source, &before, err) : -ENOMEM;

	if (rc == 0)
		(void)poll(NULL, 0, (int)opt->every_ms);
	if (rc == 0)
		rc = pods_read(opt->source, &now, err);
	if (rc == 0)
		rc = top_rows(&before, &now, opt->by, &rows, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = json_add(list, row_json(&rows[i]));
	if (rc == 0)
		*ret = take_ptr(list);
	return rc;
}

/* The terminal while it is ours. */
struct screen {
	struct termios was;
	sigset_t mask_was;
	int signals; /* signalfd */
	bool entered;
};

static int put(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static void screen_leave(struct screen *s)
{
	if (s->entered) {
		(void)put(LEAVE, sizeof(LEAVE) - 1);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->was);
		sigprocmask(SIG_SETMASK, &s->mask_was, NULL);
	}
	close_fd(&s->signals);
}

static int screen_enter(struct screen *s, struct err *err)
{
	struct termios raw;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGWINCH);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	if (tcgetattr(STDIN_FILENO, &s->was) < 0)
		return err_errno(err, -errno, "the terminal");
	s->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0 || sigprocmask(SIG_BLOCK, &mask, &s->mask_was) < 0)
		return err_errno(err, -errno, "signals");
	s->entered = true;
	raw = s->was;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) < 0)
		return err_errno(err, -errno, "the terminal");
	return put(ENTER, sizeof(ENTER) - 1);
}

static void measure(struct top_view *v)
{
	struct winsize size = {};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	v->lines = size.ws_row;
	v->columns = size.ws_col;
}

struct top {
	const struct top_options *opt;
	struct screen screen;
	struct top_view view;
	struct pods before, now;
	uint64_t next_ns; /* when to look again */
	size_t n; /* rows shown last */
	char keys[64];
	size_t nkeys;
};

/* A walk that is the same as before tells nothing new of CPU: the older reading is kept for it. */
static int look(struct top *t, struct err *err)
{
	struct pods fresh = {};
	int rc = pods_read(t->opt->source, &fresh, err);

	if (rc < 0)
		return rc;
	if (fresh.walked_ns != t->now.walked_ns) {
		pods_fini(&t->before);
		t->before = t->now;
	} else {
		pods_fini(&t->now);
	}
	t->now = fresh;
	t->next_ns = clock_boot_ns() + t->opt->every_ms * NS_PER_MS;
	return 0;
}

static int draw(struct top *t)
{
	cleanup(buf_fini) struct buf frame = BUF_INIT(1 << 20);
	cleanup(free_ptr) struct top_row *rows = NULL;
	int rc = top_rows(&t->before, &t->now, t->view.by, &rows, &t->n);

	if (rc == 0)
		rc = top_frame(&t->view, rows, t->n, &frame);
	return rc < 0 ? rc : put(frame.data, frame.len);
}

/* False: the end was asked for. */
static bool press_all(struct top *t)
{
	size_t at = 0, len = 1;

	while (at < t->nkeys) {
		unsigned int press = top_key_read(t->keys + at, t->nkeys - at, &len);

		if (len == 0)
			break;
		if (!top_press(&t->view, press, t->n))
			return false;
		at += len;
	}
	memmove(t->keys, t->keys + at, t->nkeys - at);
	t->nkeys -= at;
	return true;
}

/* 1: goes on; 0: the end; -errno. */
static int read_keys(struct top *t)
{
	ssize_t n = read(STDIN_FILENO, t->keys + t->nkeys, sizeof(t->keys) - t->nkeys);

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (n == 0)
		return 0;
	t->nkeys += (size_t)n;
	if (!press_all(t))
		return 0;
	if (t->nkeys == sizeof(t->keys)) /* no key is so long */
		t->nkeys = 0;
	return 1;
}

static int read_signals(struct top *t)
{
	struct signalfd_siginfo info;

	while (read(t->screen.signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGWINCH)
			return 0;
	measure(&t->view);
	return 1;
}

static int wait_ms(const struct top *t)
{
	uint64_t now = clock_boot_ns();

	return t->next_ns > now ? (int)((t->next_ns - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

static int turn(struct top *t, struct err *err)
{
	struct pollfd on[] = { { .fd = STDIN_FILENO, .events = POLLIN },
			       { .fd = t->screen.signals, .events = POLLIN } };
	int rc = poll(on, ARRAY_LEN(on), wait_ms(t));

	if (rc < 0)
		return errno == EINTR ? 1 : -errno;
	if (rc == 0)
		rc = look(t, err) < 0 ? err->code : 1;
	else
		rc = 1;
	if (rc > 0 && on[0].revents)
		rc = read_keys(t);
	if (rc > 0 && on[1].revents)
		rc = read_signals(t);
	if (rc > 0)
		rc = draw(t) < 0 ? -EIO : 1;
	return rc;
}

int top_screen(const struct top_options *opt, struct err *err)
{
	struct top t = { .opt = opt, .screen = { .signals = -1 } };
	int rc;

	t.view = (struct top_view){ .by = opt->by, .every_ms = opt->every_ms };
	measure(&t.view);
	rc = look(&t, err);
	if (rc == 0)
		rc = screen_enter(&t.screen, err);
	if (rc == 0)
		rc = draw(&t) < 0 ? -EIO : 1;
	while (rc > 0)
		rc = turn(&t, err);
	screen_leave(&t.screen);
	pods_fini(&t.before);
	pods_fini(&t.now);
	return rc;
}
