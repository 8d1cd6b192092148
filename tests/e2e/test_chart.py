# SPDX-License-Identifier: Apache-2.0
"""The manifests of k8s/chart, as kubectl makes them: whole, consistent, and what the program itself takes. That they
grant the agent what it needs, test_image.py shows; how they are joined with a cluster's own, k8s/README.md says."""
import json
import os
import re

import bed as beds
import pytest
import yaml
from bed import run, schema, shipped
from bed.shipped import CHART, OVERLAYS, TOP

SYSTEM = "kube-system"


@pytest.fixture(params=OVERLAYS)
def overlay(request):
    return request.param


@pytest.fixture
def objects(overlay):
    return shipped.render(CHART / "overlays" / overlay)


@pytest.fixture
def daemonset(objects):
    return shipped.named(objects, "DaemonSet", "weir", SYSTEM)


@pytest.fixture
def pod(daemonset):
    return daemonset["spec"]["template"]["spec"]


@pytest.fixture
def config(objects):
    return shipped.named(objects, "ConfigMap", "weir", SYSTEM)["data"]["weir.yaml"]


def containers(pod):
    return pod["initContainers"] + pod["containers"]


def test_every_field_is_one_of_kubernetes(objects):
    assert [fault for o in objects for fault in schema.check(o)] == []
    ids = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects]
    assert len(set(ids)) == len(ids)


def test_what_is_named_is_there(objects, daemonset, pod):
    maps = {o["metadata"]["name"] for o in objects if o["kind"] == "ConfigMap"}
    used = {v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v}
    volumes = {v["name"] for v in pod["volumes"]}
    for c in containers(pod):
        used |= {e["configMapRef"]["name"] for e in c["envFrom"]}
        assert {m["name"] for m in c["volumeMounts"]} <= volumes
        assert len({m["mountPath"] for m in c["volumeMounts"]}) == len(c["volumeMounts"])
    assert used == maps
    assert volumes == {m["name"] for c in containers(pod) for m in c["volumeMounts"]}
    labels = daemonset["spec"]["template"]["metadata"]["labels"]
    assert daemonset["spec"]["selector"]["matchLabels"].items() <= labels.items()
    account = {"kind": "ServiceAccount", "name": pod["serviceAccountName"], "namespace": SYSTEM}
    shipped.named(objects, "ServiceAccount", account["name"], SYSTEM)
    for o in objects:
        if o["kind"].endswith("RoleBinding"):
            assert o["subjects"] == [account]
            role = o["roleRef"]
            assert shipped.named(objects, role["kind"], role["name"], o["metadata"].get("namespace"))


def test_the_program_takes_the_configuration_and_listens_where_the_probes_ask(config, pod, tmp_path):
    """Every key and value of it, and what the pod sets by variables: an unknown one is an error."""
    main, = pod["containers"]
    (tmp_path / "weir.yaml").write_text(config)
    env = {**os.environ, **{e["name"]: e.get("value", "a") for e in main["env"]}, "WEIR_SOURCE_KIND": "files",
           "WEIR_PATHS_BPFFS": "/proc"}
    done = run(beds.WEIR, "-j", "-c", str(tmp_path / "weir.yaml"), "feature", "probe", env=env, check=False)
    assert {"feature": "bpffs", "have": False, "needed": True}.items() <= next(
        f for f in json.loads(done.stdout) if f["feature"] == "bpffs").items(), done.stdout
    settings = yaml.safe_load(config)
    port, = main["ports"]
    assert settings["source"] == {"kind": "kubernetes"}
    assert settings["listen"]["healthz"] == f"0.0.0.0:{port['containerPort']}"
    assert port["hostPort"] == port["containerPort"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert main[probe]["httpGet"]["port"] == port["name"]
    mounts = {m["mountPath"] for m in main["volumeMounts"]}
    assert mounts >= {e["value"] for e in main["env"] if e["name"].startswith("WEIR_PATHS_")}
    for c in containers(pod):
        assert c["args"][c["args"].index("-c") + 1] == "/etc/weir/weir.yaml" and "/etc/weir" in mounts


def test_a_mistake_in_the_configuration_is_found(tmp_path):
    (tmp_path / "weir.yaml").write_text("listen: {helthz: ''}\n")
    done = run(beds.WEIR, "-j", "-c", str(tmp_path / "weir.yaml"), "feature", "probe", check=False)
    assert "helthz" in json.loads(done.stdout)["error"]


def test_what_is_beside_kube_proxy_has_other_ports(config, overlay):
    ports = {int(at.rpartition(":")[2]) for at in yaml.safe_load(config)["listen"].values() if at}
    assert ports & {10248, 10250, 10255, 10257, 10259} == set()  # the kubelet's and the control plane's
    assert (ports == {10256, 10249}) == (overlay == "kube-proxy-replacement")
    assert (ports & {10256, 10249} == set()) == (overlay != "kube-proxy-replacement")


def test_nothing_that_a_pod_s_end_does_takes_the_datapath_away(daemonset, pod):
    assert daemonset["spec"]["updateStrategy"]["rollingUpdate"]["maxSurge"] == 0  # two agents can't share a node
    assert 10 <= pod["terminationGracePeriodSeconds"] <= 60
    for c in containers(pod):
        assert "lifecycle" not in c and "detach" not in c["args"]
    paths = {v["hostPath"]["path"] for v in pod["volumes"] if "hostPath" in v}
    assert paths >= {"/sys/fs/bpf", "/var/lib/weir", "/run/weir"}  # which outlive it


def test_it_is_there_before_and_after_everything_else(pod):
    assert pod["priorityClassName"] == "system-node-critical"
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["hostNetwork"] and pod["dnsPolicy"] == "Default" and pod["enableServiceLinks"] is False
    main, = pod["containers"]
    patience = {p: main[p]["periodSeconds"] * main[p]["failureThreshold"] for p in ("startupProbe", "livenessProbe")}
    assert patience["startupProbe"] >= 120 and patience["livenessProbe"] >= 30


def test_no_container_is_privileged_or_can_change_its_root(pod):
    for c in containers(pod):
        assert c["securityContext"]["readOnlyRootFilesystem"] and "privileged" not in c["securityContext"]
        assert c["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    writable = {m["name"] for c in pod["containers"] for m in c["volumeMounts"] if not m.get("readOnly")}
    assert writable == {"bpffs", "state", "run"}


def test_no_role_has_more_than_it_was_given_here(objects):
    """A wildcard, a secret or another verb is a decision: this table is where it is taken."""
    read, applied = {"list", "watch"}, {"create", "patch", "delete"}
    may = {
        ("ClusterRole", None): {"services": read, "nodes": read, "pods": read, "endpointslices": read, "servicecidrs": read,
                                "persistentvolumes": applied, "events": {"create"}},
        ("Role", "weir-workloads"): {"pods": applied, "services": applied, "persistentvolumeclaims": applied},
    }
    roles = [o for o in objects if o["kind"] in ("Role", "ClusterRole")]
    assert {(o["kind"], o["metadata"].get("namespace")): {r: {*rule["verbs"]} for rule in o["rules"] for r in rule["resources"]}
            for o in roles} == may
    namespace = shipped.named(objects, "Namespace", "weir-workloads")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_guide_s_kustomization_pins_the_image_and_names_the_servers(tmp_path):
    """The one that k8s/README.md shows, beside a clone in which `make image` has run."""
    text = re.search(r"```yaml\n(# my-cluster/kustomization\.yaml.*?)```", (TOP / "k8s/README.md").read_text(), re.S)[1]
    made = shipped.Image(tmp_path / "weir/build/image", beds.WEIR, "v1")
    (tmp_path / "weir/k8s").symlink_to(TOP / "k8s")
    (tmp_path / "my-cluster").mkdir()
    (tmp_path / "my-cluster/kustomization.yaml").write_text(text)
    objects = shipped.render(tmp_path / "my-cluster")
    assert [fault for o in objects for fault in schema.check(o)] == []
    pod = shipped.named(objects, "DaemonSet", "weir", SYSTEM)["spec"]["template"]["spec"]
    assert {c["image"] for c in containers(pod)} == {made.ref}
    assert re.fullmatch(r"localhost/weir@sha256:[0-9a-f]{64}", made.ref)
    variables = shipped.named(objects, "ConfigMap", "weir-env", SYSTEM)["data"]
    done = run(beds.WEIR, "-j", "feature", "probe", env={**os.environ, **variables}, check=False)
    assert isinstance(json.loads(done.stdout), list), done.stdout
    assert variables["WEIR_SOURCE_SERVERS"].startswith("https://")


def test_an_image_that_is_not_pinned_can_not_be_pulled(pod):
    """.invalid is no domain, so nobody else's image runs with our capabilities by mistake."""
    assert {c["image"] for c in containers(pod)} == {"weir.invalid/weir"}
