# SPDX-License-Identifier: Apache-2.0
"""What k8s/README.md says of the moment at which Weir comes to a node where kube-proxy directs."""
import contextlib

import pytest
from bed import run
from bed.case import Case
from bed.cluster import Cluster
from conftest import made

RULES = """table ip kube-proxy {{
	chain services {{
		type nat hook prerouting priority dstnat
		ip daddr {vip} tcp dport 80 dnat to {backend}
		ip daddr {node} tcp dport 30080 dnat to {backend}
	}}
	chain as-node {{
		type nat hook postrouting priority srcnat
		ip daddr {pod} masquerade
	}}
}}
"""


@pytest.fixture
def case():
    with made(Cluster) as bed:
        yield Case(bed, ["IPv4"], "join")


def test_open_connections_of_pods_go_on_and_those_from_outside_are_reset_once(case):
    """And no new one fails, but for one that is open just then."""
    bed, backend = case.bed, f"{case.ip('r2a')}:8080"
    run("nsenter", f"--net=/run/netns/{bed.node}", "nft", "-f", "-",
        input=RULES.format(pod=case.ip("r2a"), vip=case.address("vip"), node=case.address("node"), backend=backend))
    pod, outside = {"by": "c1", "to": "vip"}, {"by": "ext", "to": "node"}
    for how in (pod, outside):
        case.settles("r2a", **how)
    with contextlib.ExitStack() as stack:
        for kind in ("tcp", "held"):
            stack.enter_context(case.load(kind=kind, **pod))
        anew, held = (stack.enter_context(case.load(kind=kind, may_fail=True, **outside)) for kind in ("tcp", "held"))
        case.serve("r2a", type="NodePort")
        bed.start()
        case.shows(name="join")
        for how in (pod, outside):
            case.settles("r2a", **how)
    assert held.order[0] == "r2a" and "Connection reset by peer" in held.order[1]
    assert len(anew.failed) <= 1
    counts = {r["reason"]: r["count"] for r in bed.weir("datapath", "stats")}
    assert counts["pkt_no_conn"] >= 1 + len(anew.failed)
