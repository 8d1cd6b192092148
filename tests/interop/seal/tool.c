/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our Seal at the end of a pipe, for check.mjs; a line of JSON in, a line out, in order. Bytes are base64.
 *
 *	{"package", "id", "threshold", "servers": [{"id", "key"}], "content", "aad"}	-> {"object"}
 *	{"object", "keys": [{"server", "key"}]}					-> {"content"} or {"error"}
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"
#include "walrus/seal/seal.h"

#define ROW_MAX (16u << 20)
#define CONTENT_MAX (4u << 20)
#define SERVERS_MAX 32

/* The bytes of a member; the program ends when it has none. */
static void read_bytes(const struct json *o, const char *name, struct buf *ret)
{
	const char *text = json_str(o, name, "");
	cleanup(free_ptr) uint8_t *bytes = malloc(strlen(text) + 1);
	size_t len = 0;

	if (!bytes || base64_decode(text, bytes, strlen(text), &len) < 0 ||
	    buf_append(ret, bytes, len) < 0) {
		fprintf(stderr, "tool: \"%s\" is not base64\n", name);
		exit(1);
	}
}

static void read_fixed(const struct json *o, const char *name, uint8_t *ret, size_t len)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(CONTENT_MAX);

	read_bytes(o, name, &bytes);
	if (bytes.len != len) {
		fprintf(stderr, "tool: \"%s\" has %zu bytes, not %zu\n", name, bytes.len, len);
		exit(1);
	}
	memcpy(ret, bytes.data, len);
}

static struct json *answer(const char *name, const struct buf *bytes)
{
	struct json *o = json_new_object();
	cleanup(free_ptr) char *text = malloc(BASE64_LEN(bytes->len));

	if (text) {
		base64_encode(bytes->data ? bytes->data : "", bytes->len, text);
		json_set_str(o, name, text);
	}
	return o;
}

static struct json *answer_error(const struct err *err)
{
	struct json *o = json_new_object();

	json_set_str(o, "error", err->text);
	return o;
}

static struct json *do_seal(const struct json *q)
{
	cleanup(buf_fini) struct buf id = BUF_INIT(SEAL_ID_MAX), aad = BUF_INIT(SEAL_AAD_MAX);
	cleanup(buf_fini) struct buf content = BUF_INIT(CONTENT_MAX);
	cleanup(buf_fini) struct buf out = BUF_INIT(CONTENT_MAX + SEAL_AAD_MAX + SEAL_OVERHEAD_MAX);
	struct seal_server servers[SERVERS_MAX];
	struct seal_for to = { .servers = servers };
	struct err err = {};
	uint64_t threshold = 0;

	read_bytes(q, "id", &id);
	read_bytes(q, "content", &content);
	read_fixed(q, "package", to.package, sizeof(to.package));
	json_u64(q, "threshold", &threshold);
	json_foreach(s, json_get(q, "servers")) {
		if (to.n_servers == SERVERS_MAX)
			break;
		read_fixed(s, "id", servers[to.n_servers].id, SEAL_OBJECT_ID_LEN);
		read_fixed(s, "key", servers[to.n_servers].public_key, BLS_G2_LEN);
		to.n_servers++;
	}
	to.threshold = (uint8_t)threshold;
	to.id = (const uint8_t *)id.data;
	to.id_len = (uint32_t)id.len;
	if (json_get(q, "aad")) {
		read_bytes(q, "aad", &aad);
		to.aad = (const uint8_t *)(aad.data ? aad.data : "");
		to.aad_len = (uint32_t)aad.len;
	}
	if (seal_content(&to, content.data ? content.data : "", (uint32_t)content.len, &out, &err) <
	    0)
		return answer_error(&err);
	return answer("object", &out);
}

static struct json *do_open(const struct json *q)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(ROW_MAX), out = BUF_INIT(CONTENT_MAX);
	cleanup(seal_opened_wipe) struct seal_opened opened = {};
	struct seal_user_key keys[SERVERS_MAX];
	struct seal_object object;
	struct err err = {};
	size_t n = 0;
	int rc;

	read_bytes(q, "object", &bytes);
	json_foreach(k, json_get(q, "keys")) {
		if (n == SERVERS_MAX)
			break;
		read_fixed(k, "server", keys[n].server, SEAL_OBJECT_ID_LEN);
		read_fixed(k, "key", keys[n++].key, BLS_G1_LEN);
	}
	rc = seal_object_decode(bytes.data, bytes.len, CONTENT_MAX, &object, &err);
	if (rc == 0)
		rc = seal_open_key(&object, keys, n, &opened, &err);
	if (rc == 0)
		rc = seal_open(&object, opened.content_key, &out, &err);
	return rc < 0 ? answer_error(&err) : answer("content", &out);
}

static int say(struct json *what)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(ROW_MAX);
	int rc = json_print(what, false, &text);

	json_free(&what);
	if (rc == 0 && printf("%s\n", text.data) < 0)
		rc = -EIO;
	return rc == 0 && fflush(stdout) == 0 ? 0 : -EIO;
}

int main(void)
{
	cleanup(free_ptr) char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (crypto_init() < 0)
		return 1;
	while ((len = getline(&line, &size, stdin)) > 0) {
		cleanup(json_free) struct json *q = NULL;
		struct err err = {};

		if (json_parse(line, (size_t)len, ROW_MAX, "line", &q, &err) < 0) {
			fprintf(stderr, "tool: %s\n", err.text);
			return 1;
		}
		if (say(json_get(q, "object") ? do_open(q) : do_seal(q)) < 0)
			return 1;
	}
	return 0;
}
