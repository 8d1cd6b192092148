/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables BPFFS CGROUP MANIFESTS NODE <EVENTS: what the agent does with objects, step by step and timed, by its own
 * functions: a full sync into an empty kernel, a round that changes nothing, then each event (one JSON object a
 * line, as a watch of the API server would bring it) until it is in the kernel.
 *
 * Prints one JSON object: CPU time of the whole process for each step, and for an event the time on the clock
 * ("wall"), in ns; and the heap that objects and table take, in bytes.
 */
#include <malloc.h>

#include "agent/services.h"
#include "bench/tool.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "dp/dp.h"
#include "k8s/files.h"
#include "k8s/set.h"
#include "svc/plan.h"
#include "svc/svc.h"

#define EVENT_MAX 65536
#define EVENTS_MAX 100000

struct tables {
	struct dp *dp;
	struct kube_set *set;
	struct svc_idle *idle;
	struct services_node node;
	uint64_t mark; /* CPU time when the last step ended */
	bool some; /* a number was printed */
};

static void done(int r, const struct err *err)
{
	errno = -r;
	must(r >= 0, err && err->code ? err->text : "tables");
}

static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void begin(struct tables *t)
{
	t->some = false;
	t->mark = cpu_ns();
}

/* The step that ends here is called name. */
static void step(struct tables *t, const char *name)
{
	uint64_t now = cpu_ns();

	printf("%s\"%s\":%" PRIu64, t->some ? "," : "", name, now - t->mark);
	t->some = true;
	t->mark = cpu_ns();
}

static uint64_t boot_ms(void)
{
	return clock_ns(CLOCK_BOOTTIME) / 1000000;
}

static void left_out(void *arg, const char *title, size_t n, const struct err *first)
{
	(void)arg;
	fprintf(stderr, "tables: %s: %zu left out: %s\n", title, n, first->text);
	exit(1);
}

static void translate(const struct tables *t, struct svc_table **ret)
{
	struct err err = {};

	done(services_translate(t->set, &t->node, left_out, NULL, ret, &err), &err);
}

/* As svc_sync(), with its parts timed. */
static void sync_in_steps(struct tables *t, const struct svc_table *table)
{
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	uint64_t now = boot_ms();
	struct err err = {};
	size_t n_done;

	done(svc_actual_read(t->dp, &actual, &err), &err);
	step(t, "actual");
	svc_idle_observe(t->idle, &actual, now);
	step(t, "observe");
	done(svc_plan_make(table, &actual, t->idle, now, &plan, &err), &err);
	done(plan->full.code, &plan->full);
	step(t, "plan");
	done(svc_apply(t->dp, plan, &n_done, &err), &err);
	step(t, "apply");
}

static uint64_t heap_bytes(void)
{
	return mallinfo2().uordblks;
}

static void full_sync(struct tables *t, const char *manifests)
{
	cleanup(kube_files_free) struct kube_files *files = NULL;
	cleanup(svc_table_free) struct svc_table *table = NULL;
	uint64_t empty = heap_bytes(), objects, held;
	struct err err = {};
	bool changed;

	printf("\"sync\":{");
	begin(t);
	done(kube_files_read(manifests, NULL, &files, &err), &err);
	step(t, "read");
	done(kube_files_settle(files, NULL, &t->set, &changed, &err), &err);
	step(t, "settle");
	objects = heap_bytes() - empty;
	t->mark = cpu_ns();
	translate(t, &table);
	step(t, "translate");
	held = heap_bytes() - objects - empty;
	t->mark = cpu_ns();
	sync_in_steps(t, table);
	printf("},\"still\":{");
	begin(t);
	sync_in_steps(t, table);
	printf("},\"heap\":{\"objects\":%" PRIu64 ",\"table\":%" PRIu64 "}", objects, held);
}

static void whole_round(const struct tables *t, struct svc_table **ret)
{
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	struct err err = {};

	translate(t, ret);
	done(svc_sync(t->dp, *ret, t->idle, boot_ms(), &plan, &err), &err);
}

/* A changed object, from its bytes to the kernel: the short way, then the whole round that follows it. */
static void event(struct tables *t, struct svc_table **was, const char *text, size_t len)
{
	cleanup(kube_object_free) struct kube_object *obj = NULL;
	cleanup(svc_table_free) struct svc_table *one = NULL, *next = NULL;
	cleanup(svc_quick_free) struct svc_quick *quick = NULL;
	cleanup(json_free) struct json *json = NULL;
	const struct json *at = NULL;
	struct err err = {};
	uint64_t began;

	done(svc_quick_new(t->dp, t->idle, boot_ms(), &quick, &err), &err);
	began = clock_ns(CLOCK_MONOTONIC);
	begin(t);
	done(json_parse(text, len, EVENT_MAX, "event", &json, &err), &err);
	done(kube_object_decode(json, KUBE_KIND_MAX_, &obj, &at, &err), &err);
	done(kube_set_put(t->set, obj), NULL);
	step(t, "decode");
	done(services_translate_one(t->set, &t->node, obj->meta.namespace, obj->slice.service, &one,
				    &err),
	     &err);
	step(t, "translate");
	done(svc_quick_change(quick, *was, one, &err), &err);
	step(t, "sync");
	printf(",\"wall\":%" PRIu64, clock_ns(CLOCK_MONOTONIC) - began);
	svc_quick_free(&quick);
	begin(t);
	t->some = true;
	whole_round(t, &next);
	step(t, "round");
	svc_table_free(was);
	*was = take_ptr(next);
}

static void events(struct tables *t)
{
	cleanup(svc_table_free) struct svc_table *was = NULL;
	static char line[EVENT_MAX];

	whole_round(t, &was);
	printf(",\"events\":[");
	for (int i = 0; i < EVENTS_MAX && fgets(line, sizeof(line), stdin); i++) {
		printf("%s{", i ? "," : "");
		event(t, &was, line, strlen(line));
		putchar('}');
	}
	putchar(']');
}

int main(int argc, char **argv)
{
	struct tables t = {};
	struct err err = {};

	if (argc != 5)
		return 2;
	t.node.name = argv[4];
	done(dp_open(&(struct dp_options){ .bpffs = argv[1],
					   .cgroup = argv[2],
					   .meter_cgroup = argv[2] },
		     &t.dp, &err),
	     &err);
	done(svc_idle_new(SVC_GRACE_MS, &t.idle), NULL);
	putchar('{');
	full_sync(&t, argv[3]);
	events(&t);
	puts("}");
	svc_idle_free(&t.idle);
	kube_set_free(&t.set);
	dp_close(&t.dp);
	done(dp_detach(argv[1], &err), &err);
	return 0;
}
