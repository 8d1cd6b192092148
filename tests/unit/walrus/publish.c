/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/publish.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "walrus/blobname.h"

#define ID "J0-cFCl8gpG-D-d6mz1jNGfls47wpAlwXsYeFgbC2e8"
#define OBJECT "0x00000000000000000000000000000000000000000000000000000000000000ab"

#define STORAGE \
	"\"storage\":{\"id\":\"0x1\",\"startEpoch\":34,\"endEpoch\":36,\"storageSize\":66034000}"
#define BLOB(id, size, storage)                                                              \
	"{\"id\":\"" OBJECT "\",\"registeredEpoch\":34,\"blobId\":\"" id "\",\"size\":" size \
	",\"encodingType\":\"RS2\",\"certifiedEpoch\":34," storage ",\"deletable\":true}"
#define CREATED(blob, cost)                                                                            \
	"{\"newlyCreated\":{\"blobObject\":" blob                                                      \
	",\"resourceOperation\":{\"registerFromScratch\":{\"encodedLength\":66034000,\"epochsAhead\":" \
	"2}},\"cost\":" cost "}}"

static struct blobid abc(void)
{
	struct blobid b = { .size = 3 };

	assert_int_equal(crypto_init(), 0);
	assert_int_equal(blobname_parse(ID, b.id, NULL), 0);
	return b;
}

static int answer(const char *text, struct publish_result *ret, struct err *err)
{
	struct blobid b = abc();

	return publish_answer(text, strlen(text), &b, ret, err);
}

static void a_new_blob(void **state)
{
	struct publish_result r = {};

	(void)state;
	assert_int_equal(answer(CREATED(BLOB(ID, "3", STORAGE), "132300"), &r, NULL), 0);
	assert_false(r.was_stored);
	assert_true(r.deletable);
	assert_int_equal(r.start_epoch, 34);
	assert_int_equal(r.end_epoch, 36);
	assert_int_equal(r.cost, 132300);
	assert_int_equal(r.encoded_bytes, 66034000);
	assert_string_equal(r.object, OBJECT);
}

static void one_that_was_certified_before(void **state)
{
	struct publish_result r = {};

	(void)state;
	assert_int_equal(
		answer("{\"alreadyCertified\":{\"blobId\":\"" ID
		       "\",\"event\":{\"txDigest\":\"x\",\"eventSeq\":\"0\"},\"endEpoch\":35}}",
		       &r, NULL),
		0);
	assert_true(r.was_stored);
	assert_int_equal(r.end_epoch, 35);
	assert_int_equal(r.cost, 0);
	assert_string_equal(r.object, "");
	assert_int_equal(answer("{\"alreadyCertified\":{\"blobId\":\"" ID "\",\"object\":\"" OBJECT
				"\",\"endEpoch\":35}}",
				&r, NULL),
			 0);
	assert_string_equal(r.object, OBJECT);
}

static void what_is_no_success(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} cases[] = {
		{ "{\"error\":{\"blobId\":null,\"failurePhase\":\"store\",\"errorMsg\":\"no nodes\"}}",
		  -EREMOTEIO, "failed at \"store\": no nodes" },
		{ "{\"error\":{}}", -EREMOTEIO, "?" },
		{ "", -EBADMSG, "no JSON" },
		{ "<html>", -EBADMSG, "no JSON" },
		{ "{}", -EBADMSG, "newlyCreated" },
		{ "[]", -EBADMSG, "newlyCreated" },
		{ "{\"markedInvalid\":{\"blobId\":\"" ID "\"}}", -EBADMSG, "newlyCreated" },
		{ "{\"newlyCreated\":7}", -EBADMSG, "stored nothing" },
		{ "{\"alreadyCertified\":{\"endEpoch\":35}}", -EBADMSG, "stored nothing" },
		{ "{\"alreadyCertified\":{\"blobId\":\"" ID "\"}}", -EBADMSG, "endEpoch" },
		{ "{\"alreadyCertified\":{\"blobId\":\"" ID "\",\"endEpoch\":-1}}", -EBADMSG,
		  "endEpoch" },
		{ CREATED(BLOB("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "3", STORAGE), "1"),
		  -EBADMSG, "stored AAAA" },
		{ CREATED(BLOB(ID, "4", STORAGE), "1"), -EBADMSG, "size" },
		{ CREATED(BLOB(ID, "\"x\"", STORAGE), "1"), -EBADMSG, "size" },
		{ CREATED(BLOB(ID, "3", "\"storage\":{}"), "1"), -EBADMSG, "storage" },
		{ CREATED(BLOB(ID, "3", "\"storage\":{\"startEpoch\":34,\"endEpoch\":34}"), "1"),
		  -EBADMSG, "storage" },
		{ CREATED(BLOB(ID, "3", STORAGE), "-1"), -EBADMSG, "cost" },
		{ CREATED(BLOB(ID, "3", STORAGE), "1.5"), -EBADMSG, "cost" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct publish_result r = { .cost = 77 };
		struct err err = {};

		if (answer(cases[i].text, &r, &err) != cases[i].code)
			fail_msg("%s: %d %s", cases[i].text, err.code, err.text);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_int_equal(r.cost, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_blob),
		cmocka_unit_test(one_that_was_certified_before),
		cmocka_unit_test(what_is_no_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
