/* SPDX-License-Identifier: Apache-2.0 */
/* An api without an API server: its servers are ports of this machine where nobody listens, or where
 * somebody does and says nothing. What an answer does is shown end to end (tests/e2e/test_api_*). */
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "k8s/api.h"
#include "k8s/kubeconfig.h"
#include "unit/k8s/sample.h"

#define GUARD_MS 20000 /* only a hang gets there */

struct port {
	int fd; /* bound; -1: free again */
	char url[64];
};

static inline void port_open(struct port *p, bool listens)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&at, &len), 0);
	if (listens)
		assert_int_equal(listen(p->fd, 16), 0);
	snprintf(p->url, sizeof(p->url), "https://127.0.0.1:%u", ntohs(at.sin_port));
}

struct api_bed {
	char dir[64];
	struct port refusing, silent;
	struct kube_api *api;
};

static inline struct kube_api *api_bed_new(struct api_bed *b, const char *const *servers, size_t n)
{
	struct kube_api_options opt = { .servers = servers, .n_servers = n, .pod_dir = b->dir };
	struct err err = {};

	if (kube_api_new(&opt, &b->api, &err) < 0)
		fail_msg("%s", err.text);
	return b->api;
}

static inline int api_bed_setup(void **state)
{
	struct api_bed *b = calloc(1, sizeof(*b));
	char path[96];

	if (!b)
		return -1;
	*state = b;
	memcpy(b->dir, "/tmp/weir-api-XXXXXX", sizeof("/tmp/weir-api-XXXXXX"));
	if (!mkdtemp(b->dir))
		return -1;
	snprintf(path, sizeof(path), "%s/token", b->dir);
	if (file_write_atomic(path, "abc\n", 4, 0600, NULL))
		return -1;
	snprintf(path, sizeof(path), "%s/ca.crt", b->dir);
	if (file_write_atomic(path, "x\n", 2, 0600, NULL)) /* it never comes to TLS */
		return -1;
	port_open(&b->refusing, false);
	port_open(&b->silent, true);
	return 0;
}

static inline int api_bed_teardown(void **state)
{
	struct api_bed *b = *state;

	kube_api_free(&b->api);
	close(b->refusing.fd);
	close(b->silent.fd);
	int r = dir_remove(b->dir, NULL);
	free(b);
	return r;
}

/* Works once there is something to do. */
static inline void api_bed_work(struct api_bed *b)
{
	struct pollfd p = { .fd = kube_api_fd(b->api), .events = POLLIN };

	assert_int_equal(poll(&p, 1, GUARD_MS), 1);
	kube_api_work(b->api);
}
