/* SPDX-License-Identifier: Apache-2.0 */
/* connect() and getpeername() through the real hooks, with real sockets on loopback. */
#include <errno.h>
#include <sys/socket.h>

#include "bpf/bed.h"
#include "core/cleanup.h"

#define VIP4 "10.96.0.10"
#define VIP6 "fd10:96::10"

static void peer_is(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char want[80];

	snprintf(want, sizeof(want), "%s %u", addr, port);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&sa, &len), 0);
	assert_string_equal(bed_text(&sa), want);
}

static void answered_by(int listener, const char *vip, int type)
{
	cleanup(close_fd) int fd = bed_connect(vip, 80, type), peer = -1;

	assert_true(fd >= 0);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	peer_is(fd, vip, 80);
}

static void a_dial_reaches_the_backend_and_shows_the_service(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s4 = -1, s6 = -1;
	uint16_t p4, p6;

	s4 = bed_listen("127.0.0.1", SOCK_STREAM, &p4);
	s6 = bed_listen("::1", SOCK_STREAM, &p6);
	bed_service(b, 1, VIP4, 80, IPPROTO_TCP, &p4, 1, "127.0.0.1");
	bed_service(b, 2, VIP6, 80, IPPROTO_TCP, &p6, 1, "::1");
	answered_by(s4, VIP4, SOCK_STREAM);
	answered_by(s6, VIP6, SOCK_STREAM);
}

static void an_ipv6_socket_reaches_an_ipv4_service_by_its_mapped_address(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1, fd = -1, peer = -1;
	uint16_t port;

	s = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	bed_service(b, 3, VIP4, 81, IPPROTO_TCP, &port, 1, "127.0.0.1");
	fd = bed_connect("::ffff:" VIP4, 81, SOCK_STREAM);
	assert_true(fd >= 0);
	peer = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	peer_is(fd, "::ffff:" VIP4, 81);
}

static void the_protocol_is_part_of_the_address(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1, udp = -1;
	uint16_t port;

	s = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	bed_service(b, 4, VIP4, 82, IPPROTO_TCP, &port, 1, "127.0.0.1");
	udp = bed_connect(VIP4, 82, SOCK_DGRAM);
	assert_int_equal(udp, -ENETUNREACH); /* untranslated: this namespace has no way out */
}

static void every_backend_gets_its_share(void **state)
{
	struct bed *b = bed_of(state);
	int s[4], n[4] = {};
	uint16_t port[4];

	for (int i = 0; i < 4; i++)
		s[i] = bed_listen("127.0.0.1", SOCK_STREAM | SOCK_NONBLOCK, &port[i]);
	bed_service(b, 5, VIP4, 83, IPPROTO_TCP, port, 4, "127.0.0.1");
	for (int i = 0; i < 400; i++) {
		cleanup(close_fd) int fd = bed_connect(VIP4, 83, SOCK_STREAM);

		assert_true(fd >= 0);
		for (int k = 0; k < 4; k++) {
			cleanup(close_fd) int peer = accept4(s[k], NULL, NULL, SOCK_CLOEXEC);

			n[k] += peer >= 0;
		}
	}
	/* 400 draws of 1 in 4: under 60 has a chance of less than one in a million */
	for (int k = 0; k < 4; k++) {
		assert_in_range(n[k], 60, 140);
		close_fd(&s[k]);
	}
	assert_int_equal(n[0] + n[1] + n[2] + n[3], 400);
}

static void refusals_have_the_errno_that_clients_retry(void **state)
{
	struct weir_svc none = { .id = 6, .gen = 6 };
	struct weir_vip vip = bed_vip(VIP4, 84, IPPROTO_TCP);
	struct bed *b = bed_of(state);
	uint64_t before = bed_reason(b, WEIR_REASON_NO_ENDPOINT);

	assert_int_equal(dp_frontend_put(b->dp, &vip, &none, NULL), 0);
	assert_int_equal(bed_connect(VIP4, 84, SOCK_STREAM), -ECONNREFUSED);
	assert_int_equal(bed_reason(b, WEIR_REASON_NO_ENDPOINT), before + 1);

	none.flags = WEIR_SVC_DROP;
	before = bed_reason(b, WEIR_REASON_POLICY_LOCAL);
	assert_int_equal(dp_frontend_put(b->dp, &vip, &none, NULL), 0);
	assert_int_equal(bed_connect(VIP4, 84, SOCK_STREAM), -EHOSTUNREACH);
	assert_int_equal(bed_reason(b, WEIR_REASON_POLICY_LOCAL), before + 1);
}

static void an_unused_service_address_is_refused_and_others_are_left_alone(void **state)
{
	struct bed *b = bed_of(state);
	struct weir_vip net = bed_vip("10.97.0.0", 0, 0);
	struct dp_class c = { .prefix = { .bits = 112, .addr = net.addr },
			      .class = WEIR_CLASS_SERVICE };

	assert_int_equal(dp_class_put(b->dp, &c, NULL), 0);
	assert_int_equal(bed_connect("10.97.3.4", 80, SOCK_STREAM), -ECONNREFUSED);
	assert_int_equal(dp_class_del(b->dp, &c.prefix, NULL), 0);
	assert_int_equal(bed_connect("10.97.3.4", 80, SOCK_STREAM), -ENETUNREACH);
}

/* A slot of another generation is what a reader of an old value meets. */
static void a_stale_slot_is_never_followed(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1;
	uint64_t lost = bed_reason(b, WEIR_REASON_SLOT_LOST);
	uint16_t port;

	s = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	bed_service(b, 7, VIP4, 85, IPPROTO_TCP, &port, 1, "127.0.0.1");
	dp_slot_put(b->dp, 7 * 16, (struct weir_slot){ .backend = 7 * 16, .gen = 8 });
	assert_int_equal(bed_connect(VIP4, 85, SOCK_STREAM), -ECONNREFUSED);
	assert_int_equal(bed_reason(b, WEIR_REASON_SLOT_LOST), lost + 1);
	dp_slot_put(b->dp, 7 * 16, (struct weir_slot){ .backend = 7 * 16, .gen = 7 });
	assert_int_equal(dp_backend_del(b->dp, 7 * 16, NULL), 0);
	assert_int_equal(bed_connect(VIP4, 85, SOCK_STREAM), -ECONNREFUSED);
	assert_int_equal(bed_reason(b, WEIR_REASON_SLOT_LOST), lost + 2);
}

/* connect(VIP), dissolve, connect(elsewhere): the record of the first dial is stale. */
static void a_reused_socket_shows_its_real_peer(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1, other = -1, fd = -1;
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	uint16_t port, port2;
	socklen_t len;

	s = bed_listen("127.0.0.1", SOCK_DGRAM, &port);
	other = bed_listen("127.0.0.1", SOCK_DGRAM, &port2);
	bed_service(b, 8, VIP4, 86, IPPROTO_UDP, &port, 1, "127.0.0.1");
	fd = bed_connect(VIP4, 86, SOCK_DGRAM);
	assert_true(fd >= 0);
	peer_is(fd, VIP4, 86);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa.ss_family)), 0);
	len = bed_sockaddr("127.0.0.1", port2, &sa);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	peer_is(fd, "127.0.0.1", port2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dial_reaches_the_backend_and_shows_the_service),
		cmocka_unit_test(an_ipv6_socket_reaches_an_ipv4_service_by_its_mapped_address),
		cmocka_unit_test(the_protocol_is_part_of_the_address),
		cmocka_unit_test(every_backend_gets_its_share),
		cmocka_unit_test(refusals_have_the_errno_that_clients_retry),
		cmocka_unit_test(an_unused_service_address_is_refused_and_others_are_left_alone),
		cmocka_unit_test(a_stale_slot_is_never_followed),
		cmocka_unit_test(a_reused_socket_shows_its_real_peer),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
