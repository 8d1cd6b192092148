/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted objects of @mysten/seal: every value on the way from the servers' keys to the content. */
#include "interop/vectors/seal.h"

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "core/parse.h"

#define BLOB_MAX (16U << 20)

const struct json *seal_server_json(struct run *r, const char *id)
{
	json_foreach(v, json_get(r->file, "key_servers"))
		if (strcmp(json_str(v, "object_id", ""), id) == 0)
			return v;
	want(r, false, "server %s is not among the key_servers", id);
	return NULL;
}

bool seal_server_read(struct run *r, const struct json *v, struct seal_server *ret,
		      struct seal_user_key *ret_key)
{
	if (!v || !read_fixed(r, v, "object_id", ret->id, sizeof(ret->id)) ||
	    !read_fixed(r, v, "public_key_hex", ret->public_key, sizeof(ret->public_key)) ||
	    !read_fixed(r, v, "user_secret_key_hex", ret_key->key, sizeof(ret_key->key)))
		return false;
	memcpy(ret_key->server, ret->id, sizeof(ret->id));
	return true;
}

bool seal_read_full_id(struct run *r, struct buf *ret)
{
	return read_hex(r, r->file, "full_id_hex", ret);
}

static void check_h1(struct run *r, const struct json *member)
{
	cleanup(buf_fini) struct buf id = BUF_INIT(SEAL_FULL_ID_MAX);
	uint8_t h1[BLS_G1_LEN];

	(void)member;
	vector(r, "h1_of_full_id_hex", 0, "");
	if (!seal_read_full_id(r, &id))
		return;
	seal_hash_id((const uint8_t *)id.data, id.len, h1);
	want_hex(r, r->file, "h1_of_full_id_hex", h1, sizeof(h1));
}

/* The public key from the master key, the user's key from both, and that the pairing tells it. */
static void check_server(struct run *r, const struct json *v)
{
	cleanup(buf_fini) struct buf id = BUF_INIT(SEAL_FULL_ID_MAX);
	uint8_t master[BLS_SCALAR_LEN], h1[BLS_G1_LEN], user_key[BLS_G1_LEN],
		public_key[BLS_G2_LEN];
	struct seal_user_key key;
	struct seal_server server;
	struct err err = {};

	if (!read_fixed(r, v, "master_key_hex", master, sizeof(master)) ||
	    !seal_read_full_id(r, &id) || !seal_server_read(r, v, &server, &key))
		return;
	bls_g2_of(master, public_key);
	want_hex(r, v, "public_key_hex", public_key, sizeof(public_key));
	seal_hash_id((const uint8_t *)id.data, id.len, h1);
	if (want(r, bls_g1_mul(h1, master, user_key) == 0, "H1 is no point"))
		want_hex(r, v, "user_secret_key_hex", user_key, sizeof(user_key));
	want(r, seal_key_check(&server, (const uint8_t *)id.data, id.len, key.key, &err) == 0,
	     "the user's key: %s", err.text);
}

static void check_servers(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		vector(r, "key_servers", i++, json_str(v, "name", ""));
		check_server(r, v);
	}
}

static size_t read_keys(struct run *r, struct seal_user_key *keys, size_t max)
{
	struct seal_server server;
	size_t n = 0;

	json_foreach(v, json_get(r->file, "key_servers"))
		if (n < max && seal_server_read(r, v, &server, &keys[n]))
			n++;
	return n;
}

static void check_parsed(struct run *r, const struct json *v, const struct seal_object *o)
{
	const struct json *shares = json_get(v, "encrypted_shares_hex");
	uint64_t threshold = 0;

	json_u64(v, "threshold", &threshold);
	want(r, threshold == o->threshold, "threshold: got %u", o->threshold);
	want(r, json_len(json_get(v, "services")) == o->n_services, "services: got %u",
	     o->n_services);
	want_hex(r, v, "nonce_hex", o->nonce, sizeof(o->nonce));
	want_hex(r, v, "encrypted_randomness_hex", o->encrypted_randomness,
		 sizeof(o->encrypted_randomness));
	for (size_t i = 0; i < o->n_services; i++) {
		const struct json *service = json_at(json_get(v, "services"), i);
		char hex[2 * SHARE_LEN + 3] = "0x";
		uint64_t index = 0;

		format_hex(o->services[i].server, SEAL_OBJECT_ID_LEN, hex + 2);
		want_text(r, "server", hex, json_text(json_at(service, 0), ""));
		want(r,
		     json_number(json_at(service, 1), &index) == 0 && index == o->services[i].index,
		     "index: got %u", o->services[i].index);
		format_hex(o->services[i].encrypted_share, SHARE_LEN, hex);
		want_text(r, "encrypted share", hex, json_text(json_at(shares, i), ""));
	}
}

/* GT, mask and share of one service. */
static void check_service(struct run *r, const struct json *v, const struct seal_object *o,
			  const struct seal_user_key *key, const struct seal_share *share)
{
	uint8_t gt[BLS_GT_LEN], mask[SHARE_LEN], h1[BLS_G1_LEN];
	uint8_t full_id[SEAL_FULL_ID_MAX];

	seal_hash_id(full_id, seal_full_id(o->package, o->id, o->id_len, full_id), h1);
	if (!want(r, bls_pairing(key->key, o->nonce, gt) == 0, "no points"))
		return;
	want_hex(r, v, "gt_hex", gt, sizeof(gt));
	want(r, seal_kdf(gt, o->nonce, h1, key->server, share->index, mask) == 0, "no SHA-3");
	want_hex(r, v, "kdf_hex", mask, sizeof(mask));
	want_hex(r, v, "share_hex", share->bytes, sizeof(share->bytes));
}

static void check_services(struct run *r, const struct json *list, const struct seal_object *o,
			   const struct seal_user_key *keys, size_t n,
			   const struct seal_opened *opened)
{
	size_t i = 0;

	json_foreach(v, list) {
		const char *server = json_str(v, "service", "");
		uint8_t id[SEAL_OBJECT_ID_LEN];

		if (!want(r,
			  i < opened->n_shares && strlen(server) > 2 &&
				  parse_hex(server + 2, id, sizeof(id)) == 0,
			  "per_service[%zu]", i))
			return;
		for (size_t k = 0; k < n; k++)
			if (memcmp(keys[k].server, id, sizeof(id)) == 0)
				check_service(r, v, o, &keys[k], &opened->shares[i]);
		i++;
	}
}

/* With exactly the threshold, whichever keys they are. */
static void check_any_threshold(struct run *r, const struct seal_object *o,
				const struct seal_user_key *keys, size_t n,
				const struct seal_opened *all)
{
	for (size_t without = 0; without < n && n > o->threshold; without++) {
		struct seal_user_key some[SEAL_SERVICES_MAX];
		struct seal_opened opened;
		struct err err = {};

		memcpy(some, keys, n * sizeof(*keys));
		some[without] = some[n - 1];
		want(r,
		     seal_open_key(o, some, n - 1, &opened, &err) == 0 &&
			     memcmp(opened.base_key, all->base_key, SEAL_KEY_LEN) == 0,
		     "without key %zu: %s", without, err.text);
	}
}

static void check_content(struct run *r, const struct json *v, const struct seal_object *o,
			  const struct seal_opened *opened)
{
	cleanup(buf_fini) struct buf content = BUF_INIT(BLOB_MAX);
	uint8_t hash[crypto_hash_sha256_BYTES];
	struct err err = {};

	if (!want(r, seal_open(o, opened->content_key, &content, &err) == 0, "%s", err.text))
		return;
	crypto_hash_sha256(hash, (const uint8_t *)content.data, content.len);
	want_hex(r, v, "plaintext_sha256_hex", hash, sizeof(hash));
	if (o->cipher != SEAL_PLAIN)
		want_hex(r, r->file, "payload_hex", content.data, content.len);
}

static void check_object(struct run *r, const struct json *v, const struct buf *bytes)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(BLOB_MAX);
	const struct json *between = json_get(v, "intermediate");
	struct seal_user_key keys[SEAL_SERVICES_MAX];
	size_t n = read_keys(r, keys, ARRAY_LEN(keys));
	static struct seal_opened opened;
	static struct seal_object o;
	struct err err = {};

	if (!want(r, seal_object_decode(bytes->data, bytes->len, BLOB_MAX, &o, &err) == 0, "%s",
		  err.text))
		return;
	check_parsed(r, json_get(v, "parsed"), &o);
	seal_object_encode(&o, &again);
	want_bytes(r, "encoded again", again.data, again.len, bytes->data, bytes->len);
	if (!want(r, seal_open_key(&o, keys, n, &opened, &err) == 0, "%s", err.text))
		return;
	check_services(r, json_get(between, "per_service"), &o, keys, n, &opened);
	want_hex(r, between, "base_key_hex", opened.base_key, SEAL_KEY_LEN);
	want_hex(r, between, "randomness_key_hex", opened.randomness_key, SEAL_KEY_LEN);
	want_hex(r, between, "randomness_hex", opened.randomness, SEAL_KEY_LEN);
	want_hex(r, between, "dem_key_hex", opened.content_key, SEAL_KEY_LEN);
	check_any_threshold(r, &o, keys, n, &opened);
	check_content(r, v, &o, &opened);
}

static void check_cases(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		cleanup(buf_fini) struct buf bytes = BUF_INIT(BLOB_MAX);

		vector(r, "cases", i++, json_str(v, "label", ""));
		if (read_hex(r, v, "encrypted_object_bcs_hex", &bytes))
			check_object(r, v, &bytes);
	}
}

/* Something on the way has to refuse it. */
static bool opens(struct run *r, const struct buf *bytes)
{
	cleanup(buf_fini) struct buf content = BUF_INIT(BLOB_MAX);
	struct seal_user_key keys[SEAL_SERVICES_MAX];
	size_t n = read_keys(r, keys, ARRAY_LEN(keys));
	static struct seal_opened opened;
	static struct seal_object o;

	return seal_object_decode(bytes->data, bytes->len, BLOB_MAX, &o, NULL) == 0 &&
	       seal_open_key(&o, keys, n, &opened, NULL) == 0 &&
	       seal_open(&o, opened.content_key, &content, NULL) == 0;
}

static void check_wrong_key(struct run *r, const struct json *v)
{
	cleanup(buf_fini) struct buf id = BUF_INIT(SEAL_FULL_ID_MAX);
	struct seal_server server;
	struct seal_user_key key;
	uint8_t wrong[BLS_G1_LEN];

	if (seal_server_read(r, seal_server_json(r, json_str(v, "server", "")), &server, &key) &&
	    seal_read_full_id(r, &id) &&
	    read_fixed(r, v, "user_secret_key_hex", wrong, sizeof(wrong)))
		want(r,
		     seal_key_check(&server, (const uint8_t *)id.data, id.len, wrong, NULL) ==
			     -EKEYREJECTED,
		     "it was accepted");
}

static void check_negative(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		cleanup(buf_fini) struct buf bytes = BUF_INIT(BLOB_MAX);

		vector(r, "negative", i++, json_str(v, "label", ""));
		if (json_get(v, "user_secret_key_hex"))
			check_wrong_key(r, v);
		else if (read_hex(r, v, "encrypted_object_bcs_hex", &bytes))
			want(r, !opens(r, &bytes), "it was accepted");
	}
}

/* Values from the tests of Seal's own Rust code. */
static void check_regression(struct run *r, const struct json *v)
{
	static const uint8_t none[SEAL_OBJECT_ID_LEN], id_04[] = { 1, 2, 3, 4 }, id_00[] = { 0 };
	uint8_t scalar[BLS_SCALAR_LEN] = { [30] = 12345 >> 8, [31] = 12345 & 255 };
	uint8_t one[BLS_SCALAR_LEN] = { [31] = 1 };
	uint8_t full_id[SEAL_FULL_ID_MAX], h1[BLS_G1_LEN], point[BLS_G1_LEN], g2[BLS_G2_LEN];
	uint8_t nonce[BLS_G2_LEN], gt[BLS_GT_LEN], mask[SHARE_LEN];

	vector(r, "sui_repo_regression", 0, "");
	seal_hash_id(full_id, seal_full_id(none, id_04, sizeof(id_04), full_id), h1);
	want_hex(r, v, "h1_zero_pkg_01020304", h1, sizeof(h1));
	seal_hash_id(id_00, sizeof(id_00), h1);
	bls_g1_of(scalar, point); /* e(12345 g1, g2) is the generator of GT to that power */
	bls_g2_of(one, g2);
	bls_g2_of(scalar, nonce);
	if (want(r, bls_pairing(point, g2, gt) == 0 && seal_kdf(gt, nonce, h1, none, 42, mask) == 0,
		 "no points"))
		want_hex(r, v, "kdf_gt_pow_12345_id00_oid0_idx42", mask, sizeof(mask));
}

void run_seal(struct run *r)
{
	static const struct group groups[] = {
		{ "h1_of_full_id_hex", check_h1 },
		{ "key_servers", check_servers },
		{ "cases", check_cases },
		{ "session", check_session },
		{ "fetch_key_exchanges", check_exchanges },
		{ "deterministic_request", check_deterministic },
		{ "negative", check_negative },
		{ "sui_repo_regression", check_regression },
		{ "dst", NULL },
		{ "ptb", NULL },
		{},
	};

	run_groups(r, groups);
}
