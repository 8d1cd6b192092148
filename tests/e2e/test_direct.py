# SPDX-License-Identifier: Apache-2.0
"""Directing, seen from a pod: real sockets, real namespaces, the built binary."""
import itertools
import json

import pytest
from bed import BedError, run, wait_for


def ask(pod, kind, addr, port, n):
    return pod.ask("count", kind, addr, port, n)


@pytest.fixture
def shop(bed):
    """Two replicas behind a dual-stack Service of TCP and UDP, and a client pod."""
    bed.web = [bed.pod(f"web-{i}", lease="shop") for i in range(2)]
    for pod in bed.web:
        pod.serve(8080)
    bed.client = bed.pod("client")
    bed.vips = bed.service("web", 80, bed.web, 8080)
    bed.start()
    return bed


def test_two_thousand_requests_all_answered_and_shared_fairly(shop):
    result = ask(shop.client, "tcp", shop.vips[0], 80, 2000)
    assert result["failed"] == []
    assert sum(result["answers"].values()) == 2000
    for pod in shop.web:
        assert 800 <= result["answers"][pod.name] <= 1200


@pytest.mark.parametrize("kind", ["tcp", "udp", "udpc"])
@pytest.mark.parametrize("family", [0, 1])
def test_every_protocol_and_family_reaches_both_replicas(shop, kind, family):
    result = ask(shop.client, kind, shop.vips[family], 80, 60)
    assert result["failed"] == []
    assert set(result["answers"]) == {"web-0", "web-1"}


def test_the_node_itself_reaches_the_service(shop):
    assert ask(shop.host, "tcp", shop.vips[0], 80, 20)["failed"] == []


def test_a_changed_manifest_changes_the_datapath(shop):
    shop.service("web", 80, shop.web[1:], 8080, vips=shop.vips)

    def only_second():
        return set(ask(shop.client, "tcp", shop.vips[0], 80, 20)["answers"]) == {"web-1"}
    wait_for("the change is in the datapath", only_second)
    assert ask(shop.client, "tcp", shop.vips[0], 80, 100)["answers"] == {"web-1": 100}

    shop.service("web", 80, [], 8080, vips=shop.vips)

    def refused():
        failed = ask(shop.client, "tcp", shop.vips[0], 80, 1)["failed"]
        return failed and "refused" in failed[0].lower()
    wait_for("a Service without endpoints refuses", refused)


def test_no_request_fails_while_the_backends_change(shop):
    flow = shop.client.begin("flow", "tcp", shop.vips[0], 80, 3)
    for pods in itertools.cycle((shop.web, shop.web[:1], shop.web[1:])):
        shop.service("web", 80, pods, 8080, vips=shop.vips)
        if flow.hears_within(0.1):
            break
    result = flow.result()
    assert result["failed"] == []
    assert result["requests"] > 100


def test_an_unused_service_address_is_refused_not_routed(shop):
    failed = ask(shop.client, "tcp", shop.vips[0], 81, 1)["failed"]
    assert len(failed) == 1 and "refused" in failed[0].lower()


def test_service_show_and_check_agree_with_the_kernel_alive_and_dead(shop):
    def shown():
        service, = shop.weir("service", "show", "default/web")
        return service
    alive = shown()
    assert {p["vip"] for p in alive["ports"]} == set(shop.vips)
    assert all(p["result"] == "serving" for p in alive["ports"])
    assert sorted(b["pod"] for b in alive["ports"][0]["backends"]) == ["web-0", "web-1"]
    assert shop.weir("datapath", "check") == []
    shop.kill_agent()
    assert shown() == alive
    assert shop.weir("datapath", "check") == []
    # somebody else's hand in the kernel's table is found
    pin = shop.dir / "bpffs/weir/v3/maps/weir_svc"
    key = run("bpftool", "-j", "map", "getnext", "pinned", str(pin)).stdout
    run("bpftool", "map", "delete", "pinned", str(pin), "key", *json.loads(key)["next_key"])
    done = shop.cli("-j", "datapath", "check", check=False)
    assert done.returncode == 1
    assert len(json.loads(done.stdout)) >= 1


def test_detach_leaves_the_node_clean(shop):
    shop.kill_agent()
    shop.cli("datapath", "detach")
    assert not (shop.dir / "bpffs/weir").exists()
    failed = ask(shop.client, "tcp", shop.vips[0], 80, 1)["failed"]
    assert len(failed) == 1
    with pytest.raises(BedError, match="no datapath is pinned"):
        shop.weir("datapath", "status")
