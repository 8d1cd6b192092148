/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/child.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

#define RUNC "runc"
#define RUNC_TIMEOUT_MS 30000
#define KILLED_TIMEOUT_MS 10000
#define OUTPUT_MAX (64u << 10)

/* runc's last word: a line {"level":"error","msg":"..."}. */
static void last_message(const struct buf *out, char *ret, size_t size)
{
	cleanup(json_free) struct json *j = NULL;
	const char *end, *line;

	snprintf(ret, size, "no reason given");
	if (out->len == 0)
		return;
	end = out->data + out->len;
	while (end > out->data && (end[-1] == '\n' || end[-1] == '\0'))
		end--;
	for (line = end; line > out->data && line[-1] != '\n';)
		line--;
	if (json_parse(line, (size_t)(end - line), OUTPUT_MAX, RUNC, &j, NULL) == 0)
		snprintf(ret, size, "%s", json_str(j, "msg", "no reason given"));
	else if (end > line)
		snprintf(ret, size, "%.*s", (int)(end - line), line);
}

/* Runs `runc --root ROOT args...`; a failure becomes an error with runc's own reason. */
static int runc(const char *root, const char *const *args, struct buf *out, struct err *err)
{
	const char *argv[16] = { RUNC, "--log-format", "json", "--root", root };
	struct child c = {
		.argv = argv, .output_fd = -1, .output = out, .timeout_ms = RUNC_TIMEOUT_MS
	};
	char why[256];
	int status = 0;

	for (size_t i = 0, n = 5; args[i] && n < ARRAY_LEN(argv) - 1; i++, n++)
		argv[n] = args[i];
	int r = child_run(&c, &status, err);

	if (r < 0)
		return r;
	if (status == 0)
		return 0;
	last_message(out, why, sizeof(why));
	return err_set(err, -EIO, "runc %s: %s", args[0], why);
}

/* runc changes the propagation of "/", which is possible only where "/" is a mount point. In a
 * chroot it is not, and --no-pivot does not help: that comes after it. */
static int check_root(struct err *err)
{
	struct statx stx = {};

	if (statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &stx) < 0)
		return err_errno(err, -errno, "reading /");
	if (!(stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) || /* before Linux 5.8: runc tells */
	    (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return 0;
	return err_set(err, -ENOTSUP,
		       "/ is not a mount point, and runc needs one; in a chroot, run `mount --bind "
		       "DIR DIR` before `chroot DIR`");
}

static int create_failed(const char *log_path, struct err *err)
{
	cleanup(buf_fini) struct buf log = BUF_INIT(OUTPUT_MAX);
	char why[256] = "no reason given";

	if (file_read(log_path, &log, NULL) == 0)
		last_message(&log, why, sizeof(why));
	return err_set(err, -EIO, "runc create: %s", why);
}

int runtime_create(const char *root, const char *id, const char *bundle,
		   const struct runtime_files *files, struct err *err)
{
	char log_path[PATH_MAX];
	int status = 0, r = path_format(log_path, sizeof(log_path), "%s/runc.log", bundle);

	if (r < 0)
		return err_errno(err, r, "%s", bundle);
	r = check_root(err);
	if (r < 0)
		return r;
	/* runc's own output can't be captured here: its descriptors become the container's. */
	const char *const argv[] = { RUNC,    "--log-format",	  "json",
				     "--log", log_path,		  "--root",
				     root,    "create",		  "--bundle",
				     bundle,  "--preserve-fds=2", id,
				     NULL };
	struct child c = { .argv = argv,
			   .output_fd = files->log,
			   .handed = files->handed,
			   .n_handed = ARRAY_LEN(files->handed),
			   .timeout_ms = RUNC_TIMEOUT_MS };

	if (unlink(log_path) < 0 && errno != ENOENT)
		return err_errno(err, -errno, "removing %s", log_path);
	r = child_run(&c, &status, err);
	if (r < 0)
		return r;
	return status == 0 ? 0 : create_failed(log_path, err);
}

int runtime_start(const char *root, const char *id, struct err *err)
{
	const char *const args[] = { "start", id, NULL };
	cleanup(buf_fini) struct buf out = BUF_INIT(OUTPUT_MAX);

	return runc(root, args, &out, err);
}

/* runc keeps a folder for each container; without it there is nothing to ask. */
static bool has_folder(const char *root, const char *id)
{
	char path[PATH_MAX];

	return path_format(path, sizeof(path), "%s/%s", root, id) == 0 && access(path, F_OK) == 0;
}

static int parse_state(const struct buf *out, struct runtime_state *ret, struct err *err)
{
	static const struct {
		const char *text;
		enum runtime_status status;
	} names[] = {
		/* "creating" is what a create that was interrupted leaves */
		{ "creating", RUNTIME_STATUS_STOPPED }, { "created", RUNTIME_STATUS_CREATED },
		{ "running", RUNTIME_STATUS_RUNNING },	{ "paused", RUNTIME_STATUS_RUNNING },
		{ "stopped", RUNTIME_STATUS_STOPPED },
	};
	cleanup(json_free) struct json *j = NULL;
	uint64_t pid = 0;
	int r = json_parse(out->data ? out->data : "", out->len, OUTPUT_MAX, "runc state", &j, err);

	if (r < 0)
		return r;
	const char *text = json_str(j, "status", "");

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i].text) != 0)
			continue;
		if (json_u64(j, "pid", &pid) < 0 || pid > INT_MAX)
			break;
		*ret = (struct runtime_state){ .status = names[i].status, .pid = (pid_t)pid };
		if (ret->status == RUNTIME_STATUS_STOPPED)
			ret->pid = 0;
		return 0;
	}
	return err_set(err, -EBADMSG, "runc state: status '%.32s' is unknown or has no pid", text);
}

int runtime_state(const char *root, const char *id, struct runtime_state *ret, struct err *err)
{
	const char *const args[] = { "state", id, NULL };
	cleanup(buf_fini) struct buf out = BUF_INIT(OUTPUT_MAX);

	if (!has_folder(root, id)) {
		*ret = (struct runtime_state){ .status = RUNTIME_STATUS_ABSENT };
		return 0;
	}
	int r = runc(root, args, &out, err);

	return r < 0 ? r : parse_state(&out, ret, err);
}

static int send_signal(const char *root, const char *id, const char *name, struct err *err)
{
	const char *const args[] = { "kill", id, name, NULL };
	cleanup(buf_fini) struct buf out = BUF_INIT(OUTPUT_MAX);

	return runc(root, args, &out, err);
}

/* Whether a signal arrived is not asked: it can't reach what has just ended. The wait decides. */
static int end_process(const char *root, const char *id, const struct runtime_state *state,
		       uint32_t grace_ms, struct err *err)
{
	/* Before start the process is runc's own, which has nothing to finish. */
	if (state->status == RUNTIME_STATUS_RUNNING && grace_ms > 0) {
		send_signal(root, id, "TERM", NULL);
		int r = process_wait(state->pid, grace_ms, err);

		if (r != -ETIMEDOUT)
			return r;
	}
	send_signal(root, id, "KILL", NULL);
	return process_wait(state->pid, KILLED_TIMEOUT_MS, err);
}

int runtime_stop(const char *root, const char *id, uint32_t grace_ms, struct err *err)
{
	const char *const args[] = { "delete", "--force", id, NULL };
	cleanup(buf_fini) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct runtime_state state = {};

	if (!has_folder(root, id))
		return 0;
	/* A state that can't be read is that of an interrupted create: delete clears it away. */
	if (runtime_state(root, id, &state, NULL) == 0 && state.pid > 0) {
		int r = end_process(root, id, &state, grace_ms, err);

		if (r < 0)
			return r;
	}
	return runc(root, args, &out, err);
}
