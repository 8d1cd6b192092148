/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second opinion on a pod's bytes, at the host's end of its interface: what packet sockets send
 * gets around cgroup_skb, not around this.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bpf/node.h"
#include "bpf/sandbox.h"
#include "core/cleanup.h"
#include "core/err.h"

#define DISCARD 9
#define UNKNOWN_TYPE 0x88b5 /* of Ethernet frames: for local experiments */

static struct sandbox box[2];

static int setup(void **state)
{
	if (bed_setup(state))
		return -1;
	if (*state)
		sandboxes_make(box, 0, 2);
	return 0;
}

static int teardown(void **state)
{
	if (*state)
		sandboxes_end(box, 2);
	return bed_teardown(state);
}

static void counts(struct bed *b, const struct sandbox *s, size_t n)
{
	struct dp_device want[2];
	struct err err = {};

	for (size_t i = 0; i < n; i++)
		want[i] = (struct dp_device){ s[i].ifindex, DP_COUNT, {} };
	if (dp_devices_sync(b->dp, want, n, &err))
		fail_msg("%s", err.text);
}

/* ---- What pods send -------------------------------------------------------------------------- */

struct deed {
	const struct sandbox *box;
	const char *to; /* NULL: a frame that is no IP */
	uint32_t datagrams, frames, size; /* by a UDP socket, by a packet socket; of the payload */
};

static size_t frame_of(const struct deed *d, uint8_t ret[2048])
{
	struct packet p = { .t = tuple(IPPROTO_UDP, d->box->ip, 4000, d->to ? d->to : "192.0.2.1",
				       DISCARD),
			    .len = d->size };
	struct frame f;

	frame_make(&p, &f);
	memcpy(ret, f.data, f.len);
	memset(ret, 0xff, 6); /* to all, whoever is at the other end */
	ret[6] = 2; /* a local address: bridges pass on from no other */
	ret[11] = (uint8_t)d->box->index;
	if (!d->to) {
		ret[12] = UNKNOWN_TYPE >> 8;
		ret[13] = UNKNOWN_TYPE & 0xff;
	}
	return f.len;
}

static int act(void *arg)
{
	const struct deed *d = arg;
	struct sockaddr_ll at = { .sll_family = AF_PACKET };
	struct sockaddr_storage sink;
	uint8_t frame[2048] = {};
	int udp, packet;
	socklen_t len;

	sandbox_enter(d->box);
	at.sll_ifindex = (int)if_nametoindex("eth0");
	len = bed_sockaddr(d->box->host_ip, DISCARD, &sink);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* hears of no port unreachable */
	packet = socket(AF_PACKET, SOCK_RAW, 0); /* receives nothing */
	if (udp < 0 || packet < 0 || bind(packet, (struct sockaddr *)&at, sizeof(at)))
		return 1;
	for (uint32_t i = 0; i < d->datagrams; i++)
		if (sendto(udp, frame, d->size, 0, (struct sockaddr *)&sink, len) !=
		    (ssize_t)d->size)
			return 2;
	for (uint32_t i = 0; i < d->frames; i++) {
		size_t n = frame_of(d, frame);

		if (send(packet, frame, n, 0) != (ssize_t)n)
			return 3;
	}
	return 0;
}

static struct weir_veth veth_of(struct bed *b, uint64_t pod)
{
	cleanup(free_ptr) struct weir_veth *all = NULL;
	struct weir_veth none = {};
	size_t n;

	assert_int_equal(dp_veths(b->dp, &all, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		if (all[i].pod == pod)
			return all[i];
	return none;
}

static uint64_t pod_make(struct bed *b, const char *name, char path[300])
{
	bed_pod_make(b, name, path);
	return bed_pod_id(path);
}

static void pod_end(struct bed *b, const char *path, uint64_t id)
{
	bed_pod_remove(path);
	bed_released(b, id);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
	counts(b, NULL, 0);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void what_a_packet_socket_sends_is_counted_and_billed(void **state)
{
	struct bed *b = bed_of(state);
	struct dp_class cluster = { { 120, bed_vip("198.51.100.0", 0, 0).addr },
				    WEIR_CLASS_CLUSTER };
	struct deed known = { &box[0], "198.51.100.7", 3, 50, 1000 },
		    unknown = { &box[0], NULL, 0, 7, 400 };
	struct sandbox_count before, sent;
	struct weir_veth veth;
	struct weir_net net;
	char path[300];
	uint64_t id;

	assert_int_equal(dp_class_put(b->dp, &cluster, NULL), 0);
	counts(b, box, 1);
	id = pod_make(b, "adversary", path);
	before = sandbox_count(&box[0]);
	assert_int_equal(bed_run_in(path, act, &known), 0);
	assert_int_equal(bed_run_in(path, act, &unknown), 0);
	sent = sandbox_since(&box[0], &before);
	assert_int_equal(sent.tx_packets, 60);
	assert_int_equal(sent.tx_bytes, 53 * (1000 + UDP_HEADS) + 7 * (400 + UDP_HEADS));

	assert_int_equal(dp_net(b->dp, id, &net, NULL), 0);
	assert_int_equal(net.tx.raw.bytes, sent.tx_bytes);
	assert_int_equal(net.tx.raw.packets, sent.tx_packets);
	assert_int_equal(net.tx.wire[WEIR_CLASS_CLUSTER].packets, 50);
	assert_int_equal(net.tx.wire[WEIR_CLASS_CLUSTER].bytes, 50 * (1000 + UDP_HEADS));
	assert_int_equal(net.tx.wire[WEIR_CLASS_EXTERNAL].packets, 10);
	veth = veth_of(b, id);
	assert_int_equal(veth.tx.bytes, sent.tx_bytes);
	assert_int_equal(veth.tx.packets, sent.tx_packets);
	assert_int_equal(veth.rx.bytes, sent.rx_bytes);
	assert_int_equal(veth.rx.packets, sent.rx_packets);
	pod_end(b, path, id);
	assert_int_equal(dp_class_del(b->dp, &cluster.prefix, NULL), 0);
}

/* It is the node's own, and what it sends is nobody's. */
static void who_is_in_no_pod_does_not_own_the_interface(void **state)
{
	struct bed *b = bed_of(state);
	struct deed one = { &box[0], "198.51.100.7", 2, 3, 100 };
	struct sandbox_count before;
	struct weir_veth veth;
	char host[300], path[300];
	uint64_t id;

	counts(b, box, 1);
	before = sandbox_count(&box[0]);
	snprintf(host, sizeof(host), "%s/host", b->cgroup);
	assert_int_equal(bed_run_in(host, act, &one), 0);
	id = pod_make(b, "late", path);
	assert_int_equal(veth_of(b, id).pod, 0);
	assert_int_equal(bed_run_in(path, act, &one), 0);
	veth = veth_of(b, id);
	assert_int_equal(veth.pod, id);
	assert_int_equal(veth.tx.bytes, sandbox_since(&box[0], &before).tx_bytes);
	assert_int_equal(veth.tx.packets, 10);
	pod_end(b, path, id);
}

/* A frame keeps its socket through a bridge: it is counted where it comes from, and nowhere else. */
static void a_frame_that_a_bridge_passes_on_is_billed_once(void **state)
{
	struct bed *b = bed_of(state);
	struct deed ab = { &box[0], "10.200.1.2", 0, 20, 500 },
		    ba = { &box[1], "10.200.0.2", 0, 1, 1 };
	struct sandbox_count before = {}, got;
	char path[2][300];
	uint64_t id[2];
	struct weir_net net;

	node_ip("link add br0 type bridge mcast_snooping 0\nlink set br0 addrgenmode none up\n"
		"link set pod0 master br0\nlink set pod1 master br0\n");
	counts(b, box, 2);
	id[0] = pod_make(b, "sender", path[0]);
	id[1] = pod_make(b, "receiver", path[1]);
	assert_int_equal(bed_run_in(path[1], act, &ba),
			 0); /* so that it is known whose box[1] is */
	before = sandbox_count(&box[1]);
	assert_int_equal(bed_run_in(path[0], act, &ab), 0);
	got = sandbox_since(&box[1], &before);
	assert_int_equal(got.rx_packets, 20);
	assert_int_equal(dp_net(b->dp, id[0], &net, NULL), 0);
	assert_int_equal(net.tx.raw.packets, 20);
	assert_int_equal(net.tx.raw.bytes, 20 * (500 + UDP_HEADS));
	assert_int_equal(dp_net(b->dp, id[1], &net, NULL), 0);
	assert_int_equal(net.tx.raw.packets, 1);
	assert_int_equal(veth_of(b, id[1]).rx.packets, 20);
	node_ip("link del br0\n");
	pod_end(b, path[0], id[0]);
	pod_end(b, path[1], id[1]);
}

/* What it counted is there until the last bill, also when the interface went with the pod. */
static void the_count_outlives_the_interface_until_the_pod_is_forgotten(void **state)
{
	struct bed *b = bed_of(state);
	struct sandbox own;
	struct deed one = { &own, "198.51.100.7", 4, 4, 100 };
	char path[300];
	uint64_t id;

	sandboxes_make(&own, 2, 1);
	counts(b, &own, 1);
	id = pod_make(b, "mortal", path);
	assert_int_equal(bed_run_in(path, act, &one), 0);
	sandboxes_end(&own, 1);
	bed_pod_remove(path);
	counts(b, NULL, 0);
	assert_int_equal(veth_of(b, id).tx.packets, 8);
	bed_released(b, id);
	counts(b, NULL, 0);
	assert_int_equal(veth_of(b, id).tx.packets, 8);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
	counts(b, NULL, 0);
	assert_int_equal(veth_of(b, id).pod, 0);
}

/* Who counts must come before who may redirect or drop, in whatever order they were put there. */
static void counting_comes_before_directing(void **state)
{
	struct bed *b = bed_of(state);
	struct dp_device both = { box[0].ifindex, DP_DIRECT, {} };
	uint32_t ids[4] = {};
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_cnt = 4);
	cleanup(free_ptr) struct dp_program *p = NULL;
	size_t n;

	assert_int_equal(dp_devices_sync(b->dp, &both, 1, NULL), 0);
	both.duties |= DP_COUNT;
	assert_int_equal(dp_devices_sync(b->dp, &both, 1, NULL), 0);
	assert_int_equal(dp_programs(b->dp, &p, &n, NULL), 0);
	if (!bpf_prog_query_opts((int)both.ifindex, BPF_TCX_INGRESS, &query)) {
		assert_int_equal(query.prog_cnt, 2);
		for (size_t i = 0; i < n; i++)
			if (p[i].id == ids[0])
				assert_string_equal(p[i].name, "weir_veth_in");
	}
	counts(b, NULL, 0);
	free_ptr(&p);
	assert_int_equal(dp_programs(b->dp, &p, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i].ifindex, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_packet_socket_sends_is_counted_and_billed),
		cmocka_unit_test(who_is_in_no_pod_does_not_own_the_interface),
		cmocka_unit_test(a_frame_that_a_bridge_passes_on_is_billed_once),
		cmocka_unit_test(the_count_outlives_the_interface_until_the_pod_is_forgotten),
		cmocka_unit_test(counting_comes_before_directing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
