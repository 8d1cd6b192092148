/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"
#include "core/yaml.h"
#include "k8s/set.h"

struct file {
	char name[NAME_MAX + 1];
	uint8_t digest[HASH_LEN]; /* of the text that set came from */
	struct kube_set *set; /* NULL: failed, or is what it was; once in effect: never was good */
	struct err err; /* code 0: none */
	bool changed, reverted; /* against what was in effect; only while settling */
};

struct kube_files {
	char path[PATH_MAX];
	struct file *v; /* sorted by name */
	size_t n;
};

void kube_files_free(struct kube_files **files)
{
	struct kube_files *fs = take_ptr(*files);

	if (!fs)
		return;
	for (size_t i = 0; i < fs->n; i++)
		kube_set_free(&fs->v[i].set);
	free(fs->v);
	free(fs);
}

static struct file *find_file(const struct kube_files *fs, const char *name)
{
	size_t low = 0, high = fs ? fs->n : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(fs->v[mid].name, name);

		if (c == 0)
			return &fs->v[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static bool is_wanted(const char *name)
{
	static const char *const suffixes[] = { ".yaml", ".yml", ".json" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(suffixes) && name[0] != '.'; i++) {
		size_t tail = strlen(suffixes[i]);

		if (len > tail && strcmp(name + len - tail, suffixes[i]) == 0)
			return true;
	}
	return false;
}

static int cmp_file(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int add_file(struct kube_files *fs, const char *name)
{
	if (fs->n == KUBE_FILES_MAX)
		return -E2BIG;
	if ((fs->n & (fs->n - 1)) == 0) {
		size_t cap = fs->n ? fs->n * 2 : 1;
		struct file *v = reallocarray(fs->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		fs->v = v;
	}
	struct file *f = &fs->v[fs->n++];
	*f = (struct file){};
	snprintf(f->name, sizeof(f->name), "%s", name);
	return 0;
}

static int list_files(int dirfd, struct kube_files *fs)
{
	cleanup(close_fd) int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	cleanup(close_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	(void)take_fd(fd); /* closedir() closes it */
	while (errno = 0, (e = readdir(dir))) {
		int r = is_wanted(e->d_name) ? add_file(fs, e->d_name) : 0;

		if (r < 0)
			return r;
	}
	if (errno)
		return -errno;
	if (fs->n)
		qsort(fs->v, fs->n, sizeof(*fs->v), cmp_file);
	return 0;
}

/* *ret_fd stays -1 for what is no file to read: a directory, a pipe, or gone meanwhile. */
static int open_file(int dirfd, const char *name, int *ret_fd, struct err *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	cleanup(close_fd) int fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	int code = fd < 0 ? -errno : 0;
	struct stat st;

	if (code == -EXDEV)
		return err_set(err, code, "a link out of the directory; put the file there");
	if (code == -ENOENT && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, code, "a link to nothing; remove it");
	if (code < 0)
		return code == -ENOENT ? 0 : err_errno(err, code, "can't be opened");
	if (fstat(fd, &st) < 0)
		return err_errno(err, -errno, "can't be read");
	if (S_ISREG(st.st_mode))
		*ret_fd = take_fd(fd);
	return 0;
}

static int read_text(int fd, struct buf *out, struct err *err)
{
	char block[16384];

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, -errno, "can't be read");
		int r = buf_append(out, block, (size_t)n);
		if (r == -E2BIG)
			return err_set(err, r, "has more than %zu bytes; split it", out->limit);
		if (r < 0)
			return err_errno(err, r, "can't be read");
	}
}

static int decode_text(const char *title, const struct buf *text, struct kube_set *set,
		       struct err *err)
{
	cleanup(yaml_free) struct yaml *yaml = NULL;
	size_t n = 0;
	int r = yaml_parse(text->data ? text->data : "", text->len, title, &yaml, err);

	for (size_t i = 0; r == 0 && i < yaml_len(yaml); i++) {
		const struct json *doc = yaml_doc(yaml, i), *at = doc;

		if (json_type(doc) == JSON_NULL) /* between two "---" */
			continue;
		n++;
		r = kube_set_decode(set, doc, &at, err);
		if (r < 0)
			err_wrap(err, "%s:%u", title, yaml_line(yaml, at));
	}
	if (r == 0 && n == 0)
		r = err_set(err, -EINVAL,
			    "%s: holds no object; remove the file to remove its objects", title);
	return r;
}

/* Fills f->set or f->err, or neither: it is what it was. false: there is nothing to read. */
static bool load_file(const struct kube_files *fs, const struct kube_files *old, int dirfd,
		      struct file *f, size_t *total)
{
	size_t left = KUBE_FILES_MAX_BYTES - *total;
	cleanup(buf_fini) struct buf text = BUF_INIT(left < YAML_MAX_BYTES ? left : YAML_MAX_BYTES);
	cleanup(kube_set_free) struct kube_set *set = NULL;
	const struct file *before = find_file(old, f->name);
	cleanup(close_fd) int fd = -1;
	char title[PATH_MAX + NAME_MAX + 2];

	snprintf(title, sizeof(title), "%s/%s", fs->path, f->name);
	int r = open_file(dirfd, f->name, &fd, &f->err);
	if (r == 0 && fd < 0)
		return false;
	if (r == 0)
		r = read_text(fd, &text, &f->err);
	if (r < 0) {
		err_wrap(&f->err, "%s", title);
		return true;
	}
	*total += text.len;
	blake2b256(text.data ? text.data : "", text.len, f->digest);
	if (before && before->set && !memcmp(before->digest, f->digest, HASH_LEN))
		return true;
	r = kube_set_new(&set);
	if (r < 0)
		err_errno(&f->err, r, "%s", title);
	else if (decode_text(title, &text, set, &f->err) == 0)
		f->set = take_ptr(set);
	return true;
}

int kube_files_read(const char *path, const struct kube_files *old, struct kube_files **ret,
		    struct err *err)
{
	cleanup(kube_files_free) struct kube_files *fs = calloc(1, sizeof(*fs));
	cleanup(close_fd) int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dirfd < 0 ? -errno : 0;
	size_t total = 0, n = 0;

	if (r < 0)
		return err_set(err, r, "%s: %s; give a directory of manifests", path, strerror(-r));
	if (!fs)
		return err_errno(err, -ENOMEM, "%s", path);
	if (snprintf(fs->path, sizeof(fs->path), "%s", path) >= (int)sizeof(fs->path))
		return err_errno(err, -ENAMETOOLONG, "%s", path);
	r = list_files(dirfd, fs);
	if (r == -E2BIG)
		return err_set(err, r, "%s: more than %d manifests; merge some of them", path,
			       KUBE_FILES_MAX);
	if (r < 0)
		return err_errno(err, r, "%s", path);
	for (size_t i = 0; i < fs->n; i++) {
		struct file f = fs->v[i];

		if (load_file(fs, old, dirfd, &f, &total))
			fs->v[n++] = f;
	}
	fs->n = n;
	*ret = take_ptr(fs);
	return 0;
}

/* ---- What takes effect ---------------------------------------------------------------------- */

static void compare(struct kube_files *fresh, const struct kube_files *old)
{
	for (size_t i = 0; i < fresh->n; i++) {
		struct file *f = &fresh->v[i];
		const struct file *before = find_file(old, f->name);

		f->reverted = !f->set;
		f->changed =
			!before || !before->set || memcmp(f->digest, before->digest, HASH_LEN) != 0;
	}
}

/* What was read, or what was good before. */
static const struct kube_set *stands_for(const struct file *f, const struct kube_files *old)
{
	const struct file *at = f->reverted ? find_file(old, f->name) : f;

	return at ? at->set : NULL;
}

/* On -EEXIST: *ret_at is the file that brings the object a second time. */
static int merge(const struct kube_files *fresh, const struct kube_files *old,
		 struct kube_set **ret, size_t *ret_at, const struct kube_object **ret_twice)
{
	cleanup(kube_set_free) struct kube_set *all = NULL;
	int r = kube_set_new(&all);

	for (size_t i = 0; r == 0 && i < fresh->n; i++) {
		const struct kube_set *set = stands_for(&fresh->v[i], old);

		if (set)
			r = kube_set_merge(all, set, ret_twice);
		if (r < 0)
			*ret_at = i;
	}
	if (r == 0)
		*ret = take_ptr(all);
	return r;
}

static struct file *first_with(const struct kube_files *fresh, const struct kube_files *old,
			       const struct kube_object *obj)
{
	for (size_t i = 0; i < fresh->n; i++) {
		const struct kube_set *set = stands_for(&fresh->v[i], old);

		if (set && kube_set_find(set, obj->kind, obj->meta.namespace, obj->meta.name))
			return &fresh->v[i];
	}
	return NULL;
}

static bool is_to_blame(const struct file *f)
{
	return f->changed && !f->reverted;
}

/* Takes back the file that brought the object newly. `later` is later by name than the other. */
static int revert(struct kube_files *fresh, const struct kube_files *old, struct file *later,
		  const struct kube_object *twice)
{
	struct file *first = first_with(fresh, old, twice);
	char title[KUBE_TITLE_MAX];

	if (!first || (!is_to_blame(first) && !is_to_blame(later)))
		return -EEXIST; /* can't be: what was in effect had no object twice */
	struct file *bad = is_to_blame(later) ? later : first;
	const struct file *other = bad == later ? first : later;

	bad->reverted = true;
	err_set(&bad->err, -EEXIST, "%s/%s: %s: is in %s/%s too; remove one", fresh->path,
		bad->name, kube_object_title(twice, title), fresh->path, other->name);
	return 0;
}

/* Moves what stands into fresh; true when that can differ from what was. */
static bool keep_good(struct kube_files *fresh, const struct kube_files *old)
{
	bool changed = !old || fresh->n != old->n;

	for (size_t i = 0; i < fresh->n; i++) {
		struct file *f = &fresh->v[i], *before = find_file(old, f->name);

		changed = changed || !before || is_to_blame(f);
		if (!f->reverted)
			continue;
		kube_set_free(&f->set);
		if (before) {
			f->set = take_ptr(before->set);
			memcpy(f->digest, before->digest, HASH_LEN);
		}
	}
	return changed;
}

/*
 * An object in two files takes one of them back, and what that one stood for before may be in the
 * way of a third: begin again. Each round takes back one file more, and all files taken back is what
 * was in effect, with no object twice; so it ends.
 */
int kube_files_settle(struct kube_files *fresh, struct kube_files *old, struct kube_set **ret,
		      bool *ret_changed, struct err *err)
{
	cleanup(kube_set_free) struct kube_set *all = NULL;
	const struct kube_object *twice = NULL;
	size_t at = 0;
	int r;

	compare(fresh, old);
	while ((r = merge(fresh, old, &all, &at, &twice)) == -EEXIST) {
		r = revert(fresh, old, &fresh->v[at], twice);
		if (r < 0)
			break;
	}
	if (r < 0)
		return err_errno(err, r, "%s", fresh->path);
	*ret_changed = keep_good(fresh, old);
	*ret = take_ptr(all);
	return 0;
}

void kube_files_tell(const struct kube_files *files, const struct kube_files *old,
		     kube_files_tell_fn tell, void *arg)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct file *f = &files->v[i], *before = find_file(old, f->name);

		if (f->err.code && (!before || strcmp(before->err.text, f->err.text) != 0))
			tell(arg, &f->err);
	}
}
