/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of answers that several objects have, so that a thing has one name and one form: times in
 * RFC 3339 with 0 as null, bytes in hex, texts with "" as null, money (MIST) as a decimal string.
 * The tree remembers a failure (core/json.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct usage;
struct weir_addr;

void member_text(struct json *o, const char *key, const char *text);
void member_time(struct json *o, const char *key, uint64_t ms);
void member_hex(struct json *o, const char *key, const uint8_t *data, size_t len);
void member_mist(struct json *o, const char *key, uint64_t mist);
/* A number, or null for 0 where 0 is no number of the thing. */
void member_number(struct json *o, const char *key, uint64_t number);
/* The number, 0 too, where it is known, else null. */
void member_known(struct json *o, const char *key, bool known, uint64_t number);
/* "ns/name", or null when it has no name. */
void member_name(struct json *o, const char *key, const char *ns, const char *name);
void member_protocol(struct json *o, const char *key, uint8_t proto); /* IPPROTO_TCP: "TCP" */
void member_address(struct json *o, const char *key, const struct weir_addr *addr);
/* The port in network order. "10.0.0.1:80", "[fd00::1]:80". */
void member_endpoint(struct json *o, const char *key, const struct weir_addr *addr, uint16_t port);
/* cpu_ns, memory_*, rx_*, tx_*: names that programs rely on. Where memory was not measured it is
 * null, and not_measured says why; of a sum, how many of its `parts` were without (1: a reading). */
void member_usage(struct json *o, const struct usage *u, uint64_t parts);
