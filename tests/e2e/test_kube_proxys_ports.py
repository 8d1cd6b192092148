# SPDX-License-Identifier: Apache-2.0
"""What kube-proxy 1.36 answers at ports 10256 and 10249, answered here: health, metrics, the mode."""
import datetime
import json
import re
import subprocess

import pytest
from bed import TOP, BedError, objects, wait_for
from bed.cluster import N1, ZONES

RECORDED = TOP / "tests" / "vectors" / "kube-proxy" / "metrics.txt"
SYNC = "kubeproxy_sync_proxy_rules"
PROGRAMMING = "kubeproxy_network_programming_duration_seconds"


def get(bed, path, port=10249):
    """As curl sees it in the node: (status, headers, body)."""
    out = bed.host.run("curl", "-gsSi", "-m", "5", f"http://127.0.0.1:{port}{path}")
    head, body = out.split("\n\n", 1)
    return int(head.split()[1]), dict(line.lower().split(": ", 1) for line in head.splitlines()[1:]), body


def families(text):
    """A page: {family: (help, type, {series with labels: value})}."""
    found, name = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, about = line.split(" ", 3)
            found[name] = [about, None, {}]
        elif line.startswith("# TYPE "):
            found[name][1] = line.split()[3]
        elif not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            found[name][2][series] = float(value)
    return found


def scraped(bed):
    return {series: v for _, _, samples in families(get(bed, "/metrics")[2]).values() for series, v in samples.items()}


# ---- Health


def told(bed, path):
    status, headers, body = get(bed, path, 10256)
    assert headers["content-type"] == "application/json" and headers["x-content-type-options"] == "nosniff"
    return status, json.loads(body)


def test_healthz_and_livez_say_what_kube_proxys_say(dual):
    dual.serve("l1")
    dual.settles("l1")
    status, said = told(dual.bed, "/healthz")
    assert status == 200 and list(said) == ["lastUpdated", "currentTime", "nodeEligible", "healthy", "status"]
    assert said["nodeEligible"] is said["healthy"] is True
    assert said["lastUpdated"] == said["currentTime"]
    assert list(said["status"]) == ["IPv4", "IPv6"]
    for family in said["status"].values():
        assert family["healthy"] is True and family["lastUpdated"] <= said["currentTime"]
    status, said = told(dual.bed, "/livez")
    assert status == 200 and list(said) == ["lastUpdated", "currentTime", "healthy", "status"]


@pytest.mark.parametrize("change", [
    lambda node: node["spec"].update(taints=[{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]),
    lambda node: node["metadata"].update(deletionTimestamp="2026-11-20T18:50:56Z")], ids=["tainted", "deleted"])
def test_a_node_that_is_being_deleted_fails_healthz_and_nothing_else(dual, change):
    """Balancers send it no more connections; what is there goes on, and nobody restarts the agent."""
    path = dual.bed.dir / "manifests" / "node.json"
    text = path.read_text()
    node = objects.node("n1", 1, ZONES["n1"], N1)
    change(node)
    dual.serve("l1", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=32000)
    dual.settles("l1")
    try:
        dual.bed.write("node.json", node)
        wait_for("healthz is 503", lambda: told(dual.bed, "/healthz")[0] == 503)
        assert told(dual.bed, "/healthz")[1]["nodeEligible"] is False
        assert told(dual.bed, "/healthz")[1]["healthy"] is True
        assert told(dual.bed, "/livez")[0] == 200
        assert get(dual.bed, "/", 32000)[0] == 200  # local endpoints serve on
        dual.settles("l1")
    finally:
        path.write_text(text)
    wait_for("healthz is 200", lambda: told(dual.bed, "/healthz")[0] == 200)


def test_probes_are_counted(dual):
    before = scraped(dual.bed)
    for _ in range(3):
        told(dual.bed, "/healthz")
    told(dual.bed, "/livez")
    after = scraped(dual.bed)
    for probe, n in (("healthz", 3), ("livez", 1)):
        name = f'kubeproxy_proxy_{probe}_total{{code="200"}}'
        assert after[name] - before[name] == n


# ---- The other port


def test_the_mode_and_the_other_healthz_are_answered(cluster):
    status, headers, body = get(cluster, "/proxyMode")
    assert (status, body) == (200, "weir") and headers["content-type"].startswith("text/plain")
    assert get(cluster, "/healthz")[::2] == (200, "ok")


def test_promtool_finds_nothing_but_the_name_that_kube_proxy_chose(dual):
    dual.serve("l1")
    dual.settles("l1")
    done = subprocess.run(["promtool", "check", "metrics"], input=get(dual.bed, "/metrics")[2], text=True,
                          capture_output=True, check=False)
    assert done.stderr.splitlines() == [
        f'{SYNC}_no_local_endpoints_total non-counter metrics should not have "_total" suffix'], done


def test_all_that_kube_proxy_has_in_every_mode_is_there(cluster):
    """By name, type, help and labels, classes of histograms included, as its dashboards ask for them."""
    ours = families(get(cluster, "/metrics")[2])
    for name, (about, kind, samples) in families(RECORDED.read_text()).items():
        assert ours[name][:2] == [about, kind]
        assert set(ours[name][2]) == set(samples)


def test_classes_of_a_histogram_add_up(dual):
    dual.serve("l1")
    dual.settles("l1")
    for name, (_, kind, samples) in families(get(dual.bed, "/metrics")[2]).items():
        for family in ("IPv4", "IPv6") if kind == "histogram" else ():
            mine = {s: v for s, v in samples.items() if f'ip_family="{family}"' in s}
            counts = [v for s, v in mine.items() if s.startswith(f"{name}_bucket")]
            bounds = [float(re.search('le="(.*?)"', s)[1]) for s in mine if s.startswith(f"{name}_bucket")]
            assert bounds == sorted(bounds) and counts == sorted(counts)
            assert counts[-1] == mine[f'{name}_count{{ip_family="{family}"}}']


def stamped(case, *pods):
    """A slice whose endpoints changed just now, as its controller says."""
    made = case.slice(*pods)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    made["metadata"]["annotations"] = {"endpoints.kubernetes.io/last-change-trigger-time": now}
    return made


def test_a_change_is_counted_and_timed_from_its_trigger_on(case):
    family = f'{{ip_family="{case.families[0]}"}}'
    case.put(case.service(), file="service.json")
    wait_for("the Service is there", lambda: case.name in case.shown())
    before = scraped(case.bed)
    case.put(stamped(case, "l1"), file="slice.json")
    case.settles("l1")
    case.put(stamped(case, "l2"), file="slice.json")
    case.settles("l2")

    def measured():
        after = scraped(case.bed)
        new = {s: after[s] - before[s] for s in after if s in before}
        return new[f"{PROGRAMMING}_count{family}"] == 2 and (new, after)
    new, after = wait_for("both are measured", measured)
    assert 0 < new[f"{PROGRAMMING}_sum{family}"] < 10
    assert new[f"{SYNC}_endpoint_changes_total"] == 2
    assert new[f"{SYNC}_service_changes_total"] == 0
    assert after[f"{SYNC}_endpoint_changes_pending"] == after[f"{SYNC}_service_changes_pending"] == 0
    assert new[f"{SYNC}_duration_seconds_count{family}"] >= 2
    assert after[f"{SYNC}_last_timestamp_seconds{family}"] >= after[f"{SYNC}_last_queued_timestamp_seconds{family}"]
    assert new[f"{SYNC}_last_timestamp_seconds{family}"] > 0


@pytest.mark.parametrize("policy", ["internal", "external"])
def test_ports_without_a_local_endpoint_are_counted_by_policy(case, policy):
    def counted():
        return {p: scraped(case.bed)[f'{SYNC}_no_local_endpoints_total{{ip_family="{case.families[0]}",traffic_policy="{p}"}}']
                for p in ("internal", "external")}
    other = {"internal": "external", "external": "internal"}[policy]
    case.serve("r2a", type="NodePort", **{f"{policy}TrafficPolicy": "Local"})
    wait_for("both ports are counted", lambda: counted() == {policy: 2, other: 0})
    case.serve("r2a", "l1", type="NodePort", **{f"{policy}TrafficPolicy": "Local"})
    wait_for("none is", lambda: counted() == {policy: 0, other: 0})


def test_an_unknown_page_is_none(cluster):
    assert get(cluster, "/configz")[0] == 404
    with pytest.raises(BedError):
        get(cluster, "/healthz", 10257)
