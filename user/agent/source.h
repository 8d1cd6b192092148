/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `files` source: the Kubernetes objects of one directory of manifests (k8s/files.h), kept up to
 * date.
 *
 * source_load() reads once, without a loop: any error fails it, with one line that names file, line
 * and object. source_start() does the same and then watches the directory: after a change has
 * settled, everything is read again, on the loop's thread pool, and the receiver gets the whole set.
 * So a lost or doubled event costs at most time.
 *
 * I1. After the start a file that fails keeps its last good objects, and the others take effect. Each
 *     error is told once, and again only after the file was good or failed in another way.
 * I2. A directory that goes away keeps all objects, and is looked for every second. So is one that
 *     can't be watched (no inotify instance left).
 * I3. What changed while it was read is read again before it takes effect, at most for two seconds.
 *
 * Not noticed by itself: when the path is a link to a directory and the link is turned;
 * source_reload() sees it.
 *
 * Threading: the loop's thread.
 */
#pragma once

struct err;
struct kube_set;
struct kube_touched;
struct source;
struct uv_loop_s;

int source_load(const char *path, struct kube_set **ret, struct err *err);

/* What a source tells, out of the loop; the arguments are borrowed for the call. */
struct source_ops {
	/* Not when all is as it was. */
	void (*changed)(void *arg, const struct kube_set *set, const struct kube_touched *touched);
	void (*failed)(void *arg, const struct err *err);
};

/* ops is borrowed for the life of the source. */
int source_start(struct uv_loop_s *loop, const char *path, const struct source_ops *ops, void *arg,
		 struct source **ret, struct err *err);
/* The objects in effect, borrowed until the next callback. */
const struct kube_set *source_set(const struct source *s);
/* Reads again, soon. */
void source_reload(struct source *s);
/* No callback comes after this; the memory goes once the loop has run the closing. NULL: nothing. */
void source_stop(struct source **s);
