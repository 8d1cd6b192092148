/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain text from a JSON result, by views: what is shown is what -j has.
 *
 * A view takes the part of the result at its path ("" is the result itself).
 * - With columns it is a table: a header line, then a row for each element of the array (or one for
 *   the object). A column's key is a path as well. Where it passes an array ("backends.state") the
 *   elements stand on lines of their own beneath each other; a path passes one array at most.
 * - Without columns it is an object, a line "name  value" for each member that is not itself an
 *   object or a list of objects; those that `money` names are shown in SUI.
 * `rows` names a list in each element: each of its elements is a row then, and "^type" is the key
 * `type` of the element around it.
 * null, "", an empty list and a member that is not there are "-". `notes` names members that map
 * a dimension to the reason why it is null ("not_measured"), or a thing to what is to be said of it; each
 * different one is told once below the table. What has nothing at its path is left out. Views have an empty line between them. An empty array is its header alone, or
 * the text `empty`.
 */
#pragma once

struct buf;
struct json;

enum form {
	FORM_TEXT, /* as it is; true and false as yes and no */
	FORM_NUMBER, /* as it is, to the right */
	FORM_BYTES, /* format_bytes() */
	FORM_NS, /* format_ns() */
	FORM_BYTE_NS, /* format_gib_s() */
	FORM_MILLI, /* "250m", as kubectl */
	FORM_MI, /* format_mi() */
	FORM_SUI, /* MIST as amount_format() */
	FORM_MAX_,
};

struct column {
	const char *head, *key; /* "POD", "pod" */
	enum form form;
};

struct view {
	const char *path;
	const struct column *columns; /* up to one without a head */
	const char *rows, *empty; /* NULL: none */
	const char *const *money; /* without columns: members that are MIST, up to NULL */
	const char *notes[2]; /* NULL: none, or no other */
};

/* 0, -ENOMEM, or the buffer's error. */
int out_plain(const struct json *result, const struct view *views, struct buf *out);
