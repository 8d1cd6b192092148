/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passes BPFFS CGROUP PODS ROUNDS: reads PODS cgroups, which it makes below CGROUP/pods, in three ways that take
 * turns: one walk behind one flush, as the meter does it; opening, reading and closing two files of each; reading
 * the same two files by descriptors that are kept open. CPU time of the process for each pass, in ns.
 *
 * Prints {"walk":[...],"open":[...],"kept":[...],"file":"memory.current"}: the second file beside cpu.stat, which
 * is cgroup.stat where cgroup2 has no memory controller.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "bench/tool.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp.h"

#define PODS_MAX 4096
#define ROUNDS_MAX 1000
#define FILES 2

struct passes {
	struct dp *dp;
	char parent[256];
	const char *file[FILES];
	uint32_t pods;
	int (*kept)[FILES];
};

static void path_of(const struct passes *p, uint32_t pod, const char *file, char ret[320])
{
	snprintf(ret, 320, "%s/pod%u%s%s", p->parent, pod, file[0] ? "/" : "", file);
}

static void read_all(int fd)
{
	char text[4096];

	must(pread(fd, text, sizeof(text), 0) > 0, "reading a cgroup's file");
}

static void pass_walk(struct passes *p)
{
	const struct weir_sample *samples;
	struct err err = {};
	size_t n;

	errno = -dp_walk(p->dp, &samples, &n, &err);
	must(!errno && n == p->pods, err.text);
}

static void pass_open(struct passes *p)
{
	char path[320];

	for (uint32_t i = 0; i < p->pods; i++)
		for (int f = 0; f < FILES; f++) {
			cleanup(close_fd) int fd = -1;

			path_of(p, i, p->file[f], path);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			must(fd >= 0, path);
			read_all(fd);
		}
}

static void pass_kept(struct passes *p)
{
	for (uint32_t i = 0; i < p->pods; i++)
		for (int f = 0; f < FILES; f++)
			read_all(p->kept[i][f]);
}

static const struct {
	const char *name;
	void (*pass)(struct passes *p);
} ways[] = { { "walk", pass_walk }, { "open", pass_open }, { "kept", pass_kept } };

static void begin(struct passes *p, const char *bpffs, const char *cgroup)
{
	const struct rlimit files = { FILES * PODS_MAX + 64, FILES * PODS_MAX + 64 };
	const char *parents[1] = { p->parent };
	struct dp_options opt = { .bpffs = bpffs, .cgroup = cgroup, .meter_cgroup = p->parent };
	struct err err = {};
	char path[320];

	must(!setrlimit(RLIMIT_NOFILE, &files), "descriptors");
	p->kept = calloc(p->pods, sizeof(*p->kept));
	must(p->kept, "memory");
	snprintf(p->parent, sizeof(p->parent), "%s/pods", cgroup);
	for (uint32_t i = 0; i < p->pods; i++) {
		path_of(p, i, "", path);
		must(!mkdir(path, 0755), path);
	}
	path_of(p, 0, "memory.current", path);
	p->file[0] = "cpu.stat";
	p->file[1] = access(path, R_OK) ? "cgroup.stat" : "memory.current";
	for (uint32_t i = 0; i < p->pods; i++)
		for (int f = 0; f < FILES; f++) {
			path_of(p, i, p->file[f], path);
			p->kept[i][f] = open(path, O_RDONLY | O_CLOEXEC);
			must(p->kept[i][f] >= 0, path);
		}
	errno = -dp_open(&opt, &p->dp, &err);
	if (!errno)
		errno = -dp_parents_sync(p->dp, parents, 1, &err);
	must(!errno, err.text);
}

static void end(struct passes *p, const char *bpffs)
{
	char path[320];

	dp_close(&p->dp);
	must(!dp_detach(bpffs, NULL), "detaching");
	for (uint32_t i = 0; i < p->pods; i++) {
		path_of(p, i, "", path);
		must(!rmdir(path), path);
	}
	free(p->kept);
}

int main(int argc, char **argv)
{
	uint64_t ns[ARRAY_LEN(ways)][ROUNDS_MAX];
	struct passes p = {};
	uint32_t rounds;

	errno = EINVAL;
	must(argc == 5, "passes BPFFS CGROUP PODS ROUNDS");
	p.pods = number(argv[3], PODS_MAX);
	rounds = number(argv[4], ROUNDS_MAX);
	begin(&p, argv[1], argv[2]);
	for (uint32_t round = 0; round <= rounds; round++) /* one goes ahead */
		for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
			uint64_t from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

			ways[w].pass(&p);
			ns[w][round ? round - 1 : 0] = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
		}
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		printf("%s\"%s\":[", w ? "," : "{", ways[w].name);
		for (uint32_t i = 0; i < rounds; i++)
			printf("%s%" PRIu64, i ? "," : "", ns[w][i]);
		printf("]");
	}
	printf(",\"file\":\"%s\"}\n", p.file[1]);
	end(&p, argv[1]);
	return 0;
}
