/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an API server may send, into an informer. The first byte chooses the kind, the second where the
 * bytes are cut, bit 7 of the first whether it is a list. However it is cut, the same objects and the
 * same errors must come out; before the end of a list or stream, none.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "k8s/informer.h"
#include "k8s/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                           \
	do {                              \
		if (!(x))                 \
			__builtin_trap(); \
	} while (0)

struct outcome {
	struct kube_set *set;
	struct buf told;
	int code;
};

static void on_changed(void *arg, const struct kube_object *was, const struct kube_object *is)
{
	struct outcome *o = arg;
	char title[KUBE_TITLE_MAX];

	MUST(was || is);
	buf_printf(&o->told, "%d%d %s\n", was != NULL, is != NULL,
		   kube_object_title(is ? is : was, title));
}

static void on_malformed(void *arg, const struct err *err)
{
	struct outcome *o = arg;

	MUST(err->code < 0 && *err->text);
	buf_printf(&o->told, "! %s\n", err->text);
}

static void run(const struct kube_resource *kind, bool list, const uint8_t *data, size_t size,
		size_t step, struct outcome *o)
{
	static const struct kube_informer_ops ops = { on_changed, on_malformed };
	const struct kube_informer_end refused = { .code = -22, .status = 422 };
	struct buf path = BUF_INIT(4096);
	struct kube_informer *inf = NULL;

	o->told = (struct buf)BUF_INIT(16u << 20);
	MUST(kube_set_new(&o->set) == 0 && kube_informer_new(kind, o->set, &ops, o, &inf) == 0);
	MUST(kube_informer_begin(inf, 1, &path) == 0);
	if (list) {
		kube_informer_end(inf, &refused, 1);
		MUST(kube_informer_begin(inf, 1, &path) == 0);
	}
	kube_informer_head(inf, 200, 1);
	for (size_t at = 0; at < size && o->code == 0; at += step) {
		size_t n = size - at < step ? size - at : step;

		o->code = kube_informer_feed(inf, data + at, n, 1);
		MUST(kube_informer_synced(inf) || kube_set_len(o->set, kind->kind) == 0);
		MUST(o->code <= 0 && (o->code == 0 || kube_informer_error(inf)->code));
	}
	kube_informer_end(inf, &(struct kube_informer_end){ .code = o->code, .status = 200 }, 2);
	kube_informer_free(&inf);
	buf_fini(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct kube_resource kind = {
		.kind = (enum kube_kind)((data[0] & 0x7f) % KUBE_KIND_MAX_),
		.path = "/x",
	};
	bool list = data[0] >> 7;
	struct outcome whole = {}, parts = {};

	run(&kind, list, data + 2, size - 2, size, &whole);
	run(&kind, list, data + 2, size - 2, data[1] + 1u, &parts);
	MUST(whole.code == parts.code && whole.told.len == parts.told.len);
	MUST(whole.told.len == 0 || memcmp(whole.told.data, parts.told.data, whole.told.len) == 0);
	MUST(kube_set_len(whole.set, kind.kind) == kube_set_len(parts.set, kind.kind));
	kube_set_free(&whole.set);
	kube_set_free(&parts.set);
	buf_fini(&whole.told);
	buf_fini(&parts.told);
	return 0;
}
