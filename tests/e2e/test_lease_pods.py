# SPDX-License-Identifier: Apache-2.0
"""A lease's workload as a Pod and a Service: made by server-side apply, kept, billed, and gone with its lease."""
import random
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from bed import TOP, BedError, missing, objects, wait_for
from bed.control import WORKLOADS, ControlBed, Rules, encode, rights

OBJECTS = (("persistentvolumes", None), ("persistentvolumeclaims", WORKLOADS), ("services", WORKLOADS), ("pods", WORKLOADS))
LISTEN = "import socket, sys; s = socket.create_server(('0.0.0.0', int(sys.argv[1]))); print('up', flush=True); s.accept()"
SPIN = "import time\nwhile time.process_time() < 0.05: pass"


@pytest.fixture
def bed():
    if missing():
        pytest.skip(missing())
    with ControlBed() as b:
        b.start()
        yield b


def name_of(resource, name):
    return f"{WORKLOADS}-{name}" if resource == "persistentvolumes" else name


def there(bed, name="web"):
    return {r for r, ns in OBJECTS if bed.store.get(r, ns, name_of(r, name))}


def all_there(bed, name="web"):
    wait_for("all four are there", lambda: len(there(bed, name)) == 4)


def lease(bed, label="shop"):
    bed.weir("lease", "open", label, "--tenant", "alice", "--deposit", "1000000", "--core-second", "1000")


def run(bed, name="web", label="shop", *more):
    return bed.weir("workload", "run", name, str(bed.package()), "--lease", label, *more)


def hosted(bed):
    lease(bed)
    run(bed)
    all_there(bed)


def runs(bed, name="web"):
    """The kubelet's part: the Pod runs, in its cgroup."""
    bed.store.change("pods", WORKLOADS, name, lambda p: p.update(status={"phase": "Running", "podIP": "10.244.1.50"}))
    pod = bed.has("pods", name)
    cgroup = bed.cgroup / "kubepods" / "burstable" / f"pod{pod['metadata']['uid']}"
    cgroup.mkdir(parents=True, exist_ok=True)
    return cgroup


def asked(bed, *verbs, since=0.0):
    return [(r.verb, r.resource) for r in bed.server.log if r.verb in verbs and r.at >= since and r.resource != "events"]


def events(bed, reason):
    return [e for e in bed.store.all("events") if e["reason"] == reason]


def failing(bed, *argv):
    done = bed.cli(*argv, check=False)
    assert done.returncode == 1, done
    return done.stderr


def test_a_lease_s_package_becomes_a_pod_and_a_service(bed):
    lease(bed)
    said = run(bed, "web", "shop", "--memory", "64MiB", "--cpu-millis", "250", "--port", "3000", "--ready", "http:/up",
               "GREETING=hi")
    all_there(bed)
    pod, service = bed.has("pods", "web"), bed.has("services", "web")
    assert pod["spec"]["nodeName"] == bed.node_name
    container, = pod["spec"]["containers"]
    assert container["command"] == ["node", "/app/server.js"]
    assert container["resources"]["limits"] == {"cpu": "250m", "memory": str(64 << 20)}
    assert {"name": "GREETING", "value": "hi"} in container["env"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/up", "port": 3000}
    assert next(m for m in container["volumeMounts"] if m["mountPath"] == "/app")["readOnly"] is True
    volume = bed.store.get("persistentvolumes", None, f"{WORKLOADS}-web")["spec"]
    assert volume["hostPath"]["path"] == said["code"] and volume["hostPath"]["path"].startswith(f"{bed.dir}/state/packages/sha512-")
    assert service["spec"]["ports"][0]["port"] == service["spec"]["ports"][0]["targetPort"] == 3000
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert pod["metadata"]["labels"]["weir.dev/lease"] == "shop"
    for resource, namespace in OBJECTS:
        manager, = bed.store.get(resource, namespace, name_of(resource, "web"))["metadata"]["managedFields"]
        assert (manager["manager"], manager["operation"]) == ("weir", "Apply")
    assert [(w["name"], w["state"], w["lease"]) for w in bed.weir("workload", "show")] == [("web", "pod", "shop")]


def test_what_it_uses_is_billed_to_the_lease(bed):
    hosted(bed)
    cgroup = runs(bed)
    subprocess.run(["sh", "-c", f'echo $$ > {cgroup}/cgroup.procs && exec /usr/bin/python3 -c "$0"', SPIN], check=True)
    used = int((cgroup / "cpu.stat").read_text().split()[1])

    def billed():
        rows = bed.weir("usage", "show", "--window", "7d", "--by", "pod")
        return [(r["pod"], r["lease"], int(r["cpu_ns"]) // 1000) for r in rows] == [(f"{WORKLOADS}/web", "shop", used)]
    wait_for("it is billed", billed)
    row, = bed.weir("usage", "show", "--window", "7d", "--by", "pod")
    assert row["labels"] == {"weir.dev/workload": "web"}  # that the configuration names
    assert "weir.dev/workload" in bed.cli("usage", "export", "--window", "7d", "--format", "csv").stdout
    row, = bed.weir("usage", "show", "--window", "7d", "--by", "lease")
    assert row["labels"] is None
    wait_for("a receipt is made", lambda: bed.weir("receipt", "show", "--lease", "shop"))


def test_all_of_it_goes_when_the_lease_is_closed_and_the_volume_behind_the_pod(bed):
    hosted(bed)
    runs(bed)
    bed.weir("lease", "close", "shop")
    bed.goes("services", "web")
    wait_for("the Pod is deleted", lambda: "deletionTimestamp" in bed.has("pods", "web")["metadata"])
    time.sleep(1.2)  # a window: the agent looks again, and has nothing to do but wait
    assert there(bed) == {"persistentvolumes", "persistentvolumeclaims", "pods"}
    assert [w["state"] for w in bed.weir("workload", "show")] == ["ending"]
    bed.server.kubelet_finishes()
    wait_for("nothing is left", lambda: not there(bed))
    wait_for("it is forgotten", lambda: bed.weir("workload", "show") == [])
    assert asked(bed, "delete") == [("delete", "services"), ("delete", "pods"), ("delete", "persistentvolumeclaims"),
                                    ("delete", "persistentvolumes")]


def test_what_a_pod_is_made_of_is_not_pruned(bed):
    lease(bed)
    code = Path(run(bed)["code"])
    all_there(bed)

    def pruned():
        return {(p["kind"], p["workloads"], p["removed"]) for p in bed.weir("workload", "prune", "--keep", "0s")}
    assert pruned() == {("package", 1, False), ("blob", 1, False)} and (code / "server.js").is_file()
    (bed.dir / "state/pods/broken.json").write_text("{")
    assert "broken" in failing(bed, "workload", "prune", "--keep", "0s") and code.is_dir()
    (bed.dir / "state/pods/broken.json").unlink()
    bed.weir("workload", "stop", "web")
    wait_for("the Pod is deleted", lambda: "deletionTimestamp" in bed.has("pods", "web")["metadata"])
    assert pruned() == {("package", 1, False), ("blob", 1, False)}  # it serves until it is gone
    bed.server.kubelet_finishes()
    wait_for("it is forgotten", lambda: bed.weir("workload", "show") == [])
    assert pruned() == {("package", 0, True), ("blob", 0, True)} and not code.exists()


def test_a_workload_that_is_stopped_goes_and_its_lease_stays(bed):
    hosted(bed)
    bed.weir("workload", "stop", "web")
    wait_for("the Pod is deleted", lambda: "deletionTimestamp" in bed.has("pods", "web")["metadata"])
    bed.server.kubelet_finishes()
    wait_for("it is forgotten", lambda: bed.weir("workload", "show") == [])
    assert bed.weir("lease", "show", "shop")
    run(bed)  # the name is free again
    all_there(bed)


def test_a_restarted_agent_adopts_what_is_there(bed):
    hosted(bed)
    runs(bed)
    before = {r: bed.store.get(r, ns, name_of(r, "web")) for r, ns in OBJECTS}
    at = time.monotonic()
    bed.restart()
    wait_for("all is applied again", lambda: len(asked(bed, "patch", since=at)) >= 4)
    assert asked(bed, "delete") == []
    assert {r: bed.store.get(r, ns, name_of(r, "web")) for r, ns in OBJECTS} == before


def test_nothing_is_deleted_because_something_does_not_answer(bed):
    """The API server is away, answers with errors, or lists nothing it can be asked for; the agent dies meanwhile."""
    hosted(bed)
    runs(bed)
    bed.server.stop()
    bed.kill_agent()
    bed.start(wait=False)
    bed.server.start()
    bed.server.fault("watch", "pods", answer=encode.too_many(1), times=1)
    wait_for("the agent is back", bed.answers, timeout=60)
    time.sleep(1.5)  # a window, after which it looks for closed leases
    assert asked(bed, "delete") == []
    assert len(there(bed)) == 4


def another(bed, uid):
    wait_for("there is another Pod", lambda: bed.has("pods", "web") and bed.has("pods", "web")["metadata"]["uid"] != uid)


@pytest.mark.parametrize("seen", [True, False])
def test_what_others_delete_is_made_anew(bed, seen):
    """Also when it goes before the agent, which hears of Pods by a watch, can have seen it."""
    hosted(bed)
    uid = bed.has("pods", "web")["metadata"]["uid"]
    if seen:
        wait_for("it is seen", lambda: events(bed, "LeaseServed"))
    bed.store.remove(bed.has("pods", "web"))
    another(bed, uid)
    bed.store.remove(bed.has("services", "web"))
    bed.restart()  # else within five minutes
    bed.comes("services", "web")


def test_an_evicted_pod_gives_way_to_another(bed):
    hosted(bed)
    runs(bed)
    uid = bed.has("pods", "web")["metadata"]["uid"]
    bed.store.change("pods", WORKLOADS, "web", lambda p: p.update(status={"phase": "Failed", "reason": "Evicted"}))
    wait_for("it is deleted", lambda: "deletionTimestamp" in bed.has("pods", "web")["metadata"])
    bed.server.kubelet_finishes()
    another(bed, uid)


def test_refusals_name_what_is_wrong(bed):
    lease(bed)
    tarball = str(bed.package())
    assert "lease: missing" in failing(bed, "workload", "run", "web", tarball)
    assert "there is no lease none" in failing(bed, "workload", "run", "web", tarball, "--lease", "none")
    assert "a name is at most 63" in failing(bed, "workload", "run", "1web", tarball, "--lease", "shop")
    assert "PORT is set already" in failing(bed, "workload", "run", "web", tarball, "PORT=1", "--lease", "shop")
    assert "a Pod's are the kubelet's" in failing(bed, "workload", "run", "web", tarball, "--lease", "shop", "--pids", "5")
    assert "a Pod's are the kubelet's" in failing(bed, "workload", "run", "web", tarball, "--lease", "shop", "--restart", "never")
    assert "ready 'x' is none of" in failing(bed, "workload", "run", "web", tarball, "--lease", "shop", "--ready", "x")
    run(bed)
    assert "is there already" in failing(bed, "workload", "run", "web", tarball, "--lease", "shop")
    bed.weir("lease", "close", "shop")
    assert "lease shop is closed" in failing(bed, "workload", "run", "other", tarball, "--lease", "shop")
    assert "there is no workload other" in failing(bed, "workload", "stop", "other")
    assert there(bed, "other") == set()


def test_what_the_server_refuses_is_told_once_and_tried_again(bed):
    lease(bed)
    bed.server.fault("patch", "pods", answer=encode.Failure(403, "Forbidden", 'pods "web" is forbidden: exceeded quota: q'), times=3)
    run(bed)
    wait_for("the Service is there", lambda: "services" in there(bed))
    wait_for("an Event says why", lambda: events(bed, "FailedToApply"))
    all_there(bed)
    event, = events(bed, "FailedToApply")
    assert event["type"] == "Warning" and "exceeded quota" in event["message"]
    assert (event["involvedObject"]["kind"], event["involvedObject"]["name"]) == ("Service", "web")
    assert bed.agent_log().count("a workload waits") == 1


def test_people_see_at_the_pod_whom_it_serves_and_why_it_goes(bed):
    hosted(bed)
    runs(bed)
    uid = bed.has("pods", "web")["metadata"]["uid"]
    served = wait_for("it is told", lambda: events(bed, "LeaseServed"))[0]
    assert served["involvedObject"]["uid"] == uid and served["type"] == "Normal" and served["source"]["host"] == bed.node_name
    bed.weir("lease", "close", "shop")
    ended = wait_for("its end is told", lambda: events(bed, "WorkloadEnded"))[0]
    assert ended["involvedObject"]["uid"] == uid


def test_people_see_at_the_object_what_is_not_done_for_it(bed):
    """A health check port that is taken, as kube-proxy tells it; a Pod that can't be billed as it asks."""
    web = objects.service("web", ["10.96.0.10"], [{"name": "http", "protocol": "TCP", "port": 80, "nodePort": 30080}],
                          type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30080)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd", "namespace": "default", "labels": {
        "weir.dev/lease": "_x_"}}, "spec": {"nodeName": bed.node_name, "containers": [{"name": "c", "image": "i"}]}}
    taker = bed.host.popen("/usr/bin/python3", "-c", LISTEN, "30080", stdout=subprocess.PIPE)
    assert taker.stdout.readline() == "up\n"
    bed.store.put(web, pod)
    event = wait_for("the port is told of", lambda: events(bed, "FailedToStartServiceHealthcheck"))[0]
    assert event["involvedObject"]["uid"] == bed.store.get("services", "default", "web")["metadata"]["uid"]
    assert event["metadata"]["namespace"] == "default" and "in use" in event["message"]
    event = wait_for("the Pod is told of", lambda: events(bed, "NotMetered"))[0]
    assert event["involvedObject"]["uid"] == bed.store.get("pods", "default", "odd")["metadata"]["uid"]
    assert "weir.dev/lease" in event["message"]
    bed.store.change("pods", "default", "odd", lambda p: p["metadata"]["labels"].update(a="b"))
    time.sleep(1)
    assert len(events(bed, "NotMetered")) == 1


def test_the_shipped_roles_allow_what_is_asked(bed):
    """And all that they have of what is written is used."""
    docs = list(yaml.safe_load_all((TOP / "k8s/chart/base/rbac.yaml").read_text()))
    role = {d["kind"]: d["rules"] for d in docs if "rules" in d}
    rules = Rules(role["ClusterRole"], {WORKLOADS: role["Role"]})
    bed.server.tokens["weir"] = "system:serviceaccount:kube-system:weir"
    bed.server.rules["system:serviceaccount:kube-system:weir"] = rules
    bed.token = "weir"
    bed.kubeconfig()
    bed.restart()
    at = time.monotonic()
    hosted(bed)
    runs(bed)
    wait_for("an Event is taken", lambda: events(bed, "LeaseServed"))
    bed.weir("lease", "close", "shop")
    wait_for("the Pod is deleted", lambda: "deletionTimestamp" in bed.has("pods", "web")["metadata"])
    bed.server.kubelet_finishes()
    wait_for("nothing is left", lambda: not there(bed))
    log = [r for r in bed.server.log if r.at >= at]
    assert [r for r in log if r.status == 403] == []
    written = {(ns, verb, resource) for ns, verb, _, resource in rights.used(log) if verb not in ("list", "watch", "get")}
    granted = {(ns, verb, resource) for ns, verb, _, resource in rules.grants() if verb not in ("list", "watch")}
    assert {(r, v) for _, v, r in written} == {(r, v) for _, v, r in granted}


def test_an_agent_that_is_killed_at_any_time_finishes_its_work(bed):
    """Ten lives: a workload comes, the agent is killed somewhere, the lease closes, the agent is killed somewhere."""
    rng = random.Random(7)
    for i in range(5):
        label, name = f"l{i}", f"w{i}"
        lease(bed, label)
        run(bed, name, label)
        time.sleep(rng.uniform(0, 0.05))
        bed.restart()
        all_there(bed, name)
        runs(bed, name)
        bed.weir("lease", "close", label)
        time.sleep(rng.uniform(0, 0.05))
        bed.restart()
        wait_for("the Pod is deleted", lambda n=name: "deletionTimestamp" in bed.has("pods", n)["metadata"])
        bed.server.kubelet_finishes()
        wait_for("nothing is left", lambda n=name: not there(bed, n) and bed.weir("workload", "show") == [])
    with pytest.raises(BedError):
        bed.weir("workload", "stop", "w0")
