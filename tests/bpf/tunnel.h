/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets within packets, as one node sends them on to another (bpf/lib/dsr.h), made and read byte by byte
 * as that file's comment says, without its code.
 */
#pragma once

#include "bpf/packets.h"

#define TUNNEL_PORT 6081
#define TUNNEL_HEAD 32 /* of Geneve with its option */
#define TUNNEL_OUTER4 (20 + 8 + TUNNEL_HEAD)
#define TUNNEL_OUTER6 (40 + 8 + TUNNEL_HEAD)

/* What the outer headers say. */
struct tunnel {
	const char *from, *to; /* nodes */
	const char *backend;
	uint16_t port; /* of it */
};

void tunnel_make(const struct frame *inner, const struct tunnel *t, struct frame *ret);
/* What goes on must be sent so, by just these ends; the frame inside has the outer's link addresses. */
void tunnel_read(const struct frame *f, const struct tunnel *want, struct frame *ret_inner);
