/* SPDX-License-Identifier: Apache-2.0 */
/* Tarballs for tests, hostile ones too: libarchive writes what it is told. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct tar_item {
	const char *path, *text;
	const char *link; /* of a hard or symbolic link */
	mode_t type; /* AE_IFREG when 0 */
	mode_t mode; /* 0644 when 0 */
	size_t zeros; /* that many zero bytes in place of text */
	int is_hardlink;
};

static void tar_zeros(struct archive *a, size_t len)
{
	static const char zeros[65536];

	for (size_t n; len > 0; len -= n) {
		n = len < sizeof(zeros) ? len : sizeof(zeros);
		assert_int_equal(archive_write_data(a, zeros, n), n);
	}
}

static void tar_add(struct archive *a, const struct tar_item *item)
{
	struct archive_entry *e = archive_entry_new();
	size_t len = item->text ? strlen(item->text) : item->zeros;

	archive_entry_set_pathname(e, item->path);
	archive_entry_set_filetype(e, item->type ? item->type : AE_IFREG);
	archive_entry_set_perm(e, item->mode ? item->mode : 0644);
	archive_entry_set_size(e, item->link ? 0 : (int64_t)len);
	if (item->is_hardlink)
		archive_entry_set_hardlink(e, item->link);
	else if (item->link)
		archive_entry_set_symlink(e, item->link);
	assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
	if (item->text && !item->link)
		assert_int_equal(archive_write_data(a, item->text, len), len);
	else if (!item->link)
		tar_zeros(a, item->zeros);
	archive_entry_free(e);
}

/* An unlinked file at offset 0 with the tarball. */
static int tar_make(const struct tar_item *items, size_t len)
{
	char path[] = "/tmp/weir-tar-XXXXXX";
	int fd = mkstemp(path);
	struct archive *a = archive_write_new();

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(archive_write_set_format_pax_restricted(a), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_fd(a, fd), ARCHIVE_OK);
	for (size_t i = 0; i < len; i++)
		tar_add(a, &items[i]);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}
