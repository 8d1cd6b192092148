/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One load from one process, timed where it is made; prints one JSON object of nanoseconds and counts. "cpu"
 * is what the process used for it: what the kernel does for a packet as it is sent is in it, what other
 * processes take is not.
 *
 *	load connect N ADDR:PORT...	TCP connect(), then a reset, so that nobody is left in TIME_WAIT
 *	load dial N ADDR:PORT...	UDP connect(): no packet, so what a hook costs is most of it
 *	load ask N ADDR:PORT...		TCP connect, request of 64 bytes, answer, orderly close
 *	load held N ADDR:PORT		N requests of 1 byte and their answers over one TCP connection
 *	load bulk MS ADDR:PORT		bytes through one TCP connection in MS ms, until the peer has them
 *	load flood FLOWS N ADDR:PORT	N datagrams of 64 bytes from FLOWS ports, which take turns
 *
 * Addresses take turns. The peer is serve.c. A load that does not get through within TIMEOUT_S fails.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench/tool.h"
#include "core/cleanup.h"

#define TIMEOUT_S 10
#define PAYLOAD 64
#define BATCH 32 /* datagrams in one call */
#define MAX_N 10000000
#define MAX_MS 60000
#define MAX_FLOWS 4096
#define BLOCK (128 << 10)

struct times {
	uint64_t *ns;
	size_t n;
};

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static struct sockaddr_in target(const char *text)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	const char *colon = strrchr(text, ':');
	char addr[INET_ADDRSTRLEN] = "";

	errno = EINVAL;
	must(colon && colon - text < INET_ADDRSTRLEN, text);
	memcpy(addr, text, (size_t)(colon - text));
	must(inet_pton(AF_INET, addr, &sa.sin_addr) == 1, text);
	sa.sin_port = htons((uint16_t)number(colon + 1, UINT16_MAX));
	return sa;
}

static int ns_cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct times times_of(uint32_t n)
{
	struct times t = { calloc(n, sizeof(*t.ns)), n };

	must(t.ns != NULL, "memory");
	return t;
}

/* "NAME":[p01,p50,p99] */
static void print_times(const char *name, struct times *t)
{
	qsort(t->ns, t->n, sizeof(*t->ns), ns_cmp);
	printf("\"%s\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", name, t->ns[t->n / 100],
	       t->ns[t->n / 2], t->ns[t->n * 99 / 100]);
	free(t->ns);
}

static int socket_of(int type)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	must(fd >= 0, "socket");
	must(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) &&
		     !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)),
	     "time limits");
	if (type == SOCK_STREAM)
		must(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
	return fd;
}

static void dial(int fd, const struct sockaddr_in *to)
{
	must(!connect(fd, (const struct sockaddr *)to, sizeof(*to)), "connect");
}

static void exchange(int fd, size_t len)
{
	char block[PAYLOAD] = {};

	must(send(fd, block, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
	must(recv(fd, block, len, MSG_WAITALL) == (ssize_t)len, "recv");
}

/* What to do with a connection; ends it. */
typedef void use_fn(int *fd);

static void use_reset(int *fd)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close_fd(fd);
}

/* The peer closes when it sees our end; then every packet of it still has its socket. */
static void end(int *fd)
{
	char byte;

	must(!shutdown(*fd, SHUT_WR) && recv(*fd, &byte, 1, 0) == 0, "close");
	close_fd(fd);
}

static void use_ask(int *fd)
{
	exchange(*fd, PAYLOAD);
	end(fd);
}

static void connections(int type, use_fn *use, int argc, char **argv)
{
	uint32_t n = number(argv[0], MAX_N), n_targets = (uint32_t)argc - 1;
	struct sockaddr_in *to = calloc(n_targets, sizeof(*to));
	struct times connected = times_of(n), whole = times_of(n);
	uint64_t cpu;

	must(to != NULL, "memory");
	for (uint32_t i = 0; i < n_targets; i++)
		to[i] = target(argv[i + 1]);
	cpu = cpu_ns();
	for (uint32_t i = 0; i < n; i++) {
		uint64_t began = now_ns(), dialled;
		int fd = socket_of(type);

		dialled = now_ns();
		dial(fd, &to[i % n_targets]);
		connected.ns[i] = now_ns() - dialled;
		use(&fd);
		whole.ns[i] = now_ns() - began;
	}
	printf("\"cpu\":%" PRIu64 ",", (cpu_ns() - cpu) / n);
	print_times("connect", &connected);
	putchar(',');
	print_times("whole", &whole);
	free(to);
}

static void run_connect(int argc, char **argv)
{
	connections(SOCK_STREAM, use_reset, argc, argv);
}

static void run_dial(int argc, char **argv)
{
	connections(SOCK_DGRAM, close_fd, argc, argv);
}

static void run_ask(int argc, char **argv)
{
	connections(SOCK_STREAM, use_ask, argc, argv);
}

static void run_held(int argc, char **argv)
{
	cleanup(close_fd) int fd = socket_of(SOCK_STREAM);
	struct sockaddr_in to = target(argv[1]);
	uint32_t n = number(argv[0], MAX_N);
	struct times t = times_of(n);

	(void)argc;
	dial(fd, &to);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t began = now_ns();

		exchange(fd, 1);
		t.ns[i] = now_ns() - began;
	}
	print_times("held", &t);
}

static void run_bulk(int argc, char **argv)
{
	static char block[BLOCK];
	struct sockaddr_in to = target(argv[1]);
	uint64_t ns = number(argv[0], MAX_MS) * 1000000ull;
	int fd = socket_of(SOCK_STREAM);
	uint64_t began, sent = 0;

	(void)argc;
	dial(fd, &to);
	began = now_ns();
	while (now_ns() - began < ns) {
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL);

		must(n > 0, "send");
		sent += (uint64_t)n;
	}
	end(&fd);
	printf("\"bytes\":%" PRIu64 ",\"ns\":%" PRIu64, sent, now_ns() - began);
}

static void send_batch(int fd, uint32_t n)
{
	static char payload[PAYLOAD];
	struct iovec iov = { payload, sizeof(payload) };
	struct mmsghdr batch[BATCH];

	for (uint32_t i = 0; i < n; i++)
		batch[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
	for (uint32_t sent = 0; sent < n;) {
		int r = sendmmsg(fd, batch + sent, n - sent, 0);

		must(r > 0, "sendmmsg");
		sent += (uint32_t)r;
	}
}

/* One datagram of each flow goes ahead, untimed: what is set up for a flow is no cost of a packet. */
static void run_flood(int argc, char **argv)
{
	uint32_t flows = number(argv[0], MAX_FLOWS), n = number(argv[1], MAX_N);
	struct sockaddr_in to = target(argv[2]);
	static int fd[MAX_FLOWS];
	uint64_t began, cpu;
	uint32_t sent = 0;

	(void)argc;
	for (uint32_t i = 0; i < flows; i++) {
		fd[i] = socket_of(SOCK_DGRAM);
		dial(fd[i], &to);
		send_batch(fd[i], 1);
	}
	cpu = cpu_ns();
	began = now_ns();
	for (uint32_t i = 0; sent < n; i = (i + 1) % flows) {
		uint32_t batch = n - sent < BATCH ? n - sent : BATCH;

		send_batch(fd[i], batch);
		sent += batch;
	}
	began = now_ns() - began;
	cpu = cpu_ns() - cpu;
	printf("\"sent\":%u,\"ahead\":%u,\"ns\":%" PRIu64 ",\"cpu\":%" PRIu64, sent, flows, began,
	       cpu / sent);
	for (uint32_t i = 0; i < flows; i++)
		close_fd(&fd[i]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int min_args;
		void (*run)(int argc, char **argv);
	} loads[] = {
		{ "connect", 2, run_connect }, { "dial", 2, run_dial }, { "ask", 2, run_ask },
		{ "held", 2, run_held },       { "bulk", 2, run_bulk }, { "flood", 3, run_flood },
	};

	for (size_t i = 0; argc > 2 && i < ARRAY_LEN(loads); i++) {
		if (strcmp(argv[1], loads[i].name) != 0 || argc - 2 < loads[i].min_args)
			continue;
		putchar('{');
		loads[i].run(argc - 2, argv + 2);
		puts("}");
		return 0;
	}
	return 2;
}
