/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "bpf/node.h"
#include "core/cleanup.h"

static void must(bool ok, const char *what)
{
	if (!ok)
		fail_msg("%s: %s", what, strerror(errno));
}

static void quiet(void)
{
	node_sysctl("1", "ipv6/conf/all/disable_ipv6");
	node_sysctl("1", "ipv6/conf/default/disable_ipv6");
}

/* In a namespace of its own; both ends are made there, so that the index here is nobody's guess. */
static void inside(const struct sandbox *s, pid_t bed)
{
	char lines[600];
	uint32_t i = s->index;

	quiet();
	bed_loopback_up();
	snprintf(lines, sizeof(lines),
		 "link add eth0 address 02:00:00:01:%02x:02 type veth"
		 " peer name %s address 02:00:00:01:%02x:01 netns %d\n"
		 "addr add %s/24 dev eth0\nlink set eth0 up\n"
		 "neigh add %s lladdr 02:00:00:01:%02x:01 dev eth0\n"
		 "route add default via %s\n",
		 i, s->host, i, (int)bed, s->ip, s->host_ip, i, s->host_ip);
	node_ip(lines);
}

static void make(struct sandbox *s)
{
	char path[64], lines[300];
	int status, go[2], done[2];
	pid_t pid;

	snprintf(s->ip, sizeof(s->ip), "10.200.%u.2", s->index);
	snprintf(s->host_ip, sizeof(s->host_ip), "10.200.%u.1", s->index);
	snprintf(s->host, sizeof(s->host), "pod%u", s->index);
	must(!pipe2(go, O_CLOEXEC) && !pipe2(done, O_CLOEXEC), "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		char c;

		must(!unshare(CLONE_NEWNET), "unshare");
		inside(s, getppid());
		must(write(done[1], "", 1) == 1, "write");
		close(go[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	must(read(done[0], path, 1) == 1, "the sandbox's process");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	s->netns = open(path, O_RDONLY | O_CLOEXEC);
	must(s->netns >= 0, path);
	for (size_t i = 0; i < 2; i++) {
		close(go[i]);
		close(done[i]);
	}
	must(waitpid(pid, &status, 0) == pid && !status, "the sandbox's process");
	snprintf(lines, sizeof(lines),
		 "addr add %s/24 dev %s\nlink set %s up\n"
		 "neigh add %s lladdr 02:00:00:01:%02x:02 dev %s\n",
		 s->host_ip, s->host, s->host, s->ip, s->index, s->host);
	node_ip(lines);
	s->ifindex = if_nametoindex(s->host);
	must(s->ifindex > 0, s->host);
}

static bool has_carrier(const struct sandbox *s)
{
	cleanup(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", s->host);
	must(fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &ifr), s->host);
	return ifr.ifr_flags & IFF_RUNNING;
}

void sandboxes_make(struct sandbox *ret, uint32_t first, size_t n)
{
	assert_true(first + n <= SANDBOXES_MAX);
	quiet();
	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct sandbox){ .index = first + (uint32_t)i, .netns = -1 };
		make(&ret[i]);
	}
	for (size_t i = 0; i < n; i++) /* the kernel may take a second to tell the device */
		while (!has_carrier(&ret[i]))
			usleep(10000);
}

/* Both ends of each go at once; its namespace does so later, when the kernel finds the time. */
void sandboxes_end(struct sandbox *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char line[64];

		snprintf(line, sizeof(line), "link del %s\n", s[i].host);
		node_ip(line);
		close_fd(&s[i].netns);
	}
}

void sandbox_enter(const struct sandbox *s)
{
	must(!setns(s->netns, CLONE_NEWNET), "setns");
}

/* "  pod0: BYTES PACKETS 6 more, then the same for what was sent" */
struct sandbox_count sandbox_count(const struct sandbox *s)
{
	cleanup(close_file) FILE *f = fopen("/proc/thread-self/net/dev", "re");
	struct sandbox_count c = {};
	char line[300], name[24];

	must(f != NULL, "/proc/thread-self/net/dev");
	snprintf(name, sizeof(name), "%s:", s->host);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, name);

		if (!at || (at != line && at[-1] != ' '))
			continue;
		assert_int_equal(sscanf(at + strlen(name),
					"%" SCNu64 " %" SCNu64 " %*s %*s %*s %*s %*s %*s %" SCNu64
					" %" SCNu64,
					&c.tx_bytes, &c.tx_packets, &c.rx_bytes, &c.rx_packets),
				 4);
		c.tx_bytes -= ETHER_HEAD * c.tx_packets;
		c.rx_bytes -= ETHER_HEAD * c.rx_packets;
		return c;
	}
	fail_msg("%s: no such device", s->host);
	return c;
}

struct sandbox_count sandbox_since(const struct sandbox *s, const struct sandbox_count *before)
{
	struct sandbox_count now = sandbox_count(s);

	return (struct sandbox_count){
		now.rx_bytes - before->rx_bytes,
		now.rx_packets - before->rx_packets,
		now.tx_bytes - before->tx_bytes,
		now.tx_packets - before->tx_packets,
	};
}
