// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The one definition of each map that maps.h declares. */
#include "bpf/maps.h"

struct svc_map weir_svc SEC(".maps");
struct slot_map weir_slot SEC(".maps");
struct ring_map weir_ring SEC(".maps");
struct backend_map weir_backend SEC(".maps");
struct flow_map weir_flow SEC(".maps");
struct rev_map weir_rev SEC(".maps");
struct affinity_map weir_affinity SEC(".maps");
struct class_map weir_class SEC(".maps");
struct range_map weir_range SEC(".maps");
struct conn_map weir_conn SEC(".maps");
struct frag_map weir_frag SEC(".maps");
struct dev_map weir_dev SEC(".maps");
struct home_map weir_home SEC(".maps");
struct peer_map weir_peer SEC(".maps");
struct pod_map weir_pod SEC(".maps");
struct gone_map weir_gone SEC(".maps");
struct parent_map weir_parent SEC(".maps");
struct net_map weir_net SEC(".maps");
struct veth_map weir_veth SEC(".maps");
struct sample_map weir_sample SEC(".maps");
struct ctl_map weir_ctl SEC(".maps");
struct reason_map weir_reason SEC(".maps");
struct cpu_map weir_cpu SEC(".maps");

char weir_license[] SEC("license") = "Dual BSD/GPL";
