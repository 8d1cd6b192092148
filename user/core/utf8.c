/* SPDX-License-Identifier: Apache-2.0 */
#include "core/utf8.h"

size_t utf8_next(const char *text, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 1, 0x80, 0x800, 0x10000 };
	const unsigned char *c = (const unsigned char *)text;
	size_t len = c[0] < 0x80 ? 1 : c[0] < 0xc0 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	uint32_t code = len == 1 ? c[0] : c[0] & (0x7fu >> len);

	if (len == 0 || c[0] == 0 || c[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((c[i] & 0xc0) != 0x80) /* also at the NUL */
			return 0;
		code = code << 6 | (c[i] & 0x3fu);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return len;
}
