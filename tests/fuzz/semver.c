/* SPDX-License-Identifier: Apache-2.0 */
/* A range of versions. What is read includes a version or not, and does so a second time. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "workload/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char range[SEMVER_RANGE_MAX + 2], either[2 * SEMVER_RANGE_MAX + 8];
	bool in = false, again = false;

	if (size >= sizeof(range))
		return 0;
	memcpy(range, data, size);
	range[size] = '\0';
	if (semver_satisfies("20.20.2", range, &in) < 0)
		return 0;
	/* "||" nothing includes all */
	snprintf(either, sizeof(either), "%s||", range);
	if (strlen(either) < SEMVER_RANGE_MAX &&
	    (semver_satisfies("20.20.2", either, &again) < 0 || !again))
		__builtin_trap();
	snprintf(either, sizeof(either), "%s||20.20.3", range);
	if (strlen(either) < SEMVER_RANGE_MAX &&
	    (semver_satisfies("20.20.2", either, &again) < 0 || again != in))
		__builtin_trap();
	return 0;
}
