/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/members.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "bpf/abi.h"
#include "core/addr.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/parse.h"
#include "core/usage.h"

#define HEX_MAX 64 /* bytes */
#define NAME_LEN_MAX 512 /* Kubernetes has namespaces and names of 253 characters at most */

/* The answer over a closed window never changes, so the reason is that of then, not of now. */
#define NO_MEMORY "no memory controller on the pods' cgroup2 (see 'weir feature probe')"

void member_text(struct json *o, const char *key, const char *text)
{
	json_set_str(o, key, text && text[0] ? text : NULL);
}

void member_time(struct json *o, const char *key, uint64_t ms)
{
	char text[TIME_TEXT_MAX];

	json_set_str(o, key, ms ? time_format(ms, text) : NULL);
}

void member_hex(struct json *o, const char *key, const uint8_t *data, size_t len)
{
	char text[2 * HEX_MAX + 1] = "";

	if (len <= HEX_MAX)
		format_hex(data, len, text);
	json_set_str(o, key, text);
}

void member_mist(struct json *o, const char *key, uint64_t mist)
{
	json_set_u64_text(o, key, mist);
}

void member_number(struct json *o, const char *key, uint64_t number)
{
	if (number)
		json_set_u64(o, key, number);
	else
		json_set_null(o, key);
}

void member_known(struct json *o, const char *key, bool known, uint64_t number)
{
	if (known)
		json_set_u64(o, key, number);
	else
		json_set_null(o, key);
}

void member_name(struct json *o, const char *key, const char *ns, const char *name)
{
	char text[NAME_LEN_MAX];

	snprintf(text, sizeof(text), "%s/%s", ns, name);
	json_set_str(o, key, name[0] ? text : NULL);
}

void member_protocol(struct json *o, const char *key, uint8_t proto)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} names[] = { { IPPROTO_TCP, "TCP" }, { IPPROTO_UDP, "UDP" }, { IPPROTO_SCTP, "SCTP" } };
	const char *name = "?";

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].proto == proto)
			name = names[i].name;
	json_set_str(o, key, name);
}

static bool format_address(const struct weir_addr *addr, char ret[ADDR_TEXT_MAX])
{
	struct addr a;

	memcpy(a.b, addr, sizeof(a.b));
	addr_format(&a, ret);
	return addr_is_v4(&a);
}

void member_address(struct json *o, const char *key, const struct weir_addr *addr)
{
	char text[ADDR_TEXT_MAX];

	format_address(addr, text);
	json_set_str(o, key, text);
}

void member_endpoint(struct json *o, const char *key, const struct weir_addr *addr, uint16_t port)
{
	char text[ADDR_TEXT_MAX], both[ADDR_TEXT_MAX + 8];
	bool v4 = format_address(addr, text);

	snprintf(both, sizeof(both), v4 ? "%s:%u" : "[%s]:%u", text, ntohs(port));
	json_set_str(o, key, both);
}

/* Member DIR_UNIT + ENDING. A sum of classes may pass 64 bits. */
static void set_count(struct json *o, const char *dir, const char *unit, const char *ending,
		      unsigned __int128 v)
{
	char key[40];

	snprintf(key, sizeof(key), "%s_%s%s", dir, unit, ending);
	if (v > UINT64_MAX)
		json_set_u128(o, key, v);
	else
		json_set_u64(o, key, (uint64_t)v);
}

static void member_dir(struct json *o, const char *dir, const struct usage_dir *d)
{
	static const char *const classes[USAGE_CLASS_MAX_] = {
		[USAGE_EXTERNAL] = "_external",
		[USAGE_CLUSTER] = "_cluster",
		[USAGE_LOCAL] = "_local",
	};
	unsigned __int128 bytes = 0, packets = 0;

	for (int c = 0; c < USAGE_CLASS_MAX_; c++) {
		bytes += d->wire[c].bytes;
		packets += d->wire[c].packets;
	}
	set_count(o, dir, "bytes", "", bytes);
	set_count(o, dir, "packets", "", packets);
	for (int c = USAGE_CLASS_MAX_ - 1; c >= 0; c--)
		set_count(o, dir, "bytes", classes[c], d->wire[c].bytes);
	set_count(o, dir, "bytes", "_raw", d->raw.bytes);
}

static void member_not_measured(struct json *o, uint64_t without, uint64_t parts)
{
	struct json *reasons = json_new_object();
	char text[160];

	if (without < parts)
		snprintf(text, sizeof(text), "in %" PRIu64 " of %" PRIu64 " windows: %s", without,
			 parts, NO_MEMORY);
	else
		snprintf(text, sizeof(text), "%s", NO_MEMORY);
	json_set_str(reasons, "memory", text);
	json_set(o, "not_measured", reasons);
}

void member_usage(struct json *o, const struct usage *u, uint64_t parts)
{
	json_set_u64(o, "cpu_ns", u->cpu_ns);
	if (usage_memory_unknown(u)) {
		json_set_null(o, "memory_byte_ns");
		json_set_null(o, "memory_peak_bytes");
	} else {
		json_set_u128(o, "memory_byte_ns", u->memory_byte_ns);
		json_set_u64(o, "memory_peak_bytes", u->memory_peak_bytes);
	}
	member_dir(o, "rx", &u->rx);
	member_dir(o, "tx", &u->tx);
	if (u->memory_unmeasured)
		member_not_measured(o, u->memory_unmeasured, parts);
}
