/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/yaml: each node has a line of the text, each document prints as JSON, and that JSON, which is
 * YAML as well, means the same.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX (64u << 20)

static void check_lines(const struct yaml *y, const struct json *j, unsigned int lines)
{
	assert(yaml_line(y, j) >= 1 && yaml_line(y, j) <= lines);
	json_foreach(child, j)
		check_lines(y, child, lines);
}

/* LF, CR, NEL, LS and PS end lines: CR LF counts twice here, for an upper bound. */
static unsigned int count_lines(const uint8_t *data, size_t size)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 || data[i] == 0xa8 ||
			 data[i] == 0xa9;
	return lines;
}

static void check_means_the_same(const struct json *j)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(MAX), again = BUF_INIT(MAX);
	cleanup(json_free) struct json *back = NULL;

	assert(json_print(j, false, &text) == 0);
	assert(json_parse(text.data, text.len, MAX, "back", &back, NULL) == 0);
	assert(json_print(back, false, &again) == 0);
	assert(!strcmp(again.data, text.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(yaml_free) struct yaml *y = NULL;
	struct err err = {};

	if (yaml_parse((const char *)data, size, "in", &y, &err) < 0) {
		assert(!y && err.code < 0 && !strncmp(err.text, "in:", 3));
		assert(!strchr(err.text, '\n'));
		return 0;
	}
	assert(yaml_len(y) <= YAML_MAX_DOCS);
	for (size_t i = 0; i < yaml_len(y); i++) {
		assert(json_type(yaml_doc(y, i)) != JSON_NULL);
		check_lines(y, yaml_doc(y, i), count_lines(data, size));
		check_means_the_same(yaml_doc(y, i));
	}
	return 0;
}
