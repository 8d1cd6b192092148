/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The binary interface between Weir's BPF programs and user space: the only header both sides
 * include, and the only definition of what is in it. Maps are pinned below a folder named after
 * WEIR_ABI, so an agent never misreads another version's.
 *
 * Rules: fixed-width types only; __be for network order, everything else host order; explicit
 * padding, always zero, because padding is part of a key; size and offset asserted beside each
 * struct, so that gcc, clang and clang -target bpf agree; one bit, one meaning.
 *
 * Addresses are 16 bytes; IPv4 is ::ffff:a.b.c.d. Time is CLOCK_BOOTTIME in ns.
 */
#pragma once

#include <linux/types.h>

#define WEIR_ABI 3

#define WEIR_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#define WEIR_ASSERT_AT(type, member, at) \
	_Static_assert(__builtin_offsetof(struct type, member) == (at), #type "." #member)

/* Capacities. A full map is counted (weir_reason) and reported, never silent. */
#define WEIR_MAX_FRONTENDS 131072
#define WEIR_MAX_BACKENDS 131072
#define WEIR_MAX_SLOTS 262144
#define WEIR_MAX_RING 524288
#define WEIR_MAX_CLASSES 16384
#define WEIR_MAX_PODS 16384
#define WEIR_MAX_PARENTS 64
#define WEIR_MAX_REV 65536
#define WEIR_MAX_AFFINITY 65536 /* clients remembered; the longest unseen go first */
#define WEIR_MAX_RANGES 16384
#define WEIR_MAX_CONNS 131072 /* two for each connection that is translated on its way */
#define WEIR_MAX_FRAGS 8192
#define WEIR_MAX_DEVICES 4096
#define WEIR_MAX_HOMES 131072 /* as many as backends */
#define WEIR_MAX_PEERS 1024 /* nodes that something was learnt of; the longest unseen go first */
#define WEIR_MAX_VETHS 16384 /* the host's ends of pods' interfaces, also of those that went */
#define WEIR_MAX_GONE 1024 /* releases that two sets of programs may both see, in an upgrade */
#define WEIR_MAX_CPUS 1024
#define WEIR_MAX_LEVELS 16 /* depth of cgroups that pods are looked for in */

struct weir_addr {
	__be32 w[4];
};
WEIR_ASSERT_SIZE(weir_addr, 16);

/* ---- Directing ------------------------------------------------------------------------------ */

/* What a client dials; key of weir_svc. {.addr = ::ffff:10.96.0.1, .port = htons(80), .proto = 6} */
struct weir_vip {
	struct weir_addr addr;
	__be16 port;
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	__u8 scope; /* enum weir_scope */
};
WEIR_ASSERT_SIZE(weir_vip, 20);
WEIR_ASSERT_AT(weir_vip, port, 16);

/* For whom a frontend answers. OUTSIDE has other backends where externalTrafficPolicy is Local. */
enum weir_scope {
	WEIR_SCOPE_ALL,
	WEIR_SCOPE_OUTSIDE, /* clients that are neither a pod nor this node */
};

/* Value of weir_svc. Its backends are slots first .. first+count-1. The value is replaced by one
 * map update; a reader that meets a slot of another generation has an old value (slots are reused
 * late) and looks the VIP up again. */
struct weir_svc {
	__u32 id; /* stable over restarts; names the frontend in flows */
	__u32 gen; /* generation of the slots; never 0 */
	__u32 first;
	__u32 count; /* 0: nobody to answer */
	__u32 flags; /* WEIR_SVC_* */
	__u32 affinity_s; /* how long a client is remembered; AFFINITY only, else 0 */
	__u32 affinity_id; /* what it is remembered under: frontends of one Service port share it */
	__u32 ring; /* entries of the Maglev table over the slots; 0: none */
	__u32 ring_first; /* element of weir_ring that it begins with */
	__u32 pad;
};
WEIR_ASSERT_SIZE(weir_svc, 40);

#define WEIR_SVC_DROP (1U << 0) /* count is 0 by policy (Local): EHOSTUNREACH, not ECONNREFUSED */
#define WEIR_SVC_AFFINITY (1U << 1) /* a client's connections go where its last one went */
#define WEIR_SVC_HOST (1U << 2) /* for sockets of the node's own network namespace only */
#define WEIR_SVC_NODE (1U << 3) /* a node port: the node's own processes can't bind to it */
#define WEIR_SVC_GUARD (1U << 4) /* only for that: no dial meets it */
#define WEIR_SVC_RANGES (1U << 5) /* for clients in weir_range only */
/* Packets that come through the node (sockets keep their own address): the client's address becomes
 * the node's, unless a pod dials. */
#define WEIR_SVC_MASQ (1U << 6) /* ... even then */
#define WEIR_SVC_KEEP (1U << 7) /* ... never */
#define WEIR_SVC_OUTSIDE (1U << 8) /* others than pods use the frontend of scope OUTSIDE */

/* Element of weir_slot, an mmapable array; written as one aligned 64-bit store. The slots of a set
 * are in order of backend, so that one can be looked for. */
struct weir_slot {
	__u32 backend; /* key of weir_backend */
	__u32 gen;
};
WEIR_ASSERT_SIZE(weir_slot, 8);

/* Element of weir_ring, an mmapable array: four entries of a Maglev table. Each is the place of a slot in
 * its set; one of another set is a choice like any other, if there are that many slots. */
struct weir_ring {
	__u16 at[4];
};
WEIR_ASSERT_SIZE(weir_ring, 8);

/* Key of weir_affinity (LRU): a client, as a Service's affinity sees it. A socket's client is its
 * network namespace: its address is not known when it dials. */
struct weir_client {
	struct weir_addr addr; /* NETNS: the cookie, as a number, in the last 8 bytes */
	__u32 service; /* affinity_id */
	__u32 kind; /* enum weir_client_kind */
};
WEIR_ASSERT_SIZE(weir_client, 24);

enum weir_client_kind { WEIR_CLIENT_NETNS, WEIR_CLIENT_ADDRESS };

/* Value of weir_affinity. The slot is a copy of the one that was chosen: a set of the same
 * generation still has it. */
struct weir_choice {
	struct weir_slot slot;
	__u64 used; /* by the last connection */
};
WEIR_ASSERT_SIZE(weir_choice, 16);

/* Element of weir_backend, an mmapable array indexed by backend id; proto 0: none. Written before
 * its id is in a slot and left alone until the id is reused, which is late: only proto is cleared
 * when it goes, so a reader sees it whole or gone. What serves is in the table whether a set has it or
 * not; what no longer does is `gone` at once, so that connections without an end of their own (UDP) go
 * elsewhere. */
struct weir_backend {
	struct weir_addr addr;
	__be16 port;
	__u8 proto;
	__u8 gone; /* 1: serves no more */
	__u8 pad[4];
};
WEIR_ASSERT_SIZE(weir_backend, 24);

/* A socket's translation. Value of weir_sk (per socket, made by connect). */
struct weir_flow {
	struct weir_vip vip;
	struct weir_backend backend;
	__u32 svc;
	__u64 since;
	__u32 backend_id;
	__u32 pad;
};
WEIR_ASSERT_SIZE(weir_flow, 64);
WEIR_ASSERT_AT(weir_flow, since, 48);

/* What weir_socks writes of each socket that is connected to the backend of its dial. */
struct weir_sock {
	struct weir_flow flow;
	struct weir_addr addr; /* its own */
	__u64 cookie;
	__u64 cgroup; /* id: its pod's, or its own if it is no pod's */
	__be16 port; /* its own */
	__u8 state; /* TCP_*, also of other protocols */
	__u8 pad[5];
};
WEIR_ASSERT_SIZE(weir_sock, 104);
WEIR_ASSERT_AT(weir_sock, cookie, 80);

/* Key of weir_rev (LRU, value struct weir_vip): whom an unconnected UDP socket meant by a peer. */
struct weir_rev {
	__u64 cookie;
	struct weir_addr addr;
	__be16 port;
	__u8 pad[6];
};
WEIR_ASSERT_SIZE(weir_rev, 32);

/* Key of weir_class, a longest-prefix table; value __u32: enum weir_class, and WEIR_CLASS_POD. */
struct weir_prefix {
	__u32 bits; /* 0 to 128; IPv4 /24 is 120 */
	struct weir_addr addr;
};
WEIR_ASSERT_SIZE(weir_prefix, 20);

enum weir_class {
	WEIR_CLASS_EXTERNAL, /* also what the table does not know */
	WEIR_CLASS_CLUSTER, /* pods and nodes elsewhere in the cluster */
	WEIR_CLASS_LOCAL, /* this node and its pods */
	WEIR_CLASS_SERVICE, /* service addresses: a dial that finds no Service is refused */
	WEIR_CLASS_MAX_,
};
#define WEIR_CLASSES_BILLED WEIR_CLASS_SERVICE /* classes that bytes are counted in */
#define WEIR_CLASS_POD (1U << 8) /* an address of pods: its Services' clients keep it */

/* Key of weir_range, a longest-prefix table; value __u32 1. Who may use a frontend with RANGES. */
struct weir_range {
	__u32 bits; /* 32 for svc, and those of the prefix */
	__u32 svc; /* weir_svc.id */
	struct weir_addr addr;
};
WEIR_ASSERT_SIZE(weir_range, 24);

/* ---- Packets on their way through the node -------------------------------------------------- */

/* Key of weir_conn (LRU): a packet as it comes. */
struct weir_tuple {
	struct weir_addr src, dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 pad[3];
};
WEIR_ASSERT_SIZE(weir_tuple, 40);
WEIR_ASSERT_AT(weir_tuple, proto, 36);

/* Value of weir_conn: what becomes of it. A connection has two, one for each way: the key of either is
 * the other's `to` with its ends exchanged. Whether the backend still serves and which way to go are
 * looked up again each second, and when weir_ctl.epoch has changed. */
struct weir_conn {
	struct weir_tuple to;
	__u64 seen; /* the last packet */
	__u64 checked;
	__u32 epoch; /* weir_ctl.epoch then */
	__u32 svc; /* weir_svc.id */
	__u32 backend; /* key of weir_backend */
	__u32 flags; /* WEIR_CONN_* */
	__u32 ifindex; /* where it goes out; 0: to this node itself */
	__u32 since_s; /* the first packet, in seconds */
	struct weir_addr next; /* next hop */
};
WEIR_ASSERT_SIZE(weir_conn, 96);
WEIR_ASSERT_AT(weir_conn, next, 80);

#define WEIR_CONN_REPLY (1U << 0) /* from the backend */
/* What was seen of a connection, on both its entries. */
#define WEIR_CONN_ANSWERED (1U << 1)
#define WEIR_CONN_FIN (1U << 2) /* by the client */
#define WEIR_CONN_FIN_REPLY (1U << 3) /* by the backend */
#define WEIR_CONN_RST (1U << 4)
#define WEIR_CONN_FINS (WEIR_CONN_FIN | WEIR_CONN_FIN_REPLY)
/* Direct server return: the client's packets come by one node, and answers leave by another. */
#define WEIR_CONN_AWAY (1U << 5) /* they go on to the node `next`, which answers: one entry only */
#define WEIR_CONN_FROM_NODE (1U << 6) /* they came from another node; on both entries */

/* How far a connection is, and for how many seconds without a packet it counts: the first line with its
 * protocol (0: any) whose flags, of those looked at, are just those that are set. The limits are those of
 * Linux' conntrack as kube-proxy sets it. */
#define WEIR_CONN_STATES(X)                                           \
	/* name, protocol, flags looked at, flags set, seconds */     \
	X("reset", IPPROTO_TCP, WEIR_CONN_RST, WEIR_CONN_RST, 10)     \
	X("closed", IPPROTO_TCP, WEIR_CONN_FINS, WEIR_CONN_FINS, 120) \
	X("syn", IPPROTO_TCP, WEIR_CONN_ANSWERED, 0, 120)             \
	X("established", IPPROTO_TCP, WEIR_CONN_FINS, 0, 86400)       \
	X("closing", IPPROTO_TCP, 0, 0, 3600)                         \
	X("unreplied", 0, WEIR_CONN_ANSWERED, 0, 30)                  \
	X("established", IPPROTO_SCTP, 0, 0, 210)                     \
	X("established", 0, 0, 0, 120)

/* Key of weir_frag (LRU): the fragments of one packet; value struct weir_ports, from the first. */
struct weir_frag {
	struct weir_addr src, dst;
	__u32 id; /* as it is in the packet */
	__u8 proto;
	__u8 pad[3];
};
WEIR_ASSERT_SIZE(weir_frag, 40);

struct weir_ports {
	__be16 sport, dport;
};
WEIR_ASSERT_SIZE(weir_ports, 4);

/* Value of weir_dev, key __u32 ifindex: the node's addresses towards what is behind a device. All
 * zero: none of that family. */
struct weir_dev {
	struct weir_addr addr4, addr6;
};
WEIR_ASSERT_SIZE(weir_dev, 32);

/* weir_home: the address of a backend -> that of the node which has it and answers for it by itself: this
 * one or another. Where there is none, clients are masked. */

/* Value of weir_peer (LRU), key struct weir_addr of a node: what ICMP said of packets that were sent on to
 * it. */
struct weir_peer {
	__u64 small_at; /* when mtu was said; 0: never */
	__u64 refused_at; /* it takes none; 0: never said */
	__u32 mtu; /* of the way there, the outer headers in it */
	__u32 pad;
};
WEIR_ASSERT_SIZE(weir_peer, 24);

/* ---- Ending sockets -------------------------------------------------------------------------- */

/* A socket to be ended, as weir_ends names it where the kernel does not let it do so itself (before
 * Linux 6.5): enough for sock_diag to find just this one. */
struct weir_end {
	__u64 cookie;
	struct weir_tuple ends; /* src is the socket's own */
	__u32 ifindex; /* that it is bound to; 0: none */
	__u32 family; /* AF_INET, AF_INET6 */
};
WEIR_ASSERT_SIZE(weir_end, 56);
WEIR_ASSERT_AT(weir_end, ifindex, 48);

/* ---- Measuring ------------------------------------------------------------------------------ */

enum weir_pod_state {
	WEIR_POD_LIVE,
	WEIR_POD_REMOVED, /* rmdir done, something still holds it: cpu_ns may grow */
	WEIR_POD_RELEASED, /* final: nothing can be charged any more */
	WEIR_POD_SETTLED, /* final: no socket holds it, and for weir_ctl.settle_ms no task ran in it */
	WEIR_POD_MISSED, /* final: it went while no program was there to see it; by user space */
};

#define WEIR_POD_HAS_MEM (1U << 0) /* the memory controller counted it; else memory is unknown */
#define WEIR_NAME_MAX 96

/* Value of weir_pod, key __u64 cgroup id: what is known of one pod's cgroup. All amounts are
 * cumulative over the life of the cgroup. */
struct weir_pod {
	__u64 parent; /* cgroup id */
	__u64 born; /* 0: older than the program */
	__u64 died; /* 0: alive */
	__u64 cpu_ns; /* with all descendants; exact at the last walk, final when released */
	__u64 own_ns; /* of the released descendants, summed at release */
	__u64 ptr; /* kernel address while removed, else 0 */
	__u64 mem_at; /* CLOCK_MONOTONIC at the last memory reading: a node asleep serves nobody */
	__u64 mem_pages; /* working set at mem_at, in pages of mem_page_size */
	__u64 mem_page_ns_lo; /* time integral of mem_pages, 128 bits */
	__u64 mem_page_ns_hi;
	__u64 mem_peak_pages;
	__u64 seen; /* weir_ctl.walk_from of the last walk that met it alive */
	__u64 grew; /* when cpu_ns last did, while removed */
	__u32 state; /* enum weir_pod_state */
	__u32 flags; /* WEIR_POD_* */
	char name[WEIR_NAME_MAX]; /* last part of the path; cut, always with NUL */
};
WEIR_ASSERT_SIZE(weir_pod, 208);
WEIR_ASSERT_AT(weir_pod, name, 112);

/* Element of weir_sample, an mmapable array that one walk fills from 0 on. */
struct weir_sample {
	__u64 cgroup_id;
	struct weir_pod pod;
};
WEIR_ASSERT_SIZE(weir_sample, 216);

/* Bytes and packets from the IP header on. `wire` is what a link carries: each segment of an
 * offloaded packet with its own headers. `raw` is what the socket layer handed over, which equals
 * the interface's counters less link headers. */
struct weir_count {
	__u64 bytes, packets;
};
struct weir_dir {
	struct weir_count wire[WEIR_CLASSES_BILLED]; /* by enum weir_class of the peer */
	struct weir_count raw;
};
/* Value of weir_net (per CPU), key __u64 cgroup id of the pod. Seen from the pod. */
struct weir_net {
	struct weir_dir rx, tx;
};
WEIR_ASSERT_SIZE(weir_net, 128);

/* Value of weir_veth (per CPU), key __u32 ifindex: the host's end of a pod's interface, and what went
 * by it from the IP header on. The second opinion of `raw`: no socket gets around it. Seen from the
 * pod. */
struct weir_veth {
	__u64 pod; /* cgroup id, from the first packet that tells; 0: none did on this CPU */
	struct weir_count rx, tx;
};
WEIR_ASSERT_SIZE(weir_veth, 40);

/* The single element of weir_ctl (mmapable): what user space tells the programs, and they it. */
struct weir_ctl {
	__u8 build[32]; /* Blake2b-256 of the object that the pinned programs came from */
	__u32 abi; /* WEIR_ABI */
	__u32 ncpu; /* possible CPUs; at most WEIR_MAX_CPUS */
	__u32 parent_levels; /* bit L: some cgroup in weir_parent is at level L */
	__u32 flush; /* enum weir_flush */
	__u32 walk_count; /* records the last walk wrote */
	__u32 settle_ms; /* how long nothing may run in a dead pod until it is settled */
	__u64 walk_at; /* when it ended */
	__u64 host_netns; /* cookie of the node's own network namespace, which is the agent's */
	__u32 epoch; /* one more after each change of backends */
	__u16 snat_low, snat_high; /* ports that stand for clients, both included; host order */
	__u64 walk_from; /* when the last walk began */
	__u32 deaths; /* one more with each */
	__u32 deaths_past; /* as many when a walk found no dead pod any more: it need not look until then */
	__u32 parents_new; /* 1: the next walk has to look for their levels */
	__u32 pad;
};
WEIR_ASSERT_SIZE(weir_ctl, 104);
WEIR_ASSERT_AT(weir_ctl, walk_at, 56);

/* How a walk gets exact figures: by the functions that this kernel has. */
enum weir_flush {
	WEIR_FLUSH_NONE,
	WEIR_FLUSH_CGROUP, /* cgroup_rstat_flush: CPU and memory. Up to Linux 6.15 */
	WEIR_FLUSH_CSS, /* css_rstat_flush: CPU. Memory by reading memory.stat before the walk */
	WEIR_FLUSH_MEMCG, /* the same, and bpf_mem_cgroup_*: memory. From 7.0 on */
};

/* ---- Reasons -------------------------------------------------------------------------------- */

/* Index of weir_reason, a per-CPU array of __u64. The command line prints these names. Each packet that
 * enters by a device is counted by just one of pkt_*. */
#define WEIR_REASONS(X)                                                                           \
	X(TRANSLATED, "translated", "dials and datagrams sent on to a backend")                   \
	X(NO_ENDPOINT, "no_endpoint", "refused: the Service has no usable endpoint")              \
	X(POLICY_LOCAL, "policy_local", "unreachable: only local endpoints allowed, none here")   \
	X(NO_SERVICE, "no_service", "refused: a service address that no Service has")             \
	X(SLOT_RETRY, "slot_retry", "looked up again, the backend set changed meanwhile")         \
	X(SLOT_LOST, "slot_lost", "refused: no stable backend set after retries")                 \
	X(BACKEND_LOST, "backend_lost", "refused: a slot named a backend that is gone")           \
	X(FLOW_FULL, "flow_full", "translated without a record (no memory)")                      \
	X(REV_FULL, "rev_full", "datagram translated without a record of the service address")    \
	X(AFFINITY_FULL, "affinity_full", "translated, but the client is not remembered")         \
	X(RANGE_DENIED, "range_denied", "unreachable: not in loadBalancerSourceRanges")           \
	X(BIND_DENIED, "bind_denied", "binds refused: the port is a node port")                   \
	X(REPLY, "reply", "source addresses shown as the service address")                        \
	X(SOCKET_ENDED, "socket_ended", "connected UDP sockets ended: their backend is gone")     \
	X(POD_FULL, "pod_full", "pods not metered: the pod table is full")                        \
	X(NET_FULL, "net_full", "packets not counted: the byte table is full")                    \
	X(SAMPLE_FULL, "sample_full", "pods left out of a walk: the sample table is full")        \
	X(CPU_UNREAD, "cpu_unread", "per-CPU readings that failed at a cgroup's release")         \
	X(PARSE, "parse", "packets counted by raw length: headers not understood")                \
	X(HOST_REPLY, "host_reply", "packets of this node itself translated as they leave")       \
	X(PEER_REFUSED, "peer_refused", "nodes that took no packets sent on: clients are masked") \
	X(PKT_PASS, "pkt_pass", "packets left alone")                                             \
	X(PKT_SENT, "pkt_sent", "packets translated and sent on")                                 \
	X(PKT_HOST, "pkt_host", "packets translated, for this node itself")                       \
	X(PKT_AWAY, "pkt_away", "packets sent on to the backend's node, which answers")           \
	X(PKT_ICMP, "pkt_icmp", "ICMP errors translated and sent on")                             \
	X(PKT_STRANGER, "pkt_stranger", "packets left alone: sent on by no node that is known")   \
	X(PKT_NO_ENDPOINT, "pkt_no_endpoint", "packets refused: no usable endpoint")              \
	X(PKT_NO_SERVICE, "pkt_no_service", "packets refused: no Service has the address")        \
	X(PKT_NO_CONN, "pkt_no_conn", "packets refused: of a connection that is not known")       \
	X(PKT_TOO_BIG, "pkt_too_big", "packets refused: larger than the next link takes")         \
	X(PKT_HOPS, "pkt_hops", "packets refused: their hop limit is used up")                    \
	X(PKT_POLICY, "pkt_policy", "packets dropped: only local endpoints allowed, none here")   \
	X(PKT_RANGE, "pkt_range", "packets dropped: not in loadBalancerSourceRanges")             \
	X(PKT_LOST, "pkt_lost", "packets dropped: no stable backend set after retries")           \
	X(PKT_PORTS, "pkt_ports", "packets dropped: no free port to stand for the client")        \
	X(PKT_CONN_FULL, "pkt_conn_full", "packets dropped: the connection table is full")        \
	X(PKT_NO_ROUTE, "pkt_no_route", "packets dropped: no way or no address to the backend")   \
	X(PKT_SILENT, "pkt_silent", "packets dropped that must not be answered")

enum weir_reason {
#define X(id, name, help) WEIR_REASON_##id,
	WEIR_REASONS(X)
#undef X
		WEIR_REASON_MAX_
};
