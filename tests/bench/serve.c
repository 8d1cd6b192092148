/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve PORT: the peer of load.c, at all addresses of its network namespace. Gives back what it gets, until
 * the client ends; a connection that begins with more than one request brings bulk, which is swallowed.
 * Prints "up" when it listens.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bench/tool.h"
#include "core/cleanup.h"

#define REQUEST 64
#define MAX_FD 65536
#define EVENTS 64
#define BACKLOG 4096

enum state { FRESH, ASKING, BULK };

static uint8_t states[MAX_FD]; /* by descriptor */
static char block[256 << 10];

static int listener(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	must(fd >= 0, "socket");
	must(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	must(!bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, BACKLOG), "listen");
	return fd;
}

static void watch(int loop, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	must(!epoll_ctl(loop, EPOLL_CTL_ADD, fd, &ev), "epoll");
}

static void accept_all(int loop, int from)
{
	int fd, one = 1;

	while ((fd = accept4(from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		must(fd < MAX_FD, "too many connections");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		states[fd] = FRESH;
		watch(loop, fd);
	}
}

/* What a client that is gone already does not take is its own loss. */
static void answer(int fd)
{
	ssize_t n = recv(fd, block, sizeof(block), 0);

	if (n <= 0) {
		if (!n || errno != EAGAIN)
			close_fd(&fd);
		return;
	}
	if (states[fd] == FRESH)
		states[fd] = n > REQUEST ? BULK : ASKING;
	if (states[fd] == ASKING && send(fd, block, (size_t)n, MSG_NOSIGNAL) != n)
		close_fd(&fd);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int loop = epoll_create1(EPOLL_CLOEXEC), from;

	must(loop >= 0, "epoll");
	if (argc != 2)
		return 2;
	from = listener((uint16_t)number(argv[1], UINT16_MAX));
	watch(loop, from);
	puts("up");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(loop, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == from)
				accept_all(loop, from);
			else
				answer(events[i].data.fd);
		}
	}
}
