/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/ctl.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"

int ctl_request_parse(const char *line, size_t len, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *request = NULL;
	const struct json *args;
	int r = json_parse(line, len, CTL_REQUEST_MAX, "request", &request, err);

	if (r < 0)
		return r;
	if (json_type(request) != JSON_OBJECT || !json_str(request, "command", NULL))
		return err_set(err, -EBADMSG,
			       "request: must be an object with a string \"command\"");
	args = json_get(request, "args");
	if (args && json_type(args) != JSON_OBJECT)
		return err_set(err, -EBADMSG, "request: \"args\" must be an object");
	json_foreach(member, request)
		if (strcmp(json_key(member), "command") != 0 &&
		    strcmp(json_key(member), "args") != 0)
			return err_set(
				err, -EBADMSG,
				"request: unknown member; only \"command\" and \"args\" are known");
	*ret = take_ptr(request);
	return 0;
}
