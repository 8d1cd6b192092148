/* SPDX-License-Identifier: Apache-2.0 */
#include "core/near.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

size_t near_distance(const char *a, const char *b)
{
	size_t row[NEAR_MAX], la = strnlen(a, NEAR_MAX), lb = strnlen(b, NEAR_MAX);

	if (la == NEAR_MAX || lb == NEAR_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (tolower((unsigned char)a[i - 1]) !=
						  tolower((unsigned char)b[j - 1]));

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}
