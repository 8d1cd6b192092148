/* SPDX-License-Identifier: Apache-2.0 */
/* A line that some process sent to the control socket. What is accepted keeps the contract. */
#include <stddef.h>
#include <stdint.h>

#include "agent/ctl.h"
#include "core/err.h"
#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *request = NULL;
	struct err err = {};
	int r = ctl_request_parse((const char *)data, size, &request, &err);

	if (r < 0) {
		if (request || err.code != r || !err.text[0])
			__builtin_trap();
		return 0;
	}
	if (!json_str(request, "command", NULL))
		__builtin_trap();
	if (json_get(request, "args") && json_type(json_get(request, "args")) != JSON_OBJECT)
		__builtin_trap();
	json_free(&request);
	return 0;
}
