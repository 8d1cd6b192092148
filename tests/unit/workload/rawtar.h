/* SPDX-License-Identifier: Apache-2.0 */
/* Tarballs byte by byte: what no writer of tarballs would write. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define RAW_BLOCK 512
#define RAW_MAX (1 << 16) /* of all blocks, before compression */

/* One header and its data. */
struct raw {
	const char *name;
	char type; /* 0: a regular file */
	const char *text; /* data */
	size_t len; /* of data with NUL in it; 0: strlen(text) */
	const char *link, *prefix;
	const char *size; /* the size field as it is, 12 bytes */
	size_t claim; /* a size other than that of the data */
	const char *magic; /* "ustar" and "00" unless given: 8 bytes */
	const char *sparse; /* a piece of the old GNU format: 24 bytes, of a file of 513 */
	const char *key, *value; /* the data is this record of a pax header (type x or g) */
	size_t value_len; /* of a value with NUL in it */
	int bad_checksum;
};

struct raw_tar {
	char bytes[RAW_MAX];
	size_t len;
};

static void raw_put(char *field, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	memcpy(field, text ? text : "", len < size ? len : size);
}

static void raw_checksum(char *header, int wrong)
{
	unsigned int sum = 0;

	memset(header + 148, ' ', 8);
	for (size_t i = 0; i < RAW_BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum + (wrong ? 1 : 0));
}

/* "LENGTH key=value\n", the length counting itself. */
static size_t raw_record(const struct raw *r, char ret[4 * RAW_BLOCK])
{
	size_t value = r->value_len ? r->value_len : strlen(r->value),
	       rest = strlen(r->key) + value + 3;
	size_t len = rest + 1;

	while (len != rest + (size_t)snprintf(NULL, 0, "%zu", len))
		len++;
	int n = snprintf(ret, RAW_BLOCK, "%zu %s=", len, r->key);

	memcpy(ret + n, r->value, value);
	ret[(size_t)n + value] = '\n';
	return len;
}

static void raw_add(struct raw_tar *t, const struct raw *r)
{
	char *header = t->bytes + t->len, record[4 * RAW_BLOCK];
	size_t len = r->key  ? raw_record(r, record) :
		     r->len  ? r->len :
		     r->text ? strlen(r->text) :
			       0;
	size_t padded = (len + RAW_BLOCK - 1) / RAW_BLOCK * RAW_BLOCK;

	assert_true(t->len + RAW_BLOCK + padded + (size_t)2 * RAW_BLOCK <= sizeof(t->bytes));
	raw_put(header, 100, r->name);
	snprintf(header + 100, 8, "%07o", 0644);
	snprintf(header + 108, 8, "%07o", 0);
	snprintf(header + 116, 8, "%07o", 0);
	if (r->size)
		memcpy(header + 124, r->size, 12);
	else
		snprintf(header + 124, 12, "%011zo", r->claim ? r->claim : len);
	snprintf(header + 136, 12, "%011o", 0);
	header[156] = r->type ? r->type : '0';
	raw_put(header + 157, 100, r->link);
	memcpy(header + 257, r->magic ? r->magic : "ustar\00000", 8);
	raw_put(header + 345, 155, r->prefix);
	if (r->sparse) {
		memcpy(header + 386, r->sparse, 24);
		raw_put(header + 483, 12, "00000001001");
	}
	raw_checksum(header, r->bad_checksum);
	memcpy(header + RAW_BLOCK, r->key ? record : r->text ? r->text : "", len);
	t->len += RAW_BLOCK + padded;
}

/* Compressed by one of libarchive's filters, at offset 0 of a file without a name. */
static int raw_compress(const void *data, size_t len, int (*filter)(struct archive *))
{
	int fd = memfd_create("tarball", MFD_CLOEXEC);
	struct archive *a = archive_write_new();

	assert_true(fd >= 0);
	archive_write_set_format_raw(a);
	assert_true(filter(a) >= ARCHIVE_WARN);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open_fd(a, fd), ARCHIVE_OK);
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_filetype(e, AE_IFREG);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, data, len), len);
	archive_entry_free(e);
	assert_int_equal(archive_write_free(a), ARCHIVE_OK);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}
