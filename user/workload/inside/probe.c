/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/inside/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "workload/inside/inside.h"

static bool parse_port(const char *text, in_port_t *ret)
{
	unsigned int port = 0;

	for (; *text >= '0' && *text <= '9' && port <= UINT16_MAX; text++)
		port = 10 * port + (unsigned int)(*text - '0');
	*ret = htons((uint16_t)port);
	return *text == '\0' && port > 0 && port <= UINT16_MAX;
}

/* An address that others reach it by; loopback when it has none. */
static struct in_addr own_address(void)
{
	struct in_addr found = { htonl(INADDR_LOOPBACK) };
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return found;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_in sin;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    (i->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP)
			continue;
		memcpy(&sin, i->ifa_addr, sizeof(sin));
		found = sin.sin_addr;
		break;
	}
	freeifaddrs(all);
	return found;
}

static void set_address(struct inside_probe *p, const char *host, in_port_t port)
{
	struct in6_addr in6;

	if (inet_pton(AF_INET6, host, &in6) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&in6)) {
		p->to.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
						   .sin6_port = port,
						   .sin6_addr = in6 };
		return;
	}
	p->to.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
	if (inet_pton(AF_INET, host, &p->to.in.sin_addr) != 1 ||
	    p->to.in.sin_addr.s_addr == htonl(INADDR_ANY))
		p->to.in.sin_addr = own_address();
}

bool probe_init(struct inside_probe *p, const char *what, const char *host, const char *port)
{
	static const char http[] = "http:";
	in_port_t number;

	*p = (struct inside_probe){ .fd = -1 };
	if (strcmp(what, "none") == 0) {
		p->ready = true;
		return true;
	}
	p->on = true;
	p->http = strncmp(what, http, strlen(http)) == 0;
	p->path = p->http ? what + strlen(http) : NULL;
	if ((!p->http && strcmp(what, "tcp") != 0) || !parse_port(port, &number))
		return false;
	set_address(p, host, number);
	return true;
}

static bool decided(struct inside_probe *p, uint64_t now_ms, bool well)
{
	bool before = p->ready;

	close(p->fd);
	p->fd = -1;
	p->failures = well ? 0 : p->failures + 1;
	if (well || p->failures >= INSIDE_FAILURES)
		p->ready = well;
	p->was_ready |= p->ready;
	p->at_ms = now_ms + (p->failures > 0 && p->failures < INSIDE_SOON ? INSIDE_SOON_MS :
									    INSIDE_EVERY_MS);
	return p->ready != before;
}

static bool begin(struct inside_probe *p, uint64_t now_ms)
{
	p->fd = socket(p->to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	p->asked = false;
	p->len = 0;
	p->at_ms = now_ms + INSIDE_PATIENCE_MS;
	if (p->fd >= 0 && (connect(p->fd, &p->to.any, sizeof(p->to)) == 0 || errno == EINPROGRESS))
		return false;
	return decided(p, now_ms, false);
}

static bool ask(struct inside_probe *p)
{
	char text[1024];
	int n = snprintf(
		text, sizeof(text),
		"GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: weir\r\nConnection: close\r\n\r\n",
		p->path);

	p->asked = true;
	return n > 0 && (size_t)n < sizeof(text) &&
	       send(p->fd, text, (size_t)n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* 1 when all that matters is there, 0 when more may come, -1 when not. */
static int hear(struct inside_probe *p)
{
	size_t room = sizeof(p->answer) - 1 - p->len;
	ssize_t n = recv(p->fd, p->answer + p->len, room, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	p->len += (size_t)n;
	return (size_t)n == room;
}

static bool is_well(const char *answer)
{
	return strncmp(answer, "HTTP/1.", 7) == 0 && answer[8] == ' ' &&
	       (answer[9] == '2' || answer[9] == '3');
}

static bool is_connected(const struct inside_probe *p)
{
	int code = 0;
	socklen_t len = sizeof(code);

	return getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 && code == 0;
}

bool probe_step(struct inside_probe *p, uint64_t now_ms, short revents)
{
	if (!p->on)
		return false;
	if (p->fd < 0)
		return now_ms >= p->at_ms && begin(p, now_ms);
	if (now_ms >= p->at_ms && !revents)
		return decided(p, now_ms, false);
	if (!revents)
		return false;
	if (p->asked) {
		int r = hear(p);

		return r != 0 && decided(p, now_ms, r > 0 && is_well(p->answer));
	}
	bool connected = is_connected(p);

	if (p->http && connected)
		return !ask(p) && decided(p, now_ms, false);
	return decided(p, now_ms, connected);
}

short probe_events(const struct inside_probe *p)
{
	return (short)(p->fd < 0 ? 0 : p->asked ? POLLIN : POLLOUT);
}
