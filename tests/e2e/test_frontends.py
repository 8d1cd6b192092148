# SPDX-License-Identifier: Apache-2.0
"""Session affinity, seen from the pods and the processes of one node. The case numbers are those of
the conformance list of Service behaviours."""
import json
import time

import pytest
from bed import TOP, wait_for

CLIENT = str(TOP / "tests/e2e/client.py")
DAY = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86400}}}


def ask(pod, addr, port, n, kind="tcp"):
    return json.loads(pod.run("/usr/bin/python3", CLIENT, "count", kind, addr, str(port), str(n)))


def answers(who, addr, port, n=60, kind="tcp"):
    """The names that answered; a failed request fails the test."""
    result = ask(who, addr, port, n, kind)
    assert result["failed"] == []
    return set(result["answers"])


@pytest.fixture
def shop(bed):
    """Three replicas, a client pod, and a running agent."""
    bed.web = [bed.pod(f"web-{i}") for i in range(3)]
    bed.names = {pod.name for pod in bed.web}
    for pod in bed.web:
        pod.serve(8080)
    bed.client = bed.pod("client")
    bed.other = bed.pod("other")
    bed.start()
    return bed


def serve(shop, pods=None, **more):
    """Makes the Service what is said and waits until the kernel has it; returns its cluster IPs."""
    pods = shop.web if pods is None else pods
    shop.vips = shop.service("web", 80, pods, 8080, vips=getattr(shop, "vips", None), **more)

    def applied():
        service, = shop.weir("service", "show", "default/web")
        chosen = {b["pod"] for p in service["ports"] for b in p["backends"] if b["chosen"]}
        return (chosen == {p.name for p in pods}
                and service["sessionAffinity"] == more.get("sessionAffinity", "None")
                and shop.weir("datapath", "check") == [])
    wait_for("the Service is applied", applied)
    return shop.vips


@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
def test_a45_affinity_goes_on_off_and_on(shop, kind):
    vip = serve(shop, **DAY)[0]
    assert len(answers(shop.client, vip, 80, 50, kind)) == 1
    serve(shop)
    assert answers(shop.client, vip, 80, 100, kind) == shop.names
    serve(shop, **DAY)
    assert len(answers(shop.client, vip, 80, 50, kind)) == 1


def test_a46_the_timer_restarts_with_each_connection_and_ends_when_idle(shop):
    vip = serve(shop, sessionAffinity="ClientIP",
                sessionAffinityConfig={"clientIP": {"timeoutSeconds": 2}})[0]
    kept = set()
    for _ in range(6):
        kept |= answers(shop.client, vip, 80, 1)
        time.sleep(1)
    assert len(kept) == 1
    later = set()
    for _ in range(8):  # all alike: one in two thousand; then a few rounds more
        time.sleep(2.2)
        later |= answers(shop.client, vip, 80, 1)
        if len(later) > 1:
            break
    assert len(later) > 1


def test_a47_a_removed_endpoint_is_replaced_by_one_other(shop):
    vip = serve(shop, **DAY)[0]
    first, = answers(shop.client, vip, 80, 10)
    serve(shop, [p for p in shop.web if p.name != first], **DAY)
    second, = answers(shop.client, vip, 80, 20)
    assert second != first


def test_affinity_outlives_the_agent(shop):
    vip = serve(shop, **DAY)[0]
    first = answers(shop.client, vip, 80, 10)
    shop.kill_agent()
    assert answers(shop.client, vip, 80, 20) == first
    shop.start()
    assert answers(shop.client, vip, 80, 20) == first
