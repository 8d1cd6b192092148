/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of k8s/ share: objects from JSON text, recorded lists, and exact refusals. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "core/addr.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "k8s/set.h"

#define SAMPLE_MAX (1u << 20)

static inline struct json *sample_json(const char *text)
{
	struct err err = {};
	struct json *j = NULL;

	if (json_parse(text, strlen(text), SAMPLE_MAX, "sample", &j, &err) < 0)
		fail_msg("%s", err.text);
	return j;
}

/* kube_object_free() it. */
static inline struct kube_object *sample_object(const char *text)
{
	cleanup(json_free) struct json *j = sample_json(text);
	struct kube_object *obj = NULL;
	struct err err = {};

	if (kube_object_decode(j, KUBE_KIND_MAX_, &obj, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return obj;
}

/* The text is refused with this code and exactly this message, and nothing is handed out. */
static inline void assert_refused(const char *text, int code, const char *message)
{
	cleanup(json_free) struct json *j = sample_json(text);
	struct kube_object *obj = NULL;
	const struct json *at = NULL;
	struct err err = {};

	assert_int_equal(kube_object_decode(j, KUBE_KIND_MAX_, &obj, &at, &err), code);
	assert_string_equal(err.text, message);
	assert_int_equal(err.code, code);
	assert_null(obj);
	assert_non_null(at);
	/* nobody has to ask why */
	assert_int_equal(kube_object_decode(j, KUBE_KIND_MAX_, &obj, NULL, NULL), code);
	assert_null(obj);
}

/* The objects of tests/vectors/k8s/NAME.json; kube_set_free() it. */
static inline struct kube_set *sample_set(const char *name)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(SAMPLE_MAX);
	cleanup(json_free) struct json *j = NULL;
	struct kube_set *set = NULL;
	struct err err = {};
	char path[128];

	snprintf(path, sizeof(path), "tests/vectors/k8s/%s.json", name);
	if (file_read(path, &text, &err) < 0 ||
	    json_parse(text.data, text.len, SAMPLE_MAX, path, &j, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(kube_set_new(&set), 0);
	if (kube_set_decode(set, j, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return set;
}

static inline void assert_addr(const struct addr *a, const char *text)
{
	char got[ADDR_TEXT_MAX];

	assert_string_equal(addr_format(a, got), text);
}

static inline void assert_cidr(const struct cidr *c, const char *text)
{
	char got[CIDR_TEXT_MAX];

	assert_string_equal(cidr_format(c, got), text);
}
