/* SPDX-License-Identifier: Apache-2.0 */
/* A tar, which is unpacked as a package. What is accepted has files and folders only; nothing appears beside it. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "tests/unit/workload/tree.h"
#include "workload/unpack.h"

#define INPUT_MAX 65535u /* of one stored block */
#define NAME "package"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[] = "/tmp/weir-fuzz-XXXXXX", parent[64], package[96];

static void clean(void)
{
	tree_remove(root);
}

static void prepare(void)
{
	if (parent[0])
		return;
	if (crypto_init() < 0 || !mkdtemp(root) || atexit(clean) != 0)
		__builtin_trap();
	snprintf(parent, sizeof(parent), "%s/packages", root);
	snprintf(package, sizeof(package), "%s/" NAME, parent);
}

/* gzip without compression: whoever changes a byte of the tar changes one of the file. */
static int stored(const uint8_t *data, size_t size)
{
	static const uint8_t head[10] = { 0x1f, 0x8b, 8 };
	const uint8_t block[5] = { 1, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size,
				   (uint8_t)(~size >> 8) };
	static const uint8_t tail[8];
	int fd = memfd_create("tarball", MFD_CLOEXEC);

	if (write(fd, head, sizeof(head)) < 0 || write(fd, block, sizeof(block)) < 0 ||
	    write(fd, data, size) < 0 || write(fd, tail, sizeof(tail)) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		close_fd(&fd);
	return fd;
}

static int check_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)type;
	(void)ftw;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		__builtin_trap();
	if (st->st_mode & 07222)
		__builtin_trap();
	return 0;
}

static void check_alone(const char *folder, const char *name)
{
	cleanup(close_dir) DIR *dir = opendir(folder);

	for (const struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
		    strcmp(d->d_name, name) != 0)
			__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unpack_limits limits = {
		1 << 20, 1 << 16, 1 << 14, 100, 8, 64, 200, 100
	};
	struct err err = {};

	if (size > INPUT_MAX)
		return 0;
	prepare();
	cleanup(close_fd) int fd = stored(data, size);
	int r = unpack(fd, parent, NAME, &limits, &err);

	if (r < 0 && (err.code != r || !err.text[0] || access(package, F_OK) == 0))
		__builtin_trap();
	if (r == 0 && nftw(package, check_one, 16, FTW_PHYS) != 0)
		__builtin_trap();
	check_alone(root, "packages");
	check_alone(parent, NAME);
	tree_remove(package);
	return 0;
}
