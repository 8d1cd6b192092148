# SPDX-License-Identifier: Apache-2.0
"""The bed of the end-to-end tests and of the demo: a node of one's own.

    with Bed() as bed:
        web = bed.pod("web-0", lease="shop")
        bed.service("web", 80, [web], 8080)
        bed.start()
        bed.weir("service", "show")

Everything is the bed's own and vanishes with it, also when this process is killed: a mount
namespace (with a bpffs, and a tmpfs on /run/netns), network namespaces for the node and each pod,
cgroups below one that carries the bed's name, a temporary folder. Nothing has a way out, so a
service address that is not translated goes nowhere.

`Cluster` is a bed with other nodes and clients outside; `Case` a Service on it. `api.ApiBed` has its objects from an
API server. See ../README.md.
"""
from bed.node import Bed
from bed.place import Place, Pod, PodNetwork
from bed.tools import TOP, WEIR, BedError, cgroup2_mount, ip, missing, own_mounts, run, wait_for

__all__ = ["TOP", "WEIR", "Bed", "BedError", "Place", "Pod", "PodNetwork", "cgroup2_mount", "ip",
           "missing", "own_mounts", "run", "wait_for"]
