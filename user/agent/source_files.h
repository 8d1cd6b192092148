/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `files` source: the Kubernetes objects of one directory of manifests (k8s/files.h), kept up to
 * date.
 *
 * source_files_load() reads once, without a loop: any error fails it, with one line that names file, line
 * and object. source_files_start() does the same and then watches the directory: after a change has
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

#include "agent/source.h"

struct uv_loop_s;

int source_files_load(const char *path, struct kube_set **ret, struct err *err);

/* ops is borrowed for the life of the source. */
int source_files_start(struct uv_loop_s *loop, const char *path, const struct source_ops *ops,
		       void *arg, struct source **ret, struct err *err);
