/* SPDX-License-Identifier: Apache-2.0 */
/* UDP through the real hooks: unconnected and connected, both families, both directions. */
#include <errno.h>
#include <sys/socket.h>

#include "bpf/bed.h"
#include "core/cleanup.h"

struct family {
	const char *local, *vip, *vip2;
	uint32_t id;
};
static const struct family v4 = { "127.0.0.1", "10.96.1.10", "10.96.1.11", 20 };
static const struct family v6 = { "::1", "fd10:96::1:10", "fd10:96::1:11", 30 };

static void send_to(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr(addr, port, &sa);

	assert_int_equal(sendto(fd, "ping", 4, 0, (struct sockaddr *)&sa, len), 4);
}

static void answer_from(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char data[16], want[80];

	snprintf(want, sizeof(want), "%s %u", addr, port);
	assert_int_equal(recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len), 4);
	assert_string_equal(bed_text(&from), want);
}

static int client(const struct family *f)
{
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr(f->local, 0, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

static void talk(struct bed *b, const struct family *f)
{
	cleanup(close_fd) int s = -1, s2 = -1, fd = -1, con = -1;
	uint16_t port, port2;

	s = bed_listen(f->local, SOCK_DGRAM, &port);
	s2 = bed_listen(f->local, SOCK_DGRAM, &port2);
	bed_service(b, f->id, f->vip, 53, IPPROTO_UDP, &port, 1, f->local);
	bed_service(b, f->id + 1, f->vip2, 53, IPPROTO_UDP, &port2, 1, f->local);

	/* one unconnected socket, two Services and a plain peer, answers in another order */
	fd = client(f);
	send_to(fd, f->vip, 53);
	send_to(fd, f->vip2, 53);
	bed_echo(s2);
	answer_from(fd, f->vip2, 53);
	bed_echo(s);
	answer_from(fd, f->vip, 53);

	con = bed_connect(f->vip, 53, SOCK_DGRAM);
	assert_true(con >= 0);
	assert_int_equal(send(con, "ping", 4, 0), 4);
	bed_echo(s);
	answer_from(con, f->vip, 53);
}

static void datagrams_go_to_the_backend_and_answers_come_from_the_service(void **state)
{
	struct bed *b = bed_of(state);

	talk(b, &v4);
	talk(b, &v6);
}

static void a_peer_that_is_no_service_is_shown_as_it_is(void **state)
{
	cleanup(close_fd) int s = -1, fd = -1;
	uint16_t port;

	bed_of(state);
	s = bed_listen("127.0.0.1", SOCK_DGRAM, &port);
	fd = client(&v4);
	send_to(fd, "127.0.0.1", port);
	bed_echo(s);
	answer_from(fd, "127.0.0.1", port);
}

static void a_datagram_to_a_service_without_endpoints_is_refused_at_once(void **state)
{
	struct weir_svc none = { .id = 40, .gen = 40 };
	struct weir_vip vip = bed_vip("10.96.1.40", 53, IPPROTO_UDP);
	struct bed *b = bed_of(state);
	cleanup(close_fd) int fd = client(&v4);
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr("10.96.1.40", 53, &sa);

	assert_int_equal(dp_frontend_put(b->dp, &vip, &none, NULL), 0);
	assert_int_equal(sendto(fd, "ping", 4, 0, (struct sockaddr *)&sa, len), -1);
	assert_int_equal(errno, ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_go_to_the_backend_and_answers_come_from_the_service),
		cmocka_unit_test(a_peer_that_is_no_service_is_shown_as_it_is),
		cmocka_unit_test(a_datagram_to_a_service_without_endpoints_is_refused_at_once),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
