/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration: every key of `weir agent run -c FILE`, checked as a whole.
 *
 * config_load() is the only constructor. What it returns is valid: bounds kept, required keys
 * there, node.name and paths.cgroup filled in from the host where they were empty. A WEIR_* variable
 * that is no key is a line in `warnings`.
 *
 * Precedence: default < file < WEIR_* variable < flag (core/option.h). Errors: one line with the
 * place and the key; -EINVAL, -ERANGE, -EBADMSG, -ENOENT and others of reading the file.
 */
#pragma once

#include <stdint.h>

#include "core/log.h"
#include "core/option.h"

struct buf;
struct err;
struct seal_pins;

enum config_source { CONFIG_SOURCE_FILES, CONFIG_SOURCE_KUBERNETES, CONFIG_SOURCE_MAX_ };
enum config_mode { CONFIG_MODE_SNAT, CONFIG_MODE_DSR, CONFIG_MODE_OFF, CONFIG_MODE_MAX_ };
enum config_algorithm { CONFIG_ALGORITHM_RANDOM, CONFIG_ALGORITHM_MAGLEV, CONFIG_ALGORITHM_MAX_ };
enum config_node_port { CONFIG_NODE_PORT_PRIMARY, CONFIG_NODE_PORT_MAX_ };
enum config_chain { CONFIG_CHAIN_LOCAL, CONFIG_CHAIN_SUI, CONFIG_CHAIN_MAX_ };

struct config {
	struct {
		char *name; /* never empty */
		struct option_addrs addresses; /* empty: from the Node object */
		char *zone;
	} node;
	struct {
		enum config_source kind;
		char *path, *kubeconfig;
		struct option_strings servers;
	} source;
	struct {
		char *cgroup, *bpffs, *state, *run; /* never empty */
	} paths;
	struct {
		struct option_strings devices;
		struct option_cidr_words node_port_addresses; /* words: enum config_node_port */
		enum config_mode mode;
		enum config_algorithm algorithm;
	} datapath;
	struct {
		uint64_t sample_ms, window_ms; /* 100 <= sample <= window */
		uint64_t keep_ms; /* how long windows are kept one by one */
		struct option_cidrs cluster_cidrs;
		struct option_strings labels; /* that usage carries */
		char *pod_cgroup; /* below paths.cgroup */
	} meter;
	struct {
		enum config_chain kind;
		struct option_strings graphql;
		char *network, *package, *market, *provider, *coin, *key_file, *ca_file;
		uint64_t gas_budget, fees_per_day; /* MIST */
		uint64_t settle_ms; /* how long a receipt waits for others */
		uint64_t follow_ms; /* time between two looks at all leases */
	} chain;
	struct {
		struct option_strings tenants; /* empty: no lease starts its work by itself */
		uint64_t core_s, gib_s, gib_external; /* least prices; MIST, as is the next */
		uint64_t deposit; /* least */
		uint64_t cpu_millis, memory_bytes; /* most that a workload asks for */
		uint64_t leases; /* most that are open at a time */
	} offers;
	struct {
		struct option_strings aggregators;
		char *publisher;
		uint64_t max_blob_bytes;
	} walrus;
	struct {
		struct option_strings servers; /* walrus/seal/pins.h; empty: nothing is encrypted */
		uint32_t threshold; /* of their shares */
		char *package; /* of the policy, its first version; default chain.package */
	} seal;
	struct {
		char *image; /* of Pods */
		uint64_t backoff_ms; /* stand-alone: what restarts wait at first */
	} workload;
	struct {
		struct option_listen healthz, metrics, web;
		bool opencost; /* the metrics that OpenCost reads, too */
	} listen;
	struct {
		char *file; /* the provider's report key; default paths.state/provider.key */
	} key;
	struct {
		enum log_level level;
	} log;
	struct option_strings warnings; /* to be logged once by the agent */
};

/* path NULL: no file. argv: flags only, without the program's and the command's name. */
int config_load(const char *path, size_t argc, char *const *argv, char *const *env,
		struct config **ret, struct err *err);
void config_free(struct config **cfg);

/* The keys against each other; config_load() has done it. */
int config_check(const struct config *cfg, struct err *err);
/* An id of Sui's, or nothing. */
int config_check_id(const char *text, struct err *err);
/* seal.servers, which are valid as all of cfg is. -EINVAL when there is none: the text says what to set. */
int config_key_servers(const struct config *cfg, struct seal_pins *ret, struct err *err);

/* The table over cfg (NULL is fine for option_help(), option_flag() and option_variable()). */
struct option_set config_options(struct config *cfg);
