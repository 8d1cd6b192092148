/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of transactions share: the SDK's bytes of one, and the names in it. */
#pragma once

#include "unit/chain/sample.h"

#include "chain/sign.h"
#include "chain/tx_build.h"
#include "core/json.h"

#define SAMPLE_PACKAGE "0x59e3369995d7f089e6e8363bb674b2c7de078f83915e6f509dead45ba61c8d35"
#define SAMPLE_MARKET "0x94906ef1a7d124cac4d9fa972bb3820e68452f2a393e567252f3510d38bdb7bc"
#define SAMPLE_ALICE "0x728fb5758bd67e3dcc6ef997f4144979a8bff30d4e7c87f77d916252f12b36e6"
#define SAMPLE_BOB "0x726c406f8506a53717f0e48b781d01b0ff7728189dd2beb1f7db1e8cb7851671"
#define SAMPLE_NODE1 "0x358a5ae0db5e78d44e51b20df57f72e7eb6f346aa4341c7595e9701ea3ea6956"
#define SAMPLE_GAS "0xdfb8f01c8f7465954a87c6e16273e2d8e16014e34cfeab50851df22e661462f7"
#define SAMPLE_GAS_DIGEST "D4DXWcxZtbD98g9xjUxZhDZs6JawLtmRvdro6jSPUsAY"
#define SAMPLE_TESTNET "69WiPg3DAQiwdxfncX6wYQ2siKwAe6L9BZthQea3JNMD"

/* Lives until the end of the expression's block. */
#define ID(text) sample_id(text).bytes

struct sample_id {
	uint8_t bytes[OBJECT_ID_LEN];
};

static inline struct sample_id sample_id(const char *text)
{
	struct sample_id id;

	assert_int_equal(address_parse(text, id.bytes), 0);
	return id;
}

static inline struct object_ref sample_ref(const char *id, uint64_t version, const char *digest)
{
	struct object_ref ref = { .version = version };

	assert_int_equal(address_parse(id, ref.id), 0);
	assert_int_equal(digest_parse(digest, ref.digest), 0);
	return ref;
}

static inline struct tx_window sample_window(const char *chain, uint64_t epoch, uint32_t nonce)
{
	struct tx_window window = { .epoch = epoch, .nonce = nonce };

	assert_int_equal(digest_parse(chain, window.chain), 0);
	return window;
}

/* The bytes of the transaction whose name begins so, from tests/vectors/sui-vectors.json. */
static inline void sample_tx(const char *name, struct buf *ret)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	cleanup(json_free) struct json *file = NULL;
	uint8_t bytes[TX_LEN_MAX];
	size_t len = 0;

	sample_read("tests/vectors/sui-vectors.json", &text);
	assert_int_equal(json_parse(text.data, text.len, 1 << 20, "vectors", &file, NULL), 0);
	json_foreach(v, json_get(file, "transactions")) {
		if (strncmp(json_str(v, "name", ""), name, strlen(name)) != 0)
			continue;
		assert_int_equal(base64_decode(json_str(v, "tx_bytes_base64", ""), bytes,
					       sizeof(bytes), &len),
				 0);
		buf_append(ret, bytes, len);
		return;
	}
	fail_msg("no transaction %s", name);
}
