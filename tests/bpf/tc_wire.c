/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that really come by a device and leave by one, with the node's own stack between: what a program
 * that is run alone does not meet. That is where they are redirected to, checksums that a device has yet
 * to complete (CHECKSUM_PARTIAL), merged segments, VLAN tags, frames too short to be run alone, and what
 * the stack sends in the name of a backend of the node itself.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include "bpf/node.h"
#include "core/cleanup.h"

#define PORT 80
#define TO_PORT 8080
#define CLIENT_PORT 4000
#define FAR_MTU 1400
#define WAIT_MS 10000

/* A frame, and what is said of it beside it. */
struct carried {
	struct virtio_net_hdr says;
	struct frame f;
};

static int wire[NODE_DEVS]; /* sockets at the other ends of the devices */

static int wire_open(const char *peer)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(peer) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	assert_true(fd >= 0 && at.sll_ifindex > 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int setup(void **state)
{
	if (node_setup(state))
		return -1;
	if (!*state)
		return 0; /* no bed: the tests skip */
	node_ip("neigh add 192.0.2.254 lladdr 02:00:00:00:01:00 dev out\n"
		"neigh add 2001:db8:2::fe lladdr 02:00:00:00:01:00 dev out\n"
		"neigh add 10.244.1.10 lladdr 02:00:00:00:01:01 dev pods\n"
		"neigh add fd10:244:1::10 lladdr 02:00:00:00:01:01 dev pods\n");
	wire[OUT] = wire_open("out-peer");
	wire[PODS] = wire_open("pods-peer");
	wire[FAR] = wire_open("far-peer");
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; *state && i < NODE_DEVS; i++)
		close_fd(&wire[i]);
	return node_teardown(state);
}

/* ---- The wire -------------------------------------------------------------------------------- */

static void send_by(enum node_dev dev, struct carried *c)
{
	struct iovec parts[2] = { { &c->says, sizeof(c->says) }, { c->f.data, c->f.len } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

	c->f.data[5] = (uint8_t)dev;
	assert_int_equal(sendmsg(wire[dev], &msg, 0), (ssize_t)(sizeof(c->says) + c->f.len));
}

/* Neighbours are looked for, and groups of IPv6 joined, at any time. */
static bool is_of_tests(const struct frame *f)
{
	uint16_t kind = (uint16_t)(f->data[12] << 8 | f->data[13]);

	if (f->data[0] == 0x33 && f->data[1] == 0x33)
		return false;
	return kind == ETH_P_IP ||
	       (kind == ETH_P_IPV6 &&
		!(f->data[FRAME_L3 + 6] == IPPROTO_ICMPV6 && f->data[FRAME_L3 + 40] > 128));
}

static struct carried receive_at(enum node_dev dev)
{
	struct pollfd p = { .fd = wire[dev], .events = POLLIN };
	struct carried c;
	struct iovec parts[2] = { { &c.says, sizeof(c.says) }, { c.f.data, sizeof(c.f.data) } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

	for (;;) {
		ssize_t n;

		if (poll(&p, 1, WAIT_MS) <= 0)
			fail_msg("nothing left the node");
		n = recvmsg(wire[dev], &msg, 0);
		assert_true(n > (ssize_t)sizeof(c.says));
		c.f.len = (size_t)n - sizeof(c.says);
		if (is_of_tests(&c.f))
			return c;
	}
}

/* As a device completes a checksum: over all from where it is told to the end. */
static void complete(struct carried *c)
{
	uint8_t *from = c->f.data + c->says.csum_start;
	uint16_t sum;

	if (!(c->says.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	sum = csum16(from, c->f.len - c->says.csum_start, 0);
	memcpy(from + c->says.csum_offset, &sum, sizeof(sum));
}

/* A packet; with its checksum left to the device, or not; in segments of this many bytes, or in one. */
static struct carried carried(const struct packet *p, bool partial, uint16_t segment)
{
	struct carried c = {};

	if (!partial) {
		frame_make(p, &c.f);
		return c;
	}
	c.says.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame_partial(p, &c.f, &c.says.csum_start, &c.says.csum_offset);
	if (segment) {
		c.says.gso_type =
			tuple_is_v6(&p->t) ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		c.says.gso_size = segment;
		c.says.hdr_len = (uint16_t)(c.f.len - p->len);
	}
	return c;
}

static void drain(void)
{
	uint8_t byte;

	for (int i = 0; i < NODE_DEVS; i++)
		while (recv(wire[i], &byte, 1, MSG_DONTWAIT | MSG_TRUNC) > 0)
			;
}

/* A Service of the client outside, and what it is asked. */
static struct packet asked(void **state, bool v6, uint8_t proto, const char *backend,
			   uint16_t to_port)
{
	const char *const *name = node_name[v6];

	node_of(state);
	drain();
	node_service(&(struct node_service){ .id = 1,
					     .vip = name[EXTERNAL],
					     .to = { backend },
					     .port = PORT,
					     .to_port = to_port,
					     .proto = proto });
	return (struct packet){ .t = tuple(proto, name[CLIENT], CLIENT_PORT, name[EXTERNAL], PORT),
				.flags = proto == IPPROTO_TCP ? SYN : 0,
				.len = 30 };
}

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

/* ---- Through the node ------------------------------------------------------------------------ */

static void assert_neighbour(const struct frame *f, uint8_t dev, uint8_t neighbour)
{
	const uint8_t want[12] = { 2, 0, 0, 0, neighbour, dev, 2, 0, 0, 0, 0, dev };

	assert_memory_equal(f->data, want, sizeof(want));
}

/* With checksums that are complete and such that are not. */
static void packets_leave_by_the_device_and_neighbour_of_their_way(void **state)
{
	for (int i = 0; i < 8; i++) {
		const char *const *name = node_name[i & 1];
		struct packet p = asked(state, i & 1, protos[i >> 1 & 1], name[FAR_POD], TO_PORT),
			      answer = { .flags = p.flags, .len = 99 }, got;
		struct carried c = carried(&p, i & 4, 0);
		struct weir_tuple want;

		send_by(OUT, &c);
		c = receive_at(FAR);
		assert_neighbour(&c.f, FAR, 1);
		complete(&c);
		frame_read(&c.f, &got);
		want = tuple(p.t.proto, name[SELF + FAR], ntohs(got.t.sport), name[FAR_POD],
			     TO_PORT);
		assert_tuple(&got.t, &want);
		assert_rest(&got, &p);

		answer.t = tuple_answer(&got.t);
		c = carried(&answer, i & 4, 0);
		send_by(FAR, &c);
		c = receive_at(OUT);
		assert_neighbour(&c.f, OUT, 1);
		complete(&c);
		frame_read(&c.f, &got);
		want = tuple_answer(&p.t);
		assert_tuple(&got.t, &want);
		assert_rest(&got, &answer);
	}
}

/* Two segments in one packet, which is larger than any link takes: the segments are what counts. */
static void merged_segments_go_on_if_each_fits(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		const char *const *name = node_name[v6];
		struct packet p = asked(state, v6, IPPROTO_TCP, name[FAR_POD], TO_PORT), got;
		uint16_t fits = FAR_MTU - (v6 ? 40 : 20) - 20;
		struct carried c;

		p.len = 2 * fits;
		c = carried(&p, true, fits);
		send_by(OUT, &c);
		c = receive_at(FAR);
		assert_int_equal(c.says.gso_size, fits);
		complete(&c);
		frame_read(&c.f, &got);
		assert_rest(&got, &p);

		p.len += 2;
		c = carried(&p, true, fits + 1);
		send_by(OUT, &c);
		c = receive_at(OUT);
		complete(&c);
		frame_read(&c.f, &got);
		assert_int_equal(got.type, v6 ? 2 : 3);
		assert_int_equal(got.rest, FAR_MTU);
	}
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* What is quoted has the checksum then that its own sender's device would have completed. */
static void answers_are_right_when_the_checksum_was_left_to_the_device(void **state)
{
	for (int i = 0; i < 8; i++) {
		bool v6 = i & 1;
		struct packet p = asked(state, v6, protos[i >> 1 & 1], NULL, TO_PORT), got;
		struct weir_tuple want = tuple_answer(&p.t);
		struct carried c = carried(&p, i & 4, 0);

		send_by(OUT, &c);
		c = receive_at(OUT);
		complete(&c);
		frame_read(&c.f, &got);
		if (p.t.proto == IPPROTO_TCP) {
			assert_tuple(&got.t, &want);
			assert_int_equal(got.flags, RST | ACK);
			assert_int_equal(got.ack, p.seq + 1 + p.len);
			assert_int_equal(got.len, 0);
			continue;
		}
		assert_int_equal(got.type, v6 ? 1 : 3);
		assert_int_equal(got.len, (v6 ? 40 : 20) + 8);
		assert_memory_equal(got.payload + (v6 ? 8 : 12), &p.t.src.w[v6 ? 0 : 3],
				    v6 ? 16 : 4);
	}
}

/* ---- The node's own sockets ------------------------------------------------------------------ */

/* Its answers come from the stack alone, some of them from no socket. */
static void what_the_stack_refuses_is_refused_by_the_service(void **state)
{
	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1;
		struct packet p = asked(state, v6, protos[i / 2], node_name[v6][SELF + OUT],
					TO_PORT),
			      got;
		struct weir_tuple want = tuple_answer(&p.t);
		struct carried c = carried(&p, false, 0);

		send_by(OUT, &c);
		c = receive_at(OUT);
		complete(&c);
		frame_read(&c.f, &got);
		if (p.t.proto == IPPROTO_TCP) {
			assert_tuple(&got.t, &want);
			assert_int_equal(got.flags, RST | ACK);
			continue;
		}
		assert_memory_equal(&got.t.src, &want.src, sizeof(want.src));
		assert_int_equal(got.type, v6 ? 1 : 3);
		assert_memory_equal(got.payload + (v6 ? 40 : 20), &p.t.sport, 4);
	}
}

/* By whatever device the client came: a pod whose sockets no hook of ours sees, say. */
static void the_answer_to_a_pod_is_the_services_too(void **state)
{
	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1;
		const char *const *name = node_name[v6];
		struct packet p = asked(state, v6, protos[i / 2], name[SELF + OUT], TO_PORT), got;
		struct carried c;

		p.t.src = bed_vip(name[POD], 0, 0).addr;
		c = carried(&p, false, 0);
		send_by(PODS, &c);
		c = receive_at(PODS);
		complete(&c);
		frame_read(&c.f, &got);
		assert_memory_equal(&got.t.src, &p.t.dst, sizeof(p.t.dst));
	}
}

/* A stack that is flooded answers by cookies, without a socket for the client. */
static void a_listener_of_the_node_answers_as_the_service(void **state)
{
	static const char *const cookies[] = { "1", "2" }; /* 2: always */

	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1;
		const char *self = node_name[v6][SELF + OUT];
		cleanup(close_fd) int listener = -1;
		struct packet p, got;
		struct weir_tuple want;
		struct carried c;
		uint16_t port;

		bed_of(state);
		listener = bed_listen(self, SOCK_STREAM, &port);
		p = asked(state, v6, IPPROTO_TCP, self, port);
		p.len = 0;
		node_sysctl(cookies[i / 2], "ipv4/tcp_syncookies");
		c = carried(&p, false, 0);
		send_by(OUT, &c);
		c = receive_at(OUT);
		complete(&c);
		frame_read(&c.f, &got);
		want = tuple_answer(&p.t);
		assert_tuple(&got.t, &want);
		assert_int_equal(got.flags, SYN | ACK);
	}
	node_sysctl(cookies[0], "ipv4/tcp_syncookies");
}

/* ---- Left alone ------------------------------------------------------------------------------ */

/* Waits until so many more packets were left alone. */
static void assert_left_alone(struct bed *b, uint64_t before, uint64_t n)
{
	for (int i = 0; i < WAIT_MS && bed_reason(b, WEIR_REASON_PKT_PASS) < before + n; i++)
		poll(NULL, 0, 1);
	assert_int_equal(bed_reason(b, WEIR_REASON_PKT_PASS), before + n);
}

static void a_tagged_frame_is_left_to_the_device_of_its_tag(void **state)
{
	struct packet p = asked(state, false, IPPROTO_UDP, node_name[0][FAR_POD], TO_PORT);
	struct carried c = carried(&p, false, 0);
	struct bed *b = bed_of(state);
	uint64_t before = bed_reason(b, WEIR_REASON_PKT_PASS);

	frame_tag(&c.f);
	send_by(OUT, &c);
	assert_left_alone(b, before, 1);
	assert_int_equal(node_conns(), 0);
}

/* It comes to the device of its tag without it, and answers leave by that device. */
static void a_tagged_link_is_one_like_others(void **state)
{
	struct packet p = asked(state, false, IPPROTO_UDP, node_name[0][FAR_POD], TO_PORT), got;
	struct bed *b = bed_of(state);
	uint64_t before = bed_reason(b, WEIR_REASON_PKT_PASS);
	struct weir_tuple want;
	struct carried c;

	if (!node_ip_can("link add link out name tagged type vlan id 100\n")) {
		print_message("skipped: this kernel has no VLAN devices\n");
		skip();
	}
	node_sysctl("1",
		    "ipv6/conf/tagged/disable_ipv6"); /* it would ask for multicast by itself */
	node_ip("addr add 198.18.0.1/24 dev tagged\nlink set tagged up\n"
		"neigh add 198.18.0.9 lladdr 02:00:00:00:01:09 dev tagged\n");
	node_attach(if_nametoindex("tagged"));
	p.t.src = bed_vip("198.18.0.9", 0, 0).addr;
	c = carried(&p, false, 0);
	frame_tag(&c.f);
	send_by(OUT, &c);
	c = receive_at(FAR);
	complete(&c);
	frame_read(&c.f, &got);
	assert_int_equal(ntohs(got.t.dport), TO_PORT);
	assert_int_equal(bed_reason(b, WEIR_REASON_PKT_PASS), before + 1);

	want = tuple_answer(&p.t);
	p.t = tuple_answer(&got.t);
	c = carried(&p, false, 0);
	send_by(FAR, &c);
	c = receive_at(OUT); /* which sees the tag apart from the frame */
	assert_memory_equal(c.f.data, ((uint8_t[6]){ 2, 0, 0, 0, 1, 9 }), 6);
	complete(&c);
	frame_read(&c.f, &got);
	assert_tuple(&got.t, &want);
	node_attach(0);
	node_ip("link del tagged\n");
}

/* Cut anywhere, down to nothing behind the link's header. */
static void a_frame_without_a_whole_header_is_left_alone(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet p = asked(state, v6, IPPROTO_TCP, node_name[v6][FAR_POD], TO_PORT);
		struct bed *b = bed_of(state);
		uint64_t before = bed_reason(b, WEIR_REASON_PKT_PASS), n = 0;
		struct carried c = carried(&p, false, 0);

		for (size_t len = FRAME_L3 + 1; len < c.f.len; len++, n++) {
			struct carried cut = c;

			cut.f.len = len;
			send_by(OUT, &cut);
		}
		assert_left_alone(b, before, n);
		assert_int_equal(node_conns(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_leave_by_the_device_and_neighbour_of_their_way),
		cmocka_unit_test(merged_segments_go_on_if_each_fits),
		cmocka_unit_test(answers_are_right_when_the_checksum_was_left_to_the_device),
		cmocka_unit_test(what_the_stack_refuses_is_refused_by_the_service),
		cmocka_unit_test(the_answer_to_a_pod_is_the_services_too),
		cmocka_unit_test(a_listener_of_the_node_answers_as_the_service),
		cmocka_unit_test(a_tagged_frame_is_left_to_the_device_of_its_tag),
		cmocka_unit_test(a_tagged_link_is_one_like_others),
		cmocka_unit_test(a_frame_without_a_whole_header_is_left_alone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
