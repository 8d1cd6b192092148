/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration text. What is accepted must render to text that is accepted and renders the same. */
#include <stddef.h>
#include <stdint.h>

#include "agent/config.h"
#include "core/buf.h"
#include "core/err.h"

#define RENDERED_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads text over the defaults and appends the result; 0, or -errno of a faulty text. */
static int read_and_render(const char *text, size_t len, struct buf *out)
{
	struct config cfg = {};
	struct option_set set = config_options(&cfg);
	struct err err = {};
	int r;

	if (option_defaults(&set, &err) < 0)
		__builtin_trap();
	r = option_yaml(&set, text, len, "fuzz.yaml", &err);
	if (r < 0 && (err.code != r || !err.text[0]))
		__builtin_trap();
	if (r == 0 && option_render(&set, out) < 0)
		__builtin_trap();
	option_free(&set);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first = BUF_INIT(RENDERED_MAX), second = BUF_INIT(RENDERED_MAX);

	if (read_and_render((const char *)data, size, &first) == 0) {
		if (read_and_render(first.data, first.len, &second) < 0 ||
		    first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
			__builtin_trap();
	}
	buf_fini(&first);
	buf_fini(&second);
	return 0;
}
