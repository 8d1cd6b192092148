/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `files` source: Kubernetes objects from the *.yaml, *.yml and *.json files of one directory.
 *
 * Regular files only, and symbolic links that stay inside the directory (the kubelet mounts a
 * ConfigMap so); names that begin with a dot are skipped, and nothing below sub-directories is read.
 *
 * source_load() reads once, without a loop: any error fails it, with one line that names file, line
 * and object. source_start() does the same and then watches the directory: after a change has
 * settled, everything is read again (on the loop's thread pool) and compared with nothing - the
 * receiver gets the whole set. So a lost or doubled event costs at most time.
 *
 * I1. After the start a file that fails keeps its last good objects, and the others apply. Each
 *     error is told once, and again only after the file was good or failed in another way.
 * I2. One object in two files fails the file that brought it newly (both, when both did).
 * I3. A file without any object is an error: emptying a file, or the moment in which an editor
 *     truncates it, must not take Services away. Removing the file does.
 * I4. A directory that goes away keeps all objects, and is looked for every second.
 *
 * Not noticed by itself: when the path is a link to a directory and the link is turned;
 * source_reload() sees it.
 *
 * Threading: the loop's thread.
 */
#pragma once

struct err;
struct kube_set;
struct source;
struct uv_loop_s;

#define SOURCE_MAX_FILES 4096
#define SOURCE_MAX_BYTES (64u << 20) /* of all files together; one: YAML_MAX_BYTES */

int source_load(const char *path, struct kube_set **ret, struct err *err);

/* What source_start() tells; the arguments are borrowed for the call. */
struct source_ops {
	void (*changed)(void *arg,
			const struct kube_set *set); /* also after a reload of nothing new */
	void (*failed)(void *arg, const struct err *err);
};

/* ops is borrowed for the life of the source. The callbacks are first called out of the loop. */
int source_start(struct uv_loop_s *loop, const char *path, const struct source_ops *ops, void *arg,
		 struct source **ret, struct err *err);
/* The objects in effect, borrowed until the next callback. */
const struct kube_set *source_set(const struct source *s);
/* Reads again, soon. */
void source_reload(struct source *s);
/* No callback comes after this; the memory goes once the loop has run the closing. */
void source_stop(struct source **s);
