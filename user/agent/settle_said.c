/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settle_said.h"

#include <errno.h>
#include <string.h>

#include "agent/book.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"

static int read_bytes(const struct json *obj, const char *key, uint8_t *ret, size_t len)
{
	size_t got = 0;

	if (base64_decode(json_str(obj, key, ""), ret, len, &got) < 0 || got != len)
		return -EBADMSG;
	return 0;
}

int settle_last_report(const struct json *lease, uint64_t *ret_seq, uint8_t ret_hash[HASH_LEN],
		       struct err *err)
{
	uint8_t hash[HASH_LEN] = {};
	uint64_t seq;

	if (json_u64(lease, "seq", &seq) < 0)
		return err_set(err, -EBADMSG, "the lease on chain does not say its seq");
	if (seq && read_bytes(lease, "last_hash", hash, sizeof(hash)) < 0)
		return err_set(err, -EBADMSG, "the lease on chain does not say its last_hash");
	*ret_seq = seq;
	memcpy(ret_hash, hash, sizeof(hash));
	return 0;
}

int settle_check_key(const struct json *provider, const uint8_t key[PUBKEY_LEN], struct err *err)
{
	const struct json *keys = json_get(provider, "keys");
	const struct json *last = json_at(keys, json_len(keys) - 1);
	uint8_t current[PUBKEY_LEN];
	char ours[2 * PUBKEY_LEN + 1], theirs[2 * PUBKEY_LEN + 1];

	if (!json_len(keys) || read_bytes(last, "key", current, sizeof(current)) < 0)
		return err_set(err, -EBADMSG, "the provider on chain does not say its keys");
	format_hex(key, PUBKEY_LEN, ours);
	format_hex(current, PUBKEY_LEN, theirs);
	if (memcmp(key, current, sizeof(current)) != 0)
		return err_set(err, -EKEYREJECTED,
			       "the provider's key on chain is %s, and this agent signs with %s: "
			       "rotate it there, or set key.file to the one that is registered",
			       theirs, ours);
	if (json_bool(last, "slashed", false))
		return err_set(err, -EKEYREJECTED,
			       "the provider's key %s has cost its stake: rotate it on chain",
			       ours);
	return 0;
}

int settle_capacity(const struct json *provider, struct book_capacity *ret, struct err *err)
{
	const struct json *list = json_get(provider, "capacities");
	const struct json *last = json_at(list, json_len(list) - 1);
	struct book_capacity c = { .bounds = true };

	if (!json_len(list) || json_u64(last, "cpu_millis", &c.cpu_millis) < 0 ||
	    json_u64(last, "memory_bytes", &c.memory_bytes) < 0 ||
	    json_u64(last, "net_bytes_s", &c.net_bytes_s) < 0)
		return err_set(err, -EBADMSG, "the provider on chain does not say its capacity");
	*ret = c;
	return 0;
}
