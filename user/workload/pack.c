/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/child.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "workload/bundled.h"

#define NPM_MS 600000u
#define GIT_MS 600000u
#define LISTING_MAX (32u << 20) /* what npm pack --json tells */
#define MANIFEST_MAX (1u << 20)
#define WORDS_MAX 2048u /* of a program's last words */

void pack_fini(struct pack *p)
{
	if (p->dir[0])
		dir_remove(p->dir, NULL);
	p->dir[0] = '\0';
}

static int make_temp(struct pack *p, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	int r = path_format(p->dir, sizeof(p->dir), "%s/weir-pack-XXXXXX",
			    tmp && *tmp ? tmp : "/tmp");

	if (r == 0 && !mkdtemp(p->dir))
		r = -errno;
	if (r < 0) {
		p->dir[0] = '\0';
		return err_errno(err, r, "making a temporary folder");
	}
	return 0;
}

/* The last line of what a program complained of, for an error. */
static const char *last_line(struct buf *words)
{
	char *at = words->data;

	if (!at)
		return "";
	while (words->len > 0 && strchr("\n\r ", at[words->len - 1]))
		at[--words->len] = '\0';
	at = strrchr(words->data, '\n');
	return at ? at + 1 : words->data;
}

/* npm's own errors come as many lines; the first that says something is the best. */
static const char *first_complaint(struct buf *words)
{
	static const char mark[] = "npm error ";
	const char *at = words->data ? strstr(words->data, mark) : NULL;

	for (; at; at = strstr(at + 1, mark)) {
		if (strncmp(at + strlen(mark), "code ", 5) == 0)
			continue;
		words->data[(size_t)(at - words->data) + strcspn(at, "\n")] = '\0';
		return at + strlen(mark);
	}
	return last_line(words);
}

static int run(const char *const *argv, uint32_t timeout_ms, struct buf *output, struct err *err)
{
	cleanup(buf_fini) struct buf words = BUF_INIT(WORDS_MAX);
	int status = 0;
	int r = child_run(&(struct child){ .argv = argv,
					   .output_fd = -1,
					   .output = output,
					   .errors = &words,
					   .timeout_ms = timeout_ms,
					   .our_environment = true },
			  &status, err);

	if (r < 0) {
		err_wrap(err, "publishing a package");
		return r;
	}
	if (status == 0)
		return 0;
	return err_set(err, -EREMOTEIO, "%s failed (exit %d): %.300s", argv[0], status,
		       strcmp(argv[0], "npm") == 0 ? first_complaint(&words) : last_line(&words));
}

static int read_manifest(const char *dir, struct json **ret, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(MANIFEST_MAX);
	char path[PATH_MAX];
	struct stat st;
	int r = path_format(path, sizeof(path), "%s/package.json", dir);

	if (r < 0)
		return err_errno(err, r, "%.200s", dir);
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -ENOENT, "there is no %s; name the folder of an npm package",
			       path);
	r = file_read(path, &text, err);
	return r < 0 ? r : json_parse(text.data, text.len, MANIFEST_MAX, path, ret, err);
}

/* The single .tgz that npm left. */
static int find_tarball(struct pack *p, const char *dir, struct err *err)
{
	cleanup(close_dir) DIR *d = opendir(dir);

	for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		size_t len = strlen(e->d_name);

		if (len > 4 && strcmp(e->d_name + len - 4, ".tgz") == 0)
			return path_format(p->tarball, sizeof(p->tarball), "%s/%s", dir, e->d_name);
	}
	return err_set(err, -EREMOTEIO, "npm pack made no tarball");
}

static int read_word(const struct json *made, const char *key, char *ret, size_t size,
		     struct err *err)
{
	const char *text = json_str(made, key, "");

	if (!*text || strlen(text) >= size)
		return err_set(err, -EINVAL, "package.json: \"%s\" is missing or too long", key);
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int read_made(struct pack *p, const char *src, const struct json *made, struct err *err)
{
	int r = read_word(made, "name", p->name, sizeof(p->name), err);

	if (r == 0)
		r = read_word(made, "version", p->version, sizeof(p->version), err);
	if (r < 0)
		return r;
	json_u64(made, "entryCount", &p->files);
	json_u64(made, "unpackedSize", &p->unpacked_bytes);
	return bundled_check(src, json_get(made, "files"), &p->bundled, err);
}

/* Packs src into the temporary folder. */
static int pack_source(struct pack *p, const char *src, struct err *err)
{
	cleanup(buf_fini) struct buf listing = BUF_INIT(LISTING_MAX);
	cleanup(json_free) struct json *made = NULL;
	char out[PATH_MAX];
	const char *const npm[] = { "npm",
				    "pack",
				    "--json",
				    "--ignore-scripts",
				    "--loglevel=error",
				    "--pack-destination",
				    out,
				    src,
				    NULL };
	int r = path_format(out, sizeof(out), "%s/out", p->dir);

	if (r < 0)
		return err_errno(err, r, "%.200s", p->dir);
	r = dir_make(out, 0700, err);
	if (r == 0)
		r = run(npm, NPM_MS, &listing, err);
	if (r == 0)
		r = json_parse(listing.data ? listing.data : "", listing.len, LISTING_MAX,
			       "npm pack --json", &made, err);
	if (r == 0)
		r = read_made(p, src, json_at(made, 0), err);
	return r < 0 ? r : find_tarball(p, out, err);
}

static void hand_over(struct pack *p, struct pack *ret)
{
	*ret = *p;
	p->dir[0] = '\0';
}

int pack_dir(const char *dir, struct pack *ret, struct err *err)
{
	cleanup(pack_fini) struct pack p = {};
	cleanup(json_free) struct json *manifest = NULL;
	cleanup(free_ptr) char *src = realpath(dir, NULL);
	int r;

	if (!src)
		return err_errno(err, -errno, "%s", dir);
	r = read_manifest(src, &manifest, err);
	if (r == 0)
		r = make_temp(&p, err);
	if (r == 0)
		r = pack_source(&p, src, err);
	if (r == 0)
		hand_over(&p, ret);
	return r;
}

/* A branch of the repository it was cloned from, or whatever else git knows by this name. */
static int find_commit(struct pack *p, const char *src, const char *ref, struct err *err)
{
	char full[2][512];

	if (ref[0] == '-' ||
	    path_format(full[0], sizeof(full[0]), "refs/remotes/origin/%s^{commit}", ref) < 0 ||
	    path_format(full[1], sizeof(full[1]), "%s^{commit}", ref) < 0)
		return err_set(err, -EINVAL, "'%.100s' is no name of a commit", ref);
	for (size_t i = 0; i < ARRAY_LEN(full); i++) {
		cleanup(buf_fini) struct buf out = BUF_INIT(WORDS_MAX);
		const char *const git[] = { "git",	"-C",	   src,	    "rev-parse",
					    "--verify", "--quiet", full[i], NULL };

		if (run(git, GIT_MS, &out, NULL) == 0 && out.len > 0) {
			out.data[strcspn(out.data, "\n")] = '\0';
			return path_format(p->commit, sizeof(p->commit), "%s", out.data);
		}
	}
	return err_set(err, -ENOENT, "the repository has no branch, tag or commit '%.100s'", ref);
}

static int export_commit(struct pack *p, const char *repo, const char *ref, const char *src,
			 struct err *err)
{
	const char *const clone[] = { "git",   "-c",	  "core.hooksPath=/dev/null",
				      "clone", "--quiet", "--no-checkout",
				      "--",    repo,	  src,
				      NULL };
	const char *const checkout[] = { "git",	    "-c",	"core.hooksPath=/dev/null",
					 "-C",	    src,	"checkout",
					 "--quiet", "--detach", p->commit,
					 NULL };
	int r = run(clone, GIT_MS, NULL, err);

	if (r == 0)
		r = find_commit(p, src, ref ? ref : "HEAD", err);
	return r < 0 ? r : run(checkout, GIT_MS, NULL, err);
}

/* Whoever unpacks it can see which commit it was made from. */
static int write_commit(const struct pack *p, const char *src, struct json *manifest,
			struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(2 * MANIFEST_MAX);
	char path[PATH_MAX];
	int r;

	json_set_str(manifest, "gitHead", p->commit);
	r = json_print(manifest, true, &text);
	if (r == 0)
		r = buf_puts(&text, "\n");
	if (r == 0)
		r = path_format(path, sizeof(path), "%s/package.json", src);
	if (r < 0)
		return err_errno(err, r, "writing the commit into package.json");
	return file_write_atomic(path, text.data, text.len, 0644, err);
}

static int install(const char *src, const struct json *manifest, struct err *err)
{
	const char *const npm[] = { "npm",
				    "ci",
				    "--prefix",
				    src,
				    "--ignore-scripts",
				    "--omit=dev",
				    "--no-audit",
				    "--no-fund",
				    "--loglevel=error",
				    NULL };
	char lock[PATH_MAX];

	if (json_len(json_get(manifest, "dependencies")) == 0)
		return 0;
	if (path_format(lock, sizeof(lock), "%s/package-lock.json", src) < 0 ||
	    access(lock, R_OK) < 0)
		return err_set(err, -EINVAL,
			       "the commit has dependencies and no package-lock.json, so what "
			       "would be packed is not fixed; commit one");
	return run(npm, NPM_MS, NULL, err);
}

int pack_git(const char *repo, const char *ref, struct pack *ret, struct err *err)
{
	cleanup(pack_fini) struct pack p = {};
	cleanup(json_free) struct json *manifest = NULL;
	char src[PATH_MAX];
	int r = make_temp(&p, err);

	if (r == 0 && path_format(src, sizeof(src), "%s/src", p.dir) < 0)
		r = err_errno(err, -ENAMETOOLONG, "%.200s", p.dir);
	if (r == 0)
		r = export_commit(&p, repo, ref, src, err);
	if (r == 0)
		r = read_manifest(src, &manifest, err);
	if (r == 0)
		r = install(src, manifest, err);
	if (r == 0)
		r = write_commit(&p, src, manifest, err);
	if (r == 0)
		r = pack_source(&p, src, err);
	if (r == 0)
		hand_over(&p, ret);
	return r;
}
