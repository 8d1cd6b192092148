# SPDX-License-Identifier: Apache-2.0
"""Cluster IPs dialled from outside, and nobody there: cases A03, A10 and A15."""
import pytest
from bed.case import PORTS


def test_a03_a_client_outside_reaches_cluster_ips_as_the_node(case):
    case.serve("l1", "r2a", "r3a")
    for kind in ("tcp", "udpc"):
        got = case.settles("l1", "r2a", "r3a", n=60, by="ext", kind=kind)
        assert got.sources <= case.node_ips()


@pytest.mark.parametrize("slices", ["an empty slice", "no slice"])
def test_a10_without_endpoints_clients_outside_are_refused(case, slices):
    """At every kind of address; a connected UDP socket learns it from the answer to a datagram. The last
    endpoint goes under load."""
    external = [case.address("external")]
    case.serve("l1", type="LoadBalancer", externalIPs=external)
    case.settles("l1", by="ext", to="node")
    with case.load(by="ext", to="node", may_fail=True) as load:
        case.put(case.service(type="LoadBalancer", externalIPs=external),
                 *([case.slice()] if slices == "an empty slice" else []))
        case.refused(by="ext", to="node")
    assert load.order == ["l1", "[Errno 111] Connection refused"]
    case.refused(*({"by": "ext", "to": to, "kind": kind} for to in ("vip", "node", "external", "ingress")
                   for kind in ("tcp", "udpc")))


def test_a15_a_node_port_is_closed_when_its_service_is_an_alias(case):
    """The port is free again: a listener of the node's gets what comes."""
    alias = case.service(type="ExternalName", externalName="example.com", clusterIP=None, clusterIPs=None,
                         ipFamilies=None, ipFamilyPolicy=None)
    case.put(alias, case.slice("l1"))
    case.refused(by="ext", to="node")
    case.serve("l1", type="NodePort")
    for kind in ("tcp", "udpc"):
        case.settles("l1", by="ext", to="node", kind=kind)
    case.put(alias, case.slice("l1"))
    case.refused(*({"by": "ext", "to": "node", "kind": kind} for kind in ("tcp", "udpc")))
    case.bed.places["host"].serve(30080)
    case.settles("host", by="ext", to="node")
    case.bed.places["host"].kill()


def test_a08_a_node_port_serves_protocols_one_by_one(case):
    """TCP is under load while UDP goes."""
    case.serve("l1", type="NodePort")
    for kind in ("udp", "udpc"):
        case.settles("l1", by="ext", to="node", kind=kind)
    with case.load(by="ext", to="node"):
        case.serve("l1", type="NodePort", ports=PORTS[:1])
        case.refused(by="ext", to="node", kind="udpc")
