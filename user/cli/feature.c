/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "agent/config.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "dp/dp.h"

struct probed {
	struct json *list;
	char missing[256]; /* names of what can't be done without, with ", " between them */
};

static void add(struct probed *p, const struct dp_feature *f)
{
	struct json *o = json_new_object();
	size_t at = strlen(p->missing);

	json_set_str(o, "feature", f->name);
	json_set_bool(o, "have", f->have);
	json_set_bool(o, "needed", f->needed);
	json_set_str(o, "needed_for", f->why);
	json_set_str(o, "note", f->note[0] ? f->note : NULL);
	json_add(p->list, o);
	if (f->needed && !f->have)
		snprintf(p->missing + at, sizeof(p->missing) - at, "%s%s", at ? ", " : "", f->name);
}

static void add_mount(struct probed *p, const char *name, const char *path, unsigned long magic,
		      const char *why)
{
	struct dp_feature f = { .name = name, .why = why, .needed = true };
	struct statfs fs;

	f.have = statfs(path, &fs) == 0 && (unsigned long)fs.f_type == magic;
	if (!f.have)
		snprintf(f.note, sizeof(f.note), "none is mounted at %.64s", path);
	add(p, &f);
}

/* Not the kernel's choice but the machine's: what is mounted, and which cgroup has the controllers. */
static int add_machine(struct cli *cli, struct probed *p, struct err *err)
{
	struct dp_feature memory = { .name = "memory_controller",
				     .why = "measure the memory of pods" };
	const struct config *cfg;
	char why[256] = "";
	int rc = cli_config(cli, &cfg, err);

	if (rc < 0)
		return rc;
	add_mount(p, "bpffs", cfg->paths.bpffs, BPF_FS_MAGIC, "keep what directs and counts");
	add_mount(p, "cgroup2", cfg->paths.cgroup, CGROUP2_SUPER_MAGIC,
		  "know pods by their cgroup");
	memory.have = dp_memory_measured(cfg->paths.cgroup, why, sizeof(why));
	if (!memory.have)
		snprintf(memory.note, sizeof(memory.note), "%.95s", why);
	add(p, &memory);
	return 0;
}

static int run_probe(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(free_ptr) struct dp_feature *features = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	struct probed p = { .list = list };
	size_t n;
	int rc;

	if (!list)
		return -ENOMEM;
	rc = dp_probe(&features, &n, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		add(&p, &features[i]);
	rc = add_machine(cli, &p, err);
	if (rc < 0)
		return rc;
	*ret = take_ptr(list);
	/* -j says it by "needed" and "have"; people look at the end */
	if (p.missing[0] && !cli->args.json)
		err_set(err, -EOPNOTSUPP, "Weir can't run here; missing: %s", p.missing);
	return p.missing[0] != 0;
}

static const struct column columns[] = {
	{ "FEATURE", "feature", FORM_TEXT }, { "HAVE", "have", FORM_TEXT },
	{ "NEEDED", "needed", FORM_TEXT },   { "FOR", "needed_for", FORM_TEXT },
	{ "NOTE", "note", FORM_TEXT },	     {},
};

static const struct cli_command commands[] = {
	{
		.name = "probe",
		.help = "what this machine offers, found by trying; exit 1 when Weir can't run here",
		.more = "What is missing and not needed is done without, as its note says. Capabilities "
			"are those of this process: as a container, run it as the agent's is run.",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_probe,
	},
	{},
};

const struct cli_object cli_object_feature = {
	.name = "feature",
	.summary = "what this machine can do",
	.commands = commands,
};
