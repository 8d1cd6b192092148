/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "chain/address.h"
#include "core/buf.h"
#include "core/cgroup.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "walrus/seal/pins.h"

#define CONFIG_MAX_BYTES (1u << 20)

static const char *const source_kinds[] = { "files", "kubernetes", NULL };
static const char *const modes[] = { "snat", "dsr", "off", NULL };
static const char *const algorithms[] = { "random", "maglev", NULL };
static const char *const node_port_words[] = { "primary", NULL };
static const char *const chain_kinds[] = { "local", "sui", NULL };
static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
_Static_assert(ARRAY_LEN(source_kinds) == CONFIG_SOURCE_MAX_ + 1, "a name for each");
_Static_assert(ARRAY_LEN(modes) == CONFIG_MODE_MAX_ + 1, "a name for each");
_Static_assert(ARRAY_LEN(algorithms) == CONFIG_ALGORITHM_MAX_ + 1, "a name for each");
_Static_assert(ARRAY_LEN(node_port_words) == CONFIG_NODE_PORT_MAX_ + 1, "a name for each");
_Static_assert(ARRAY_LEN(chain_kinds) == CONFIG_CHAIN_MAX_ + 1, "a name for each");
_Static_assert(ARRAY_LEN(levels) == LOG_LEVEL_MAX_ + 1, "a name for each");

int config_check_id(const char *text, struct err *err)
{
	uint8_t id[OBJECT_ID_LEN];

	if (!*text || address_parse(text, id) == 0)
		return 0;
	return err_set(err, -EINVAL, "\"%.70s\" is no id; want 0x and up to 64 hex digits", text);
}

#define KEY(key_, type_, field_, fallback_, help_, ...) \
	{ .key = (key_),                                \
	  .type = (type_),                              \
	  .offset = offsetof(struct config, field_),    \
	  .fallback = (fallback_),                      \
	  .help = (help_),                              \
	  ##__VA_ARGS__ }

static const struct option_spec specs[] = {
	KEY("node.name", OPTION_STRING, node.name, "", "name of this node; empty: the host's name"),
	KEY("node.addresses", OPTION_ADDRS, node.addresses, "",
	    "addresses of this node; empty: from the Node object"),
	KEY("node.zone", OPTION_STRING, node.zone, "", "topology zone of this node"),

	KEY("source.kind", OPTION_CHOICE, source.kind, "files", "where Services and Pods come from",
	    .choices = source_kinds),
	KEY("source.path", OPTION_STRING, source.path, "./manifests",
	    "files: folder of *.yaml and *.json, watched for change"),
	KEY("source.kubeconfig", OPTION_STRING, source.kubeconfig, "",
	    "kubernetes: kubeconfig file; empty: in-cluster"),
	KEY("source.servers", OPTION_STRINGS, source.servers, "",
	    "kubernetes: API server URLs to try before any Service works"),

	KEY("paths.cgroup", OPTION_STRING, paths.cgroup, "",
	    "cgroup2 directory to work in; empty: the mount in /proc/self/mountinfo"),
	KEY("paths.bpffs", OPTION_STRING, paths.bpffs, "/sys/fs/bpf", "mounted bpf file system"),
	KEY("paths.state", OPTION_STRING, paths.state, "/var/lib/weir",
	    "ledger, keys and packages"),
	KEY("paths.run", OPTION_STRING, paths.run, "/run/weir", "control socket and lock"),

	KEY("datapath.devices", OPTION_STRINGS, datapath.devices, "",
	    "interfaces of node-port and external traffic; empty: those of default routes"),
	KEY("datapath.nodePortAddresses", OPTION_CIDR_WORDS, datapath.node_port_addresses, "",
	    "CIDRs of the addresses that answer node ports, or primary for the first of each "
	    "family; empty: all",
	    .choices = node_port_words),
	KEY("datapath.mode", OPTION_CHOICE, datapath.mode, "snat",
	    "how external traffic returns; off: Services are not directed", .choices = modes),
	KEY("datapath.algorithm", OPTION_CHOICE, datapath.algorithm, "random",
	    "how clients from outside get a backend", .choices = algorithms),

	KEY("meter.sample", OPTION_DURATION, meter.sample_ms, "1s", "time between two readings",
	    .min = 100, .max = 3600000),
	KEY("meter.window", OPTION_DURATION, meter.window_ms, "60s", "length of a usage record",
	    .min = 100, .max = 86400000),
	KEY("meter.keep", OPTION_DURATION, meter.keep_ms, "14d",
	    "how long usage is kept window by window, then by day", .min = 86400000,
	    .max = 3153600000000),
	KEY("meter.clusterCIDRs", OPTION_CIDRS, meter.cluster_cidrs, "",
	    "CIDRs whose traffic counts as inside the cluster"),
	KEY("meter.labels", OPTION_STRINGS, meter.labels, "",
	    "labels of pods that usage carries; at most 16"),
	KEY("meter.podCgroup", OPTION_STRING, meter.pod_cgroup, "kubepods",
	    "cgroup of all pods, below paths.cgroup"),

	KEY("chain.kind", OPTION_CHOICE, chain.kind, "local", "where receipts are settled",
	    .choices = chain_kinds),
	KEY("chain.graphql", OPTION_STRINGS, chain.graphql, "", "sui: GraphQL URLs"),
	KEY("chain.network", OPTION_STRING, chain.network, "",
	    "sui: mainnet, testnet, or the digest of another chain's genesis checkpoint"),
	KEY("chain.package", OPTION_STRING, chain.package, "", "sui: id of the package"),
	KEY("chain.market", OPTION_STRING, chain.market, "", "sui: id of the market object"),
	KEY("chain.provider", OPTION_STRING, chain.provider, "", "sui: id of the provider object"),
	KEY("chain.coin", OPTION_STRING, chain.coin, "0x2::sui::SUI",
	    "sui: type of the leases' coin"),
	KEY("chain.keyFile", OPTION_STRING, chain.key_file, "",
	    "sui: key that pays for gas; not that of the receipts"),
	KEY("chain.caFile", OPTION_STRING, chain.ca_file, "",
	    "sui: certificates to trust, in PEM, instead of the system's"),
	KEY("chain.gasBudget", OPTION_U64, chain.gas_budget, "50000000",
	    "sui: most gas of one transaction, in MIST"),
	KEY("chain.feesPerDay", OPTION_U64, chain.fees_per_day, "1000000000",
	    "sui: most gas of all transactions of 24 hours, in MIST"),
	KEY("chain.settleEvery", OPTION_DURATION, chain.settle_ms, "1h",
	    "sui: how long a receipt waits to be settled together with others", .max = 86400000),
	KEY("chain.follow", OPTION_DURATION, chain.follow_ms, "60s",
	    "sui: time between two looks at each lease on chain", .min = 1000, .max = 86400000),

	KEY("offers.tenants", OPTION_STRINGS, offers.tenants, "",
	    "sui: addresses whose leases start their work by themselves, or any; empty: none"),
	KEY("offers.coreSecond", OPTION_U64, offers.core_s, "0",
	    "least price of a core for a second, in MIST"),
	KEY("offers.gibSecond", OPTION_U64, offers.gib_s, "0",
	    "least price of a GiB of memory for a second, in MIST"),
	KEY("offers.gibExternal", OPTION_U64, offers.gib_external, "0",
	    "least price of a GiB sent to the outside, in MIST"),
	KEY("offers.deposit", OPTION_U64, offers.deposit, "0", "least deposit, in MIST"),
	KEY("offers.cpuMillis", OPTION_U64, offers.cpu_millis, "1000",
	    "most CPU that a workload may ask for; 1000 is a core", .min = 1, .max = 1024000),
	KEY("offers.memoryBytes", OPTION_SIZE, offers.memory_bytes, "512MiB",
	    "most memory that a workload may ask for", .min = 1, .max = INT64_MAX),
	KEY("offers.leases", OPTION_U64, offers.leases, "10",
	    "most leases that are open at a time and start their work by themselves", .max = 4096),

	KEY("walrus.aggregators", OPTION_STRINGS, walrus.aggregators, "",
	    "URLs to read blobs from"),
	KEY("walrus.publisher", OPTION_STRING, walrus.publisher, "", "URL to store blobs at"),
	KEY("walrus.maxBlobBytes", OPTION_SIZE, walrus.max_blob_bytes, "256MiB",
	    "largest blob that is fetched", .min = 1, .max = 16ull << 30),

	KEY("seal.servers", OPTION_STRINGS, seal.servers, "",
	    "key servers to trust, each \"OBJECT-ID URL PUBLIC-KEY [SHARES]\"",
	    .max = SEAL_PINS_MAX, .check = seal_pin_check),
	KEY("seal.threshold", OPTION_U32, seal.threshold, "0",
	    "how many of their shares open what is encrypted", .max = SEAL_SHARES_MAX),
	KEY("seal.package", OPTION_STRING, seal.package, "",
	    "first version of the package that says who may decrypt; empty: chain.package",
	    .check = config_check_id),

	KEY("workload.image", OPTION_STRING, workload.image, "docker.io/library/node:22-slim",
	    "kubernetes: what packages run in; has node on its PATH"),
	KEY("workload.backoff", OPTION_DURATION, workload.backoff_ms, "10s",
	    "stand-alone: wait before the second restart; doubles, to 30 times this", .min = 1,
	    .max = 3600000),

	KEY("listen.healthz", OPTION_LISTEN, listen.healthz, "0.0.0.0:10256",
	    "address of /healthz and /livez"),
	KEY("listen.metrics", OPTION_LISTEN, listen.metrics, "127.0.0.1:10249",
	    "address of /metrics"),
	KEY("listen.opencost", OPTION_BOOL, listen.opencost, "false",
	    "pods' bytes under the names that OpenCost reads, too"),
	KEY("listen.web", OPTION_LISTEN, listen.web, "127.0.0.1:10290",
	    "address of the local page"),

	KEY("key.file", OPTION_STRING, key.file, "",
	    "the provider's report key; empty: provider.key in paths.state"),

	KEY("log.level", OPTION_CHOICE, log.level, "info", "least level that is logged",
	    .choices = levels),
};

struct option_set config_options(struct config *cfg)
{
	return (struct option_set){
		.specs = specs,
		.n = ARRAY_LEN(specs),
		.env_prefix = "WEIR_",
		.base = cfg,
	};
}

void config_free(struct config **cfg)
{
	struct option_set set;

	if (!*cfg)
		return;
	set = config_options(*cfg);
	option_free(&set);
	option_strings_free(&(*cfg)->warnings);
	free(*cfg);
	*cfg = NULL;
}

/* ---- The host's part ------------------------------------------------------------------------ */

/* As the kubelet names a node: the host's name in lower case. */
static int host_name(char **ret, struct err *err)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (gethostname(name, sizeof(name)) < 0 || !name[0])
		return err_set(err, -EINVAL, "node.name: this host has no name; set one");
	name[HOST_NAME_MAX] = '\0';
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	*ret = strdup(name);
	return *ret ? 0 : err_errno(err, -ENOMEM, "node.name");
}

static int replace_if_empty(char **field, int (*make)(struct config *, char **, struct err *),
			    struct config *cfg, struct err *err)
{
	char *value = NULL;
	int r;

	if (**field)
		return 0;
	r = make(cfg, &value, err);
	if (r < 0)
		return r;
	free(*field);
	*field = value;
	return 0;
}

static int make_name(struct config *cfg, char **ret, struct err *err)
{
	(void)cfg;
	return host_name(ret, err);
}

static int make_cgroup(struct config *cfg, char **ret, struct err *err)
{
	char mount[PATH_MAX];
	int r = cgroup2_mount(CGROUP_MOUNTINFO, mount, sizeof(mount), err);

	(void)cfg;
	if (r < 0)
		return err_wrap(err, "paths.cgroup");
	*ret = strdup(mount);
	return *ret ? 0 : err_errno(err, -ENOMEM, "paths.cgroup");
}

static int make_key_file(struct config *cfg, char **ret, struct err *err)
{
	if (asprintf(ret, "%s/provider.key", cfg->paths.state) < 0)
		return err_errno(err, -ENOMEM, "key.file");
	return 0;
}

static int make_seal_package(struct config *cfg, char **ret, struct err *err)
{
	*ret = strdup(cfg->chain.package);
	return *ret ? 0 : err_errno(err, -ENOMEM, "seal.package");
}

static int fill_in(struct config *cfg, struct err *err)
{
	int r = replace_if_empty(&cfg->node.name, make_name, cfg, err);

	if (r == 0)
		r = replace_if_empty(&cfg->paths.cgroup, make_cgroup, cfg, err);
	if (r == 0)
		r = replace_if_empty(&cfg->key.file, make_key_file, cfg, err);
	if (r == 0)
		r = replace_if_empty(&cfg->seal.package, make_seal_package, cfg, err);
	return r;
}

/* ---- Loading -------------------------------------------------------------------------------- */

static int load_file(const struct option_set *set, const char *path, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(CONFIG_MAX_BYTES);
	int r = file_read(path, &text, err);

	return r < 0 ? r : option_yaml(set, text.data ? text.data : "", text.len, path, err);
}

int config_load(const char *path, size_t argc, char *const *argv, char *const *env,
		struct config **ret, struct err *err)
{
	cleanup(config_free) struct config *cfg = calloc(1, sizeof(*cfg));
	struct option_set set = config_options(cfg);
	int r;

	if (!cfg)
		return err_errno(err, -ENOMEM, "configuration");
	r = option_defaults(&set, err);
	if (r == 0 && path)
		r = load_file(&set, path, err);
	if (r == 0)
		r = option_env(&set, env, &cfg->warnings, err);
	if (r == 0)
		r = option_flags(&set, argc, argv, err);
	if (r == 0)
		r = config_check(cfg, err);
	if (r == 0)
		r = fill_in(cfg, err);
	if (r < 0)
		return r;
	*ret = take_ptr(cfg);
	return 0;
}
