/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives each file named on the command line to the harness it is linked with, once. Prints a name
 * before its turn, so that the last name printed is the one that a crash belongs to.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

#define INPUT_MAX (16U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path, struct err *err)
{
	cleanup(buf_fini) struct buf input = BUF_INIT(INPUT_MAX);
	cleanup(free_ptr) uint8_t *exact = NULL;
	int r = file_read(path, &input, err);

	if (r < 0)
		return r;
	/* of exactly this size, so that a sanitizer sees each byte read too far */
	exact = malloc(input.len ? input.len : 1);
	if (!exact)
		return err_errno(err, -ENOMEM, "%s", path);
	if (input.len)
		memcpy(exact, input.data, input.len);
	LLVMFuzzerTestOneInput(exact, input.len);
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = {};

	for (int i = 1; i < argc; i++) {
		printf("%s\n", argv[i]);
		fflush(stdout);
		if (replay(argv[i], &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
	}
	return 0;
}
