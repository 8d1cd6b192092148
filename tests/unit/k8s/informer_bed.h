/* SPDX-License-Identifier: Apache-2.0 */
/* An informer of Services between a scripted API server and a clock: what the tests of
 * k8s/informer.c and k8s/events.c share. */
#pragma once

#include <stdlib.h>

#include "k8s/informer.h"
#include "unit/k8s/sample.h"

#define S(name, version)                                                                     \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"d\","     \
	"\"name\":\"" name "\",\"uid\":\"u-" name "\",\"resourceVersion\":\"" version "\"}," \
	"\"spec\":{\"ports\":[{\"port\":8" version "}]}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version) \
	EVENT("BOOKMARK", \
	      "{\"kind\":\"Service\",\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define INITIAL_END(version)                                                       \
	EVENT("BOOKMARK",                                                          \
	      "{\"kind\":\"Service\",\"metadata\":{\"resourceVersion\":\"" version \
	      "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}},\"spec\":{}}")
#define EXPIRED                                                                         \
	EVENT("ERROR", "{\"kind\":\"Status\",\"message\":\"too old resource version\"," \
		       "\"reason\":\"Expired\",\"code\":410}")
#define LIST(version, next, items)                                               \
	"{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"" version \
	"\",\"continue\":\"" next "\"},\"items\":[" items "]}"

static const struct kube_resource services = {
	.kind = KUBE_SERVICE,
	.path = "/api/v1/services",
	.selector = "labelSelector=%21x",
};

/* An informer, the API server, and the clock. */
struct fixture {
	struct kube_informer *inf;
	struct kube_set *set;
	uint64_t now;
	char path[2048]; /* what was asked last */
	struct buf told; /* "+a -b *c" of changes, and errors as lines */
};

static inline void on_changed(void *arg, const struct kube_object *was,
			      const struct kube_object *is)
{
	struct fixture *f = arg;

	buf_printf(&f->told, "%c%s ", !was ? '+' : !is ? '-' : '*', (is ? is : was)->meta.name);
}

static inline void on_malformed(void *arg, const struct err *err)
{
	struct fixture *f = arg;

	buf_printf(&f->told, "[%s] ", err->text);
}

static const struct kube_informer_ops ops = { on_changed, on_malformed };

static inline int setup_with(void **state, const struct kube_resource *resource)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || kube_set_new(&f->set))
		return -1;
	f->told = (struct buf)BUF_INIT(1u << 20);
	f->now = 1000000;
	*state = f;
	return kube_informer_new(resource, f->set, &ops, f, &f->inf);
}

static inline int setup(void **state)
{
	return setup_with(state, &services);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	kube_informer_free(&f->inf);
	kube_set_free(&f->set);
	buf_fini(&f->told);
	free(f);
	return 0;
}

/* The request is begun when it is due, and asks for what. */
static inline void asked(struct fixture *f, const char *what)
{
	cleanup(buf_fini) struct buf path = BUF_INIT(2048);

	assert_false(kube_informer_is_open(f->inf));
	if (kube_informer_due(f->inf) > f->now)
		f->now = kube_informer_due(f->inf);
	assert_int_equal(kube_informer_begin(f->inf, f->now, &path), 0);
	assert_true(kube_informer_is_open(f->inf));
	memcpy(f->path, path.data, path.len + 1);
	assert_int_equal(strncmp(f->path, "/api/v1/services?labelSelector=%21x&", 36), 0);
	if (!strstr(f->path, what))
		fail_msg("asked for %s, not for %s", f->path, what);
}

#define STREAM "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"

static inline void starts(struct fixture *f, unsigned int status)
{
	kube_informer_head(f->inf, status, f->now);
}

static inline int feed(struct fixture *f, const char *text)
{
	return kube_informer_feed(f->inf, text, strlen(text), f->now);
}

static inline void ends(struct fixture *f, int code, unsigned int status)
{
	const struct kube_informer_end end = { .code = code, .status = status };

	kube_informer_end(f->inf, &end, f->now);
	assert_false(kube_informer_is_open(f->inf));
}

static inline void sent(struct fixture *f, const char *text)
{
	starts(f, 200);
	assert_int_equal(feed(f, text), 0);
}

/* What was told since the last look. */
static inline void assert_told(struct fixture *f, const char *want)
{
	assert_string_equal(f->told.data ? f->told.data : "", want);
	buf_reset(&f->told);
}

static inline void assert_set(const struct fixture *f, const char *want)
{
	char got[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < kube_set_len(f->set, KUBE_SERVICE); i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s", i ? " " : "",
				       kube_set_at(f->set, KUBE_SERVICE, i)->meta.name);
	assert_string_equal(got, want);
}

/* In step, with a and b, as of version 10. */
static inline void sync_by_stream(struct fixture *f)
{
	asked(f, STREAM);
	sent(f, EVENT("ADDED", S("a", "1")) EVENT("ADDED", S("b", "2")) INITIAL_END("10"));
	assert_true(kube_informer_synced(f->inf));
	assert_told(f, "+a +b ");
}

/* It refuses streams. */
static inline void to_list(struct fixture *f)
{
	asked(f, STREAM);
	starts(f, 422);
	ends(f, -EINVAL, 422);
}
