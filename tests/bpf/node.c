/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/node.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sys/wait.h>

#include "core/cleanup.h"
#include "core/err.h"

#define NS_PER_S 1000000000ULL
#define TABLES_MAX 32

const char *const node_name[2][NODE_WHO_MAX_] = {
	{
		[CLIENT] = "198.51.100.10",
		[CLIENT2] = "198.51.100.11",
		[POD] = "10.244.1.10",
		[POD2] = "10.244.1.11",
		[FAR_POD] = "10.244.2.10",
		[VIP] = "10.96.0.10",
		[IDLE] = "10.96.0.99",
		[EXTERNAL] = "203.0.113.7",
		[SELF + OUT] = "192.0.2.1",
		[SELF + PODS] = "10.244.1.1",
		[SELF + FAR] = "172.16.0.1",
		[ROUTER] = "172.16.0.2",
		[PEER] = "172.16.0.3",
	},
	{
		[CLIENT] = "2001:db8:51::10",
		[CLIENT2] = "2001:db8:51::11",
		[POD] = "fd10:244:1::10",
		[POD2] = "fd10:244:1::11",
		[FAR_POD] = "fd10:244:2::10",
		[VIP] = "fd10:96::10",
		[IDLE] = "fd10:96::99",
		[EXTERNAL] = "2001:db8:7::7",
		[SELF + OUT] = "2001:db8:2::1",
		[SELF + PODS] = "fd10:244:1::1",
		[SELF + FAR] = "fd16::1",
		[ROUTER] = "fd16::2",
		[PEER] = "fd16::3",
	},
};

static const char *const dev_name[NODE_DEVS] = { "out", "pods", "far" };

static const char devices[] =
	"link add out address 02:00:00:00:00:00 type veth peer name out-peer\n"
	"link add pods address 02:00:00:00:00:01 type veth peer name pods-peer\n"
	"link add far address 02:00:00:00:00:02 mtu 1400 type veth peer name far-peer\n";
/* The link address of one neighbour is known, those of others are not. */
static const char addresses[] = "link set out-peer up\n"
				"link set pods-peer up\n"
				"link set far-peer up\n"
				"link set out addrgenmode none up\n"
				"link set pods addrgenmode none up\n"
				"link set far addrgenmode none up\n"
				"addr add 192.0.2.1/24 dev out\n"
				"addr add 2001:db8:2::1/64 dev out nodad\n"
				"addr add 10.244.1.1/24 dev pods\n"
				"addr add fd10:244:1::1/64 dev pods nodad\n"
				"addr add 172.16.0.1/24 dev far\n"
				"addr add fd16::1/64 dev far nodad\n"
				"neigh add 172.16.0.2 lladdr 02:00:00:00:01:02 dev far\n"
				"neigh add fd16::2 lladdr 02:00:00:00:01:02 dev far\n"
				"route add 198.51.100.0/24 via 192.0.2.254\n"
				"route add 2001:db8:51::/64 via 2001:db8:2::fe\n"
				"route add 10.244.2.0/24 via 172.16.0.2\n"
				"route add fd10:244:2::/64 via fd16::2\n";

static const struct {
	const char *addr;
	uint32_t bits, class;
} classes[] = {
	{ "10.244.0.0", 112, WEIR_CLASS_CLUSTER | WEIR_CLASS_POD },
	{ "fd10:244::", 32, WEIR_CLASS_CLUSTER | WEIR_CLASS_POD },
	{ "10.96.0.0", 112, WEIR_CLASS_SERVICE },
	{ "fd10:96::", 64, WEIR_CLASS_SERVICE },
	{ "172.16.0.1", 128, WEIR_CLASS_LOCAL },
	{ "fd16::1", 128, WEIR_CLASS_LOCAL },
	{ "172.16.0.3", 128, WEIR_CLASS_CLUSTER },
	{ "fd16::3", 128, WEIR_CLASS_CLUSTER },
};

static struct {
	struct bed *bed;
	int in, out;
	int other; /* that is run instead of in; -1: none */
	uint32_t ifindex[NODE_DEVS];
	uint32_t test_flags;
	struct {
		char name[16];
		int fd;
	} table[TABLES_MAX];
} node = { .in = -1, .out = -1, .other = -1 };

/* ---- Life ------------------------------------------------------------------------------------ */

static void must(bool ok, const char *what)
{
	if (!ok)
		fail_msg("%s: %s", what, strerror(errno));
}

/* Not by a shell: busybox's takes an ip of its own. */
bool node_ip_can(const char *lines)
{
	size_t len = strlen(lines);
	int pipe_fd[2], status = 0;
	pid_t pid;

	must(!pipe(pipe_fd), "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		dup2(pipe_fd[0], STDIN_FILENO);
		close(pipe_fd[1]);
		execl("/sbin/ip", "ip", "-batch", "-", NULL);
		_exit(127);
	}
	close(pipe_fd[0]);
	must(write(pipe_fd[1], lines, len) == (ssize_t)len, "ip");
	close(pipe_fd[1]);
	must(waitpid(pid, &status, 0) == pid, "ip");
	return !status;
}

void node_ip(const char *lines)
{
	if (!node_ip_can(lines))
		fail_msg("/sbin/ip -batch could not do all of:\n%s", lines);
}

void node_sysctl(const char *value, const char *fmt, ...)
{
	cleanup(close_fd) int fd = -1;
	char path[120] = "/proc/sys/net/";
	size_t n = strlen(path);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - n, fmt, ap);
	va_end(ap);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value), path);
}

void node_forwarding(enum node_dev dev, bool v6, bool on)
{
	node_sysctl(on ? "1" : "0", "ipv%d/conf/%s/forwarding", v6 ? 6 : 4, dev_name[dev]);
}

static int pin_open(const char *kind, const char *name)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/weir/v%d/%s/%s", node.bed->dir, WEIR_ABI, kind, name);
	fd = bpf_obj_get(path);
	must(fd >= 0, path);
	return fd;
}

int node_table(const char *name)
{
	for (size_t i = 0; i < TABLES_MAX; i++) {
		if (!node.table[i].name[0]) {
			snprintf(node.table[i].name, sizeof(node.table[i].name), "%s", name);
			node.table[i].fd = pin_open("maps", name);
		}
		if (!strcmp(node.table[i].name, name))
			return node.table[i].fd;
	}
	fail_msg("more tables than node.c has room for");
	return -1;
}

uint32_t node_ifindex(enum node_dev dev)
{
	return node.ifindex[dev];
}

void node_attach(uint32_t ifindex)
{
	struct dp_device want[NODE_DEVS + 1] = { [NODE_DEVS] = { ifindex, DP_DIRECT, {} } };
	struct err err = {};

	for (size_t i = 0; i < NODE_DEVS; i++) {
		node.ifindex[i] = if_nametoindex(dev_name[i]);
		must(node.ifindex[i] > 0, dev_name[i]);
		want[i] = (struct dp_device){
			.ifindex = node.ifindex[i],
			.duties = DP_DIRECT,
			.addrs = { bed_vip(node_name[0][SELF + i], 0, 0).addr,
				   bed_vip(node_name[1][SELF + i], 0, 0).addr },
		};
	}
	if (dp_devices_sync(node.bed->dp, want, NODE_DEVS + !!ifindex, &err) < 0)
		fail_msg("%s", err.text);
}

int node_setup(void **state)
{
	if (bed_setup(state))
		return -1;
	if (!*state)
		return 0; /* no bed: the tests skip */
	node.bed = *state;
	node_ip(devices);
	node_sysctl("1", "ipv4/ip_forward");
	node_sysctl("1", "ipv6/conf/all/forwarding");
	for (size_t i = 0; i < NODE_DEVS; i++) /* nobody sends a packet that no test asked for */
		node_sysctl("1", "ipv6/conf/%s-peer/disable_ipv6", dev_name[i]);
	node_ip(addresses);
	node_attach(0);
	node.in = pin_open("progs", "weir_tc_in");
	node.out = pin_open("progs", "weir_tc_out");
	return 0;
}

int node_teardown(void **state)
{
	for (size_t i = 0; i < TABLES_MAX && node.table[i].name[0]; i++)
		close_fd(&node.table[i].fd);
	close_fd(&node.in);
	close_fd(&node.out);
	return bed_teardown(state);
}

static void table_clear(const char *name)
{
	uint8_t key[64];
	int fd = node_table(name);

	while (!bpf_map_get_next_key(fd, NULL, key))
		bpf_map_delete_elem(fd, key);
}

struct bed *node_of(void **state)
{
	static const char *const filled[] = { "weir_svc",   "weir_conn",     "weir_frag",
					      "weir_range", "weir_affinity", "weir_home",
					      "weir_peer" };
	struct bed *b = bed_of(state);
	struct err err = {};

	for (size_t i = 0; i < ARRAY_LEN(filled); i++)
		table_clear(filled[i]);
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		struct dp_class c = { { classes[i].bits, bed_vip(classes[i].addr, 0, 0).addr },
				      classes[i].class };

		assert_int_equal(dp_class_put(b->dp, &c, &err), 0);
	}
	dp_snat_ports(b->dp, PORT_LOW, PORT_HIGH);
	node_use(-1);
	node_complete(false);
	return b;
}

/* ---- Services -------------------------------------------------------------------------------- */

uint32_t node_backend_id(const struct node_service *s, uint32_t n)
{
	return s->id * NODE_BACKENDS + n;
}

void node_service(const struct node_service *s)
{
	struct weir_svc svc = {
		.id = s->id,
		.gen = s->id,
		.first = node_backend_id(s, 0),
		.flags = s->flags,
		.affinity_s = s->flags & WEIR_SVC_AFFINITY ? 600 : 0,
		.affinity_id = s->id,
		.ring = s->ring,
	};
	struct weir_vip vip = bed_vip(s->vip, s->port, s->proto);
	struct err err = {};

	for (uint32_t i = 0; i < NODE_BACKENDS && s->to[i]; i++, svc.count++) {
		struct weir_backend be = { .addr = bed_vip(s->to[i], 0, 0).addr,
					   .port = htons(s->to_port),
					   .proto = s->proto };
		uint32_t id = node_backend_id(s, i);

		assert_int_equal(dp_backend_put(node.bed->dp, id, &be, &err), 0);
		dp_slot_put(node.bed->dp, id, (struct weir_slot){ .backend = id, .gen = s->id });
	}
	vip.scope = (uint8_t)s->scope;
	assert_int_equal(dp_frontend_put(node.bed->dp, &vip, &svc, &err), 0);
}

void node_service_end(const struct node_service *s)
{
	struct weir_vip vip = bed_vip(s->vip, s->port, s->proto);
	struct err err = {};

	vip.scope = (uint8_t)s->scope;
	assert_int_equal(dp_frontend_del(node.bed->dp, &vip, &err), 0);
}

void node_home(const char *backend, const char *home)
{
	struct dp_home h = { .backend = bed_vip(backend, 0, 0).addr };
	struct err err = {};

	if (home)
		h.node = bed_vip(home, 0, 0).addr;
	assert_int_equal(home ? dp_home_put(node.bed->dp, &h, &err) :
				dp_home_del(node.bed->dp, &h.backend, &err),
			 0);
}

/* ---- Packets --------------------------------------------------------------------------------- */

/* What may be done to a packet that this reason counts. */
static bool is_verdict(enum weir_reason why, int verdict)
{
	switch ((int)why) {
	case WEIR_REASON_PKT_PASS:
	case WEIR_REASON_PKT_STRANGER:
		return verdict == TC_ACT_UNSPEC;
	case WEIR_REASON_PKT_HOST:
		return verdict == TC_ACT_OK;
	case WEIR_REASON_PKT_ICMP:
		return verdict == TC_ACT_OK || verdict == TC_ACT_REDIRECT;
	case WEIR_REASON_PKT_SENT:
	case WEIR_REASON_PKT_AWAY:
	case WEIR_REASON_PKT_NO_ENDPOINT:
	case WEIR_REASON_PKT_NO_SERVICE:
	case WEIR_REASON_PKT_NO_CONN:
	case WEIR_REASON_PKT_TOO_BIG:
	case WEIR_REASON_PKT_HOPS:
		return verdict == TC_ACT_REDIRECT;
	default:
		return verdict == TC_ACT_SHOT;
	}
}

static int run(int prog, enum node_dev dev, struct frame *f)
{
	struct __sk_buff ctx = { .ifindex = node.ifindex[dev] };
	struct frame out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_out = out.data,
		    .data_size_in = (uint32_t)f->len, .data_size_out = FRAME_MAX, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .flags = node.test_flags);
	int r = bpf_prog_test_run_opts(prog, &opts);

	if (r)
		fail_msg("running the program: %s", strerror(-r));
	out.len = opts.data_size_out;
	*f = out;
	return (int)opts.retval;
}

void node_use(int prog)
{
	node.other = prog;
}

int node_run(enum node_dev dev, struct frame *f)
{
	f->data[5] = (uint8_t)dev; /* last byte of its link address */
	return run(node.other < 0 ? node.in : node.other, dev, f);
}

int node_run_out(enum node_dev dev, struct frame *f)
{
	return run(node.out, dev, f);
}

enum weir_reason node_in(enum node_dev dev, struct frame *f)
{
	uint64_t before[WEIR_REASON_MAX_], after[WEIR_REASON_MAX_];
	enum weir_reason why = WEIR_REASON_MAX_;
	struct frame was = *f;
	uint64_t counted = 0;
	int verdict;

	was.data[5] = (uint8_t)dev;
	assert_int_equal(dp_reasons(node.bed->dp, before, NULL), 0);
	verdict = node_run(dev, f);
	assert_int_equal(dp_reasons(node.bed->dp, after, NULL), 0);
	for (enum weir_reason r = WEIR_REASON_PKT_PASS; r <= WEIR_REASON_PKT_SILENT; r++) {
		counted += after[r] - before[r];
		if (after[r] != before[r])
			why = r;
	}
	assert_int_equal(counted, 1);
	if (!is_verdict(why, verdict))
		fail_msg("%s, but the verdict is %d", dp_reason_name(why), verdict);
	if (why == WEIR_REASON_PKT_PASS || why == WEIR_REASON_PKT_STRANGER) {
		assert_int_equal(f->len, was.len);
		assert_memory_equal(f->data, was.data, was.len);
	}
	return why;
}

void assert_reason(enum weir_reason is, enum weir_reason want)
{
	if (is != want)
		fail_msg("counted as %s, not %s", dp_reason_name(is), dp_reason_name(want));
}

bool node_out(enum node_dev dev, struct frame *f)
{
	uint64_t before = bed_reason(node.bed, WEIR_REASON_HOST_REPLY);
	struct frame was = *f;
	bool translated;

	assert_int_equal(run(node.out, dev, f), TC_ACT_UNSPEC);
	translated = bed_reason(node.bed, WEIR_REASON_HOST_REPLY) != before;
	assert_int_equal(f->len, was.len);
	if (!translated)
		assert_memory_equal(f->data, was.data, was.len);
	return translated;
}

bool node_complete(bool on)
{
	struct frame f;
	struct packet p = { .t = tuple(IPPROTO_UDP, "192.0.2.9", 1, "192.0.2.1", 1) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.data,
		    .flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE);

	node.test_flags = 0;
	if (!on)
		return true;
	frame_make(&p, &f);
	opts.data_size_in = (uint32_t)f.len;
	if (bpf_prog_test_run_opts(node.in, &opts))
		return false;
	node.test_flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE;
	return true;
}

/* ---- Connections ----------------------------------------------------------------------------- */

bool node_conn(const struct weir_tuple *key, struct weir_conn *ret)
{
	return !bpf_map_lookup_elem(node_table("weir_conn"), key, ret);
}

void node_conn_put(const struct weir_tuple *key, const struct weir_conn *c)
{
	assert_int_equal(bpf_map_update_elem(node_table("weir_conn"), key, c, BPF_ANY), 0);
}

void node_conn_del(const struct weir_tuple *key)
{
	assert_int_equal(bpf_map_delete_elem(node_table("weir_conn"), key), 0);
}

void node_conn_age(const struct weir_tuple *key, uint32_t s)
{
	struct weir_conn c;

	assert_true(node_conn(key, &c));
	c.seen -= s * NS_PER_S;
	c.checked -= s * NS_PER_S;
	node_conn_put(key, &c);
}

size_t node_conns(void)
{
	struct weir_tuple key, *from = NULL;
	size_t n = 0;

	for (; !bpf_map_get_next_key(node_table("weir_conn"), from, &key); from = &key)
		n++;
	return n;
}
