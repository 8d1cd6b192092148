/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/run.h"

#include <errno.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "unit/core/test.h"

static const char *const env[] = { "GREETING=$(HOME) costs $5", "EMPTY=", NULL };

static struct kube_run sample(void)
{
	return (struct kube_run){
		.namespace = "weir-workloads",
		.name = "shop",
		.lease = "Shop.1",
		.package = "sha512-abc",
		.node = "node-a",
		.image = "docker.io/library/node:22-slim",
		.code = "/var/lib/weir/packages/sha512-abc",
		.entry = "lib/server.js",
		.port = 8080,
		.env = env,
		.cpu_millis = 250,
		.memory_bytes = 134217728,
	};
}

static char *text_of(const struct kube_run *spec, enum kube_run_object what)
{
	cleanup(json_free) struct json *j = NULL;
	struct buf out = BUF_INIT(1 << 16);
	struct err err = {};

	if (kube_run_json(spec, what, &j, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(json_print(j, false, &out), 0);
	return buf_take(&out);
}

#define LABELS                                                                                 \
	"\"labels\":{\"app.kubernetes.io/managed-by\":\"weir\",\"weir.dev/lease\":\"Shop.1\"," \
	"\"weir.dev/workload\":\"shop\"}"

/* Whole, since whoever applies owns each of these fields. */
static void each_object_is_written_as_it_is_applied(void **state)
{
	static const char *const want[] = {
		[KUBE_RUN_VOLUME] =
			"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":{\"name\":"
			"\"weir-workloads-shop\"," LABELS "},\"spec\":{"
			"\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"ReadOnlyMany\"],"
			"\"persistentVolumeReclaimPolicy\":\"Retain\",\"storageClassName\":\"\","
			"\"hostPath\":{\"path\":\"/var/lib/weir/packages/sha512-abc\",\"type\":"
			"\"Directory\"},\"claimRef\":{\"apiVersion\":\"v1\",\"kind\":"
			"\"PersistentVolumeClaim\",\"namespace\":\"weir-workloads\",\"name\":\"shop\"}}}",
		[KUBE_RUN_CLAIM] =
			"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{"
			"\"name\":\"shop\",\"namespace\":\"weir-workloads\"," LABELS "},\"spec\":{"
			"\"accessModes\":[\"ReadOnlyMany\"],\"resources\":{\"requests\":{\"storage\":"
			"\"1Gi\"}},\"storageClassName\":\"\",\"volumeName\":\"weir-workloads-shop\"}}",
		[KUBE_RUN_SERVICE] =
			"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"shop\","
			"\"namespace\":\"weir-workloads\"," LABELS "},\"spec\":{\"ports\":[{"
			"\"name\":\"http\",\"protocol\":\"TCP\",\"port\":8080,\"targetPort\":8080}],"
			"\"selector\":{\"weir.dev/workload\":\"shop\"}}}",
		[KUBE_RUN_POD] =
			"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"shop\","
			"\"namespace\":\"weir-workloads\"," LABELS ",\"annotations\":{"
			"\"weir.dev/package\":\"sha512-abc\"}},\"spec\":{\"nodeName\":\"node-a\","
			"\"automountServiceAccountToken\":false,\"enableServiceLinks\":false,"
			"\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":10,"
			"\"securityContext\":{\"runAsNonRoot\":true,\"runAsUser\":65534,"
			"\"runAsGroup\":65534,\"seccompProfile\":{\"type\":\"RuntimeDefault\"}},"
			"\"containers\":[{\"name\":\"app\",\"image\":\"docker.io/library/node:22-slim\","
			"\"ports\":[{\"name\":\"http\",\"protocol\":\"TCP\",\"containerPort\":8080}],"
			"\"env\":[{\"name\":\"PORT\",\"value\":\"8080\"},{\"name\":\"HOST\",\"value\":"
			"\"0.0.0.0\"},{\"name\":\"NODE_ENV\",\"value\":\"production\"},{\"name\":\"HOME\","
			"\"value\":\"/tmp\"},{\"name\":\"TMPDIR\",\"value\":\"/tmp\"},{\"name\":"
			"\"GREETING\",\"value\":\"$$(HOME) costs $$5\"},{\"name\":\"EMPTY\",\"value\":"
			"\"\"}],\"resources\":{\"requests\":{\"cpu\":\"250m\",\"memory\":\"134217728\"},"
			"\"limits\":{\"cpu\":\"250m\",\"memory\":\"134217728\"}},\"securityContext\":{"
			"\"allowPrivilegeEscalation\":false,\"readOnlyRootFilesystem\":true,"
			"\"runAsNonRoot\":true,\"capabilities\":{\"drop\":[\"ALL\"]},"
			"\"seccompProfile\":{\"type\":\"RuntimeDefault\"}},\"volumeMounts\":[{\"name\":"
			"\"code\",\"mountPath\":\"/app\",\"readOnly\":true},{\"name\":\"tmp\","
			"\"mountPath\":\"/tmp\"}],\"command\":[\"node\",\"/app/lib/server.js\"]}],"
			"\"volumes\":[{\"name\":\"code\",\"persistentVolumeClaim\":{\"claimName\":"
			"\"shop\",\"readOnly\":true}},{\"name\":\"tmp\",\"emptyDir\":{\"sizeLimit\":"
			"\"64Mi\"}}]}}",
	};
	const struct kube_run spec = sample();

	(void)state;
	for (int what = 0; what < KUBE_RUN_OBJECT_MAX_; what++) {
		cleanup(free_ptr) char *text = text_of(&spec, (enum kube_run_object)what);

		assert_string_equal(text, want[what]);
	}
}

static void no_limit_is_none(void **state)
{
	struct kube_run spec = sample();
	cleanup(free_ptr) char *text = NULL;

	(void)state;
	spec.cpu_millis = 0;
	spec.memory_bytes = 0;
	spec.env = NULL;
	text = text_of(&spec, KUBE_RUN_POD);
	assert_non_null(strstr(text, "\"resources\":{\"requests\":{},\"limits\":{}}"));
}

static void readiness_is_a_connection_or_an_answer(void **state)
{
	struct kube_run spec = sample();
	cleanup(free_ptr) char *none = NULL, *tcp = NULL, *http = NULL;

	(void)state;
	none = text_of(&spec, KUBE_RUN_POD);
	assert_null(strstr(none, "readinessProbe"));
	spec.probed = true;
	tcp = text_of(&spec, KUBE_RUN_POD);
	assert_non_null(
		strstr(tcp, "\"readinessProbe\":{\"tcpSocket\":{\"port\":8080},\"periodSeconds\":5,"
			    "\"timeoutSeconds\":1,\"failureThreshold\":3}"));
	spec.probe_path = "/up?x=1";
	http = text_of(&spec, KUBE_RUN_POD);
	assert_non_null(strstr(http, "\"httpGet\":{\"port\":8080,\"path\":\"/up?x=1\"}"));
}

static void paths_are_those_of_the_objects(void **state)
{
	static const char *const want[] = {
		[KUBE_RUN_VOLUME] = "/api/v1/persistentvolumes/weir-workloads-shop",
		[KUBE_RUN_CLAIM] = "/api/v1/namespaces/weir-workloads/persistentvolumeclaims/shop",
		[KUBE_RUN_SERVICE] = "/api/v1/namespaces/weir-workloads/services/shop",
		[KUBE_RUN_POD] = "/api/v1/namespaces/weir-workloads/pods/shop",
	};

	(void)state;
	for (int what = 0; what < KUBE_RUN_OBJECT_MAX_; what++) {
		cleanup(buf_fini) struct buf out = BUF_INIT(1024);

		assert_int_equal(
			kube_run_path("weir-workloads", "shop", (enum kube_run_object)what, &out),
			0);
		assert_string_equal(out.data, want[what]);
	}
}

/* What is refused here, the API server would refuse as a whole, or take for something else. */
static void what_the_server_would_refuse_is_named_before(void **state)
{
	static const char *const none[] = { "=x", NULL }, *const bare[] = { "X", NULL },
				 *const own[] = { "PORT=1", NULL },
				 *const path[] = { "PATH=/x", NULL },
				 *const twice[] = { "A=1", "B=2", "A=3", NULL },
				 *const near[] = { "PORTS=1", "POR=2", NULL };
	static const struct {
		struct kube_run spec; /* what differs */
		const char *says;
	} bad[] = {
		{ { .name = "" }, "a name is" },
		{ { .name = "Shop" }, "a name is" },
		{ { .name = "1shop" }, "a name is" },
		{ { .name = "shop-" }, "a name is" },
		{ { .name = "a.b" }, "a name is" },
		{ { .name = "../../x" }, "a name is" },
		{ { .name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		  "a name is" },
		{ { .lease = "" }, "a label's value" },
		{ { .lease = "-x" }, "a label's value" },
		{ { .lease = "a b" }, "a label's value" },
		{ { .image = "" }, "workload.image" },
		{ { .code = "packages" }, "absolute" },
		{ { .code = "/var/../etc" }, "absolute" },
		{ { .code = "/" }, "absolute" },
		{ { .entry = "../x" }, "within the package" },
		{ { .entry = "/x" }, "within the package" },
		{ { .entry = "a//b" }, "within the package" },
		{ { .env = none }, "K=V" },
		{ { .env = bare }, "K=V" },
		{ { .env = own }, "PORT is set already" },
		{ { .env = path }, "PATH is set already" },
		{ { .env = twice }, "A is set already" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct json *untouched = NULL;
		struct kube_run spec = sample();
		struct err err = {};

		spec.name = bad[i].spec.name ?: spec.name;
		spec.lease = bad[i].spec.lease ?: spec.lease;
		spec.image = bad[i].spec.image ?: spec.image;
		spec.code = bad[i].spec.code ?: spec.code;
		spec.entry = bad[i].spec.entry ?: spec.entry;
		spec.env = bad[i].spec.env ?: spec.env;
		assert_int_equal(kube_run_json(&spec, KUBE_RUN_POD, &untouched, &err), -EINVAL);
		assert_null(untouched);
		if (!strstr(err.text, bad[i].says))
			fail_msg("%zu: %s", i, err.text);
	}
	struct kube_run fine = sample(), portless = sample();

	fine.env = near;
	assert_int_equal(kube_run_check(&fine, NULL), 0);
	portless.port = 0;
	assert_int_equal(kube_run_check(&portless, NULL), -EINVAL);
}

static void a_large_environment_is_refused(void **state)
{
	char value[KUBE_RUN_ENV_BYTES + 2];
	const char *many[KUBE_RUN_ENV_MAX + 2] = {}, *const large[] = { value, NULL };
	char names[KUBE_RUN_ENV_MAX + 1][8];
	struct kube_run spec = sample();

	(void)state;
	for (size_t i = 0; i <= KUBE_RUN_ENV_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "V%zu=", i);
		many[i] = names[i];
	}
	spec.env = many;
	assert_int_equal(kube_run_check(&spec, NULL), -EINVAL);
	many[KUBE_RUN_ENV_MAX] = NULL;
	assert_int_equal(kube_run_check(&spec, NULL), 0);

	memset(value, '$', sizeof(value));
	memcpy(value, "A=", 2);
	value[sizeof(value) - 1] = '\0';
	spec.env = large;
	assert_int_equal(kube_run_check(&spec, NULL), -EINVAL);
	value[sizeof(value) - 2] = '\0';
	free(text_of(&spec, KUBE_RUN_POD)); /* twice as long when it is escaped */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_object_is_written_as_it_is_applied),
		cmocka_unit_test(no_limit_is_none),
		cmocka_unit_test(readiness_is_a_connection_or_an_answer),
		cmocka_unit_test(paths_are_those_of_the_objects),
		cmocka_unit_test(what_the_server_would_refuse_is_named_before),
		cmocka_unit_test(a_large_environment_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
