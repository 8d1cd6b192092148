/* SPDX-License-Identifier: Apache-2.0 */
/* vectors [SUI=FILE] [WALRUS=FILE] [SEAL=FILE]: see run.h. */
#include "interop/vectors/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/file.h"

/* A kind of vectors, where the project's copy lies, and what runs it: NULL while it isn't built. */
static const struct kind {
	const char *name, *path;
	void (*run)(struct run *r);
} kinds[] = {
	{ "SUI", "tests/vectors/sui-vectors.json", run_sui },
	{ "WALRUS", "tests/vectors/walrus-vectors.json", run_walrus },
	{ "SEAL", "tests/vectors/seal-vectors.json", run_seal },
};

static void count(struct run *r)
{
	if (!r->name[0])
		return;
	if (r->failed)
		r->nfailed++;
	else
		r->npassed++;
	r->failed = false;
	r->name[0] = '\0'; /* once */
}

static void run_file(const struct kind *kind, const char *path, struct run *r)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(VECTOR_BYTES_MAX);
	cleanup(json_free) struct json *file = NULL;
	struct err err = {};

	vector(r, "file", 0, path);
	if (!want(r, file_read(path, &text, &err) == 0, "%s", err.text))
		return;
	if (!want(r, json_parse(text.data, text.len, VECTOR_BYTES_MAX, path, &file, &err) == 0,
		  "%s", err.text))
		return;
	r->name[0] = '\0'; /* a file that can be read is no vector */
	r->file = file;
	kind->run(r);
	count(r);
	r->file = NULL;
	vector(r, "file", 0, path);
	if (want(r, r->npassed + r->nfailed > 0, "holds no vector that is known"))
		r->name[0] = '\0';
}

static void run_kind(const struct kind *kind, const char *path, struct run *total)
{
	struct run r = { .kind = kind->name };

	if (!kind->run) {
		printf("%s: skipped, it is not built yet\n", kind->name);
		return;
	}
	run_file(kind, path ? path : kind->path, &r);
	count(&r);
	printf("%s: %zu passed, %zu failed\n", kind->name, r.npassed, r.nfailed);
	total->npassed += r.npassed;
	total->nfailed += r.nfailed;
}

/* What an argument "KIND=FILE" says for the kind, or NULL. */
static const char *file_of(const struct kind *kind, int argc, char **argv)
{
	size_t n = strlen(kind->name);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], kind->name, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	return NULL;
}

int main(int argc, char **argv)
{
	struct run total = {};

	if (crypto_init() < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		run_kind(&kinds[i], file_of(&kinds[i], argc, argv), &total);
	printf("%zu passed, %zu failed\n", total.npassed, total.nfailed);
	return total.nfailed || !total.npassed;
}

void vector(struct run *r, const char *group, size_t i, const char *name)
{
	count(r);
	r->group = group;
	snprintf(r->name, sizeof(r->name), "%s[%zu] %s", group, i, name);
}

void run_groups(struct run *r, const struct group *groups)
{
	json_foreach(member, r->file) {
		const struct group *g = groups;

		while (g->name && strcmp(g->name, json_key(member)) != 0)
			g++;
		if (g->name && g->run)
			g->run(r, member);
		else if (!g->name &&
			 (json_type(member) == JSON_ARRAY || json_type(member) == JSON_OBJECT))
			printf("%s: group \"%s\" skipped, nothing here reads it\n", r->kind,
			       json_key(member));
	}
}
