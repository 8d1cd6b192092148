/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: the *.yaml, *.yml and *.json files of one directory, each with its objects or its error.
 *
 * Regular files only, and symbolic links that stay inside the directory (the kubelet mounts a
 * ConfigMap so); names that begin with a dot are skipped, sub-directories are not read.
 *
 *	kube_files_read(path, old, &fresh, &err);              what is on disk
 *	kube_files_settle(fresh, old, &set, &changed, &err);   what takes effect
 *
 * I1. A file that fails keeps its last good objects, and the others take effect.
 * I2. One object in two files fails the file that brought it newly; of two, the later by name.
 * I3. A file without any object is an error: emptying a file, or the moment in which an editor
 *     truncates it, must not take Services away. Removing the file does.
 * I4. A file whose text is what it was keeps its objects, the same ones: nothing is decoded anew.
 *
 * Errors name file, line, object and field: "manifests/a.yaml:7: Service demo/web: spec.ports[1]
 * .port: 99999 is out of range; use 1 to 65535".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define KUBE_FILES_MAX 4096
#define KUBE_FILES_MAX_BYTES (64u << 20) /* of all files together; one: YAML_MAX_BYTES */

struct err;
struct kube_files;
struct kube_set;

/* Fails only for the directory as a whole; a file's failure stays with the file. old is what is in
 * effect (NULL: nothing). Blocks on disk; may run in any thread, while nobody changes old. */
int kube_files_read(const char *path, const struct kube_files *old, struct kube_files **ret,
		    struct err *err);
void kube_files_free(struct kube_files **files);

/*
 * Makes fresh what is in effect. What failed takes over its last good objects from old (NULL: there
 * is none), which is then only good for kube_files_tell() and freeing. *ret are the objects of all
 * files together; *ret_changed tells whether they can differ from old's. On failure (-ENOMEM, -E2BIG)
 * old stays in effect.
 */
int kube_files_settle(struct kube_files *fresh, struct kube_files *old, struct kube_set **ret,
		      bool *ret_changed, struct err *err);

/* Calls tell for each file's error, in order of their names, that old (may be NULL) had not. */
typedef void (*kube_files_tell_fn)(void *arg, const struct err *err);
void kube_files_tell(const struct kube_files *files, const struct kube_files *old,
		     kube_files_tell_fn tell, void *arg);
