/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the package whether it is ready, by its port: a connection, or an answer of HTTP below 400. One
 * probe at a time, without waiting: the caller polls probe_fd() until probe_at_ms(), and steps.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct inside_probe {
	bool on, http;
	const char *path;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} to;
	int fd; /* of the one under way; -1: it waits for its time */
	bool asked;
	char answer[13]; /* "HTTP/1.1 200" */
	size_t len;
	uint64_t at_ms; /* the next begins, or this one has failed */
	unsigned int failures; /* in a row */
	bool ready, was_ready;
};

/* what: "none", "tcp" or "http:/path". host "0.0.0.0" or "::": an address of this machine. false: it
 * can't be understood. */
bool probe_init(struct inside_probe *p, const char *what, const char *host, const char *port);
/* What has happened by now. revents: of probe_fd(). true: ready is another than before. */
bool probe_step(struct inside_probe *p, uint64_t now_ms, short revents);
/* What to poll for; 0 with fd -1. */
short probe_events(const struct inside_probe *p);
