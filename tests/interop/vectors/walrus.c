/* SPDX-License-Identifier: Apache-2.0 */
/* Blob ids of @mysten/walrus-wasm: the public committee's and others'. */
#include "interop/vectors/walrus.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sodium.h>

#include "core/crypto.h"
#include "core/parse.h"
#include "walrus/blobid.h"
#include "walrus/blobname.h"
#include "walrus/lanes.h"

#define ENCODING_RS2 1
#define PLAIN_MAX (4u << 20) /* slower lanes calculate what is not larger */
#define SHA256_LEN crypto_hash_sha256_BYTES

uint64_t walrus_number(struct run *r, const struct json *v, const char *key)
{
	uint64_t n = 0;

	want(r, json_u64(v, key, &n) == 0, "%s: missing", key);
	return n;
}

static void fill_affine(uint8_t *data, size_t size, const struct json *arg)
{
	(void)arg;
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 7 + 3);
}

static void fill_lcg(uint8_t *data, size_t size, const struct json *arg)
{
	uint64_t seed = 0;
	uint32_t x;

	json_number(arg, &seed);
	x = (uint32_t)seed;
	for (size_t i = 0; i < size; i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = (uint8_t)(x >> 24);
	}
}

static void fill_const(uint8_t *data, size_t size, const struct json *arg)
{
	uint64_t byte = 0;

	json_number(arg, &byte);
	memset(data, (int)byte, size);
}

static void fill_repeat(uint8_t *data, size_t size, const struct json *arg)
{
	const char *text = json_text(arg, "");
	size_t len = strlen(text);

	for (size_t i = 0; i < size; i++)
		data[i] = len ? (uint8_t)text[i % len] : 0;
}

static const struct {
	const char *name;
	void (*fill)(uint8_t *data, size_t size, const struct json *arg);
} patterns[] = {
	{ "affine7_3", fill_affine },
	{ "lcg32", fill_lcg },
	{ "const", fill_const },
	{ "repeat", fill_repeat },
};

uint8_t *walrus_pattern(struct run *r, const char *pattern, const struct json *arg, size_t size)
{
	uint8_t *data = malloc(size + 1);

	if (!want(r, data, "no memory for %zu bytes", size))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		if (strcmp(patterns[i].name, pattern) == 0) {
			patterns[i].fill(data, size, arg);
			return data;
		}
	}
	want(r, false, "pattern \"%s\" is not known", pattern);
	free(data);
	return NULL;
}

int walrus_file(struct run *r, const void *data, size_t len)
{
	cleanup(close_fd) int fd = memfd_create("content", MFD_CLOEXEC);
	const char *at = data;

	while (fd >= 0 && len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0)
			break;
		at += n;
		len -= (size_t)n;
	}
	return want(r, fd >= 0 && len == 0, "no room for the content") ? take_fd(fd) : -1;
}

bool want_sha256(struct run *r, const struct json *v, const char *key, const void *data, size_t len)
{
	uint8_t digest[SHA256_LEN];

	crypto_hash_sha256(digest, data, len);
	return want_hex(r, v, key, digest, sizeof(digest));
}

static void check_names(struct run *r, const struct json *v, const struct blobid *b)
{
	char text[BLOBNAME_MAX], decimal[BLOBNAME_DECIMAL_MAX];
	uint8_t again[BLOBID_LEN];

	want_text(r, "blob_id", blobname_format(b->id, text), json_str(v, "blob_id", "(missing)"));
	want_hex(r, v, "root_hash_hex", b->root, sizeof(b->root));
	if (want(r, blobname_parse(text, again, NULL) == 0, "blob_id: not read again"))
		want_bytes(r, "blob_id", again, sizeof(again), b->id, sizeof(b->id));
	if (!json_get(v, "blob_id_hex"))
		return;
	want_hex(r, v, "blob_id_hex", b->id, sizeof(b->id));
	want_text(r, "blob_id_u256_decimal", blobname_decimal(b->id, decimal),
		  json_str(v, "blob_id_u256_decimal", "(missing)"));
	if (want(r, blobname_parse(decimal, again, NULL) == 0, "the decimal id: not read again"))
		want_bytes(r, "the decimal id", again, sizeof(again), b->id, sizeof(b->id));
}

static void check_content(struct run *r, const struct json *v, const uint8_t *data, size_t size)
{
	cleanup(sha512_free) struct sha512 *hash = NULL;
	uint8_t digest[SHA512_LEN];

	want_sha256(r, v, "sha256_hex", data, size);
	if (!want(r, sha512_new(&hash) == 0, "no memory"))
		return;
	sha512_update(hash, data, size);
	sha512_final(hash, digest);
	want_base64(r, v, "sha512_b64", digest, sizeof(digest));
}

static void check_pairs(struct run *r, const struct json *v, const struct blobid_pair *pairs,
			uint32_t shards)
{
	if (json_get(v, "pair_hashes_sha256_hex"))
		want_sha256(r, v, "pair_hashes_sha256_hex", pairs, shards * sizeof(pairs[0]));
	json_foreach(p, json_get(v, "pairs")) {
		uint32_t i = 0;

		if (!want(r, parse_u32(json_key(p), 0, shards - 1, &i) == 0, "pair \"%s\"",
			  json_key(p)))
			continue;
		want_hex(r, p, "primary", pairs[i].primary, HASH_LEN);
		want_hex(r, p, "secondary", pairs[i].secondary, HASH_LEN);
	}
}

/* The same by all lanes; pairs of the last. */
static bool calculate(struct run *r, int fd, uint32_t shards, struct blobid_pair *pairs,
		      struct blobid *ret)
{
	const struct lanes *best = lanes_best();

	for (size_t i = 0; lanes_all[i]; i++) {
		struct blobid_options o = {
			.shards = shards,
			.lanes = lanes_all[i],
			.ret_pairs = pairs,
		};
		struct blobid b = {};
		struct err err = {};

		if (!lanes_all[i]->usable() || (lanes_all[i] != best && ret->size > PLAIN_MAX))
			continue;
		if (!want(r, blobid_of(fd, &o, &b, &err) == 0, "%s: %s", o.lanes->name, err.text))
			return false;
		if (lanes_all[i] != best)
			want_bytes(r, o.lanes->name, b.id, sizeof(b.id), ret->id, sizeof(b.id));
		*ret = b;
	}
	return true;
}

static void check_blob(struct run *r, const struct json *v, uint32_t shards, const char *pattern)
{
	size_t size = (size_t)walrus_number(r, v, "size");
	cleanup(free_ptr) uint8_t *data = walrus_pattern(r, pattern, json_get(v, "arg"), size);
	cleanup(free_ptr) struct blobid_pair *pairs = calloc(shards, sizeof(pairs[0]));
	cleanup(close_fd) int fd = data && pairs ? walrus_file(r, data, size) : -1;
	struct blobid_shape shape;
	struct blobid b = {};

	if (fd < 0 || !calculate(r, fd, shards, pairs, &b))
		return;
	check_names(r, v, &b);
	want(r, b.size == size, "size: %" PRIu64, b.size);
	if (json_get(v, "symbol_size"))
		want(r, b.symbol_bytes == walrus_number(r, v, "symbol_size"), "symbol_size: got %u",
		     b.symbol_bytes);
	if (json_get(v, "encoding_type"))
		want(r, walrus_number(r, v, "encoding_type") == ENCODING_RS2, "encoding_type");
	if (json_get(v, "sha256_hex"))
		check_content(r, v, data, size);
	check_pairs(r, v, pairs, shards);
	if (blobid_shape(size, shards, &shape, NULL) == 0)
		check_slivers(r, v, data, size, &shape);
}

static void check_vectors(struct run *r, const struct json *group)
{
	uint32_t shards = (uint32_t)walrus_number(r, r->file, "n_shards");
	char name[96];
	size_t i = 0;

	json_foreach(v, group) {
		const char *pattern = json_str(v, "pattern", "affine7_3");

		snprintf(name, sizeof(name), "%s, %" PRIu64 " bytes", pattern,
			 walrus_number(r, v, "size"));
		vector(r, "vectors", i++, name);
		check_blob(r, v, shards, pattern);
	}
}

static void check_small_committee(struct run *r, const struct json *group)
{
	char name[96];
	size_t i = 0;

	json_foreach(v, json_get(group, "vectors")) {
		uint32_t shards = (uint32_t)walrus_number(r, v, "n_shards");

		snprintf(name, sizeof(name), "%" PRIu32 " shards, %" PRIu64 " bytes", shards,
			 walrus_number(r, v, "size"));
		vector(r, "small_committee", i++, name);
		check_blob(r, v, shards, json_str(v, "pattern", "affine7_3"));
	}
}

void run_walrus(struct run *r)
{
	static const struct group groups[] = {
		{ "patterns", NULL },	      { "formulas", NULL },
		{ "vectors", check_vectors }, { "small_committee", check_small_committee },
		{ "quilts", check_quilts },   {},
	};

	run_groups(r, groups);
}
