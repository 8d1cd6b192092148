# SPDX-License-Identifier: Apache-2.0
"""The image, run by runc as the DaemonSet of k8s/chart says: it has all it needs, and the DaemonSet gives it
nothing that it does not need."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess

import bed as beds
import pytest
import test_takeover as takeover
from bed import Bed, run, shipped, wait_for
from bed.api import USER, ApiBed
from bed.case import on
from bed.cluster import Cluster
from bed.container import InContainer, InPod
from bed.shipped import CHART, OVERLAYS, Image

MAX_BYTES = 16 << 20  # of the whole image, packed
MEASURING = ["BPF", "NET_ADMIN", "PERFMON"]  # capabilities that Weir does not start without
DIRECTING = ["SYS_ADMIN", "SYS_PTRACE"]  # ... that directing has besides
CAPABILITIES = {"BPF": 39, "NET_ADMIN": 12, "PERFMON": 38, "SYS_ADMIN": 21, "SYS_PTRACE": 19}  # linux/capability.h


class Shipped(InContainer, Bed):
    pass


class ShippedCluster(InContainer, Cluster):
    pass


class ShippedPod(InPod, ApiBed):
    pass


@pytest.fixture(scope="module")
def image():
    why = beds.missing()
    if why:
        pytest.skip(why)
    beds.own_mounts()
    with shipped.temporary("image") as folder:
        made = Image(f"{folder}/image", beds.WEIR, "v1")
        made.unpacked = made.unpack(f"{folder}/unpacked")
        yield made


def pod_of(overlay):
    objects = shipped.render(CHART / "overlays" / overlay)
    config = shipped.named(objects, "ConfigMap", "weir", "kube-system")["data"]["weir.yaml"]
    return shipped.named(objects, "DaemonSet", "weir", "kube-system")["spec"]["template"]["spec"], config


def granted(overlay):
    return pod_of(overlay)[0]["containers"][0]["securityContext"]["capabilities"]["add"]


def in_container(kind, image, overlay, **kw):
    pod, config = pod_of(overlay)
    return kind(pod=pod, image=image.unpacked, config=config, **kw)


def blobs(folder):
    return {e.name: e.stat().st_size for e in os.scandir(f"{folder}/oci/blobs/sha256")}


# -- the image


def test_two_builds_are_the_same_and_small(image, tmp_path):
    """Whatever the clock, the time zone, the mask of modes, the language and the folder."""
    again = tmp_path / "elsewhere" / "weir"
    again.parent.mkdir()
    shutil.copyfile(beds.WEIR, again)
    env = {**os.environ, "TZ": "Pacific/Apia", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    done = subprocess.run(["/usr/bin/python3", str(shipped.TOP / "k8s" / "image" / "build.py"), str(again), "image",
                           "localhost/weir", "v1", "1700000000"], cwd=tmp_path, env=env, umask=0o077, check=True,
                          stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == image.ref
    assert blobs(tmp_path / "image") == blobs(image.out)
    assert (tmp_path / "image" / "weir.tar").read_bytes() == (image.out / "weir.tar").read_bytes()
    assert sum(blobs(image.out).values()) < MAX_BYTES


def test_the_image_has_what_it_needs_and_nothing_else(image):
    """Each program there finds its libraries in there; each library is one that a program needs."""
    root, process = image.unpacked
    assert process["args"] == ["/usr/bin/weir", "agent", "run", "-c", "/etc/weir/weir.yaml"]
    programs = ["/usr/bin/weir", "/usr/sbin/xtables-nft-multi", "/usr/sbin/xtables-legacy-multi"]
    plugins = [f"/{p.relative_to(root)}" for p in root.glob("usr/lib/*/xtables/*.so") if not p.is_symlink()]
    loader = next(p for p in root.rglob("ld-linux*.so.*"))
    needed = {loader.name}
    for program in programs + plugins:
        out = run("chroot", str(root), f"/{loader.relative_to(root)}", "--list", program).stdout
        assert "not found" not in out, out
        needed |= {m[1].rpartition("/")[2] for m in re.finditer(r"^\s+(\S+\.so\S*)", out, re.M)}
    libraries = {p.name for p in root.glob("usr/lib*/**/*.so*")} - {p.rpartition("/")[2] for p in plugins}
    links = {p.name for p in root.glob("usr/lib/*/xtables/*.so") if p.is_symlink()}
    assert libraries - links == needed - {"linux-vdso.so.1"}
    version = run("chroot", str(root), "/usr/bin/weir", "-j", "-V").stdout
    assert version == run(beds.WEIR, "-j", "-V").stdout
    assert not any(p.stat().st_mode & 0o7022 for p in root.rglob("*") if not p.is_symlink())
    assert "no symbols" in run("nm", f"{root}/usr/bin/weir", check=False).stderr
    certificates = (root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert certificates.count("BEGIN CERTIFICATE") > 100


# -- the DaemonSet's container


def http(bed, path):
    port = bed.spec["containers"][0]["ports"][0]["containerPort"]
    done = bed.host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{bed.host.ip}:{port}{path}")
    return int(done)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_overlay_runs_with_what_its_daemonset_grants(image, overlay):
    """Preflight, agent, probes and command line; Services where it directs; usage everywhere."""
    with in_container(Shipped, image, overlay) as bed:
        done = bed.run_once(bed.spec["initContainers"][0])
        assert done.returncode == 0, done.stdout + done.stderr
        web, client = bed.pod("web"), bed.pod("client")
        web.serve()
        vip, _ = bed.service("web", 80, [web], 8080)
        bed.start()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert http(bed, bed.spec["containers"][0][probe]["httpGet"]["path"]) == 200
        process = bed.process()
        assert process["Seccomp"] == "2" and int(process["CapEff"], 16) == sum(1 << CAPABILITIES[c] for c in granted(overlay))
        got = client.ask("count", "tcp", vip, 80, 3, 0.3 if overlay == "metering-only" else 5)
        if overlay == "metering-only":
            assert got["answers"] == {} and json.loads(bed.exec("weir", "-j", "service", "show")) == []
            got = client.ask("count", "tcp", web.ip, 8080, 3, 2)
        else:
            client.begin("hold", "held", vip, 80, 1).up()
            flow, = json.loads(bed.exec("weir", "-j", "flow", "show"))
            assert flow["client"].startswith(f"{client.ip}:") and flow["service"] == "default/web"
        assert got["answers"] == {"web": 3}, got
        assert bed.exec("weir", "-j", "datapath", "check") == "[]\n"
        programs = {p["name"] for p in bed.weir("datapath", "status")["programs"]}
        assert programs >= {"weir_egress", "weir_ingress", "weir_release"}
        for directs in ("weir_connect4", "weir_post_bind6", "weir_tc_in", "weir_tc_out"):
            assert (directs in programs) == (overlay != "metering-only")

        def billed():
            return {u["pod"]: u["tx_bytes_local"] for u in bed.weir("usage", "show")
                    if u["tx_bytes_local"] > 0 and u["cpu_ns"] > 0}.keys() >= {"default/web", "default/client"}
        wait_for("both are billed", billed)
        assert "level=error" not in bed.agent_log()
        assert bed.kill_agent(15) == 0


def test_the_pod_asks_the_api_server_as_its_service_account(image):
    """Also with the token that the kubelet changes under it, which the log must not show."""
    with in_container(ShippedPod, image, "kube-proxy-replacement") as bed:
        bed.shop().start()
        wait_for("the Service answers", lambda: bed.answered_by() == {"web-0", "web-1"})
        with bed.undisturbed():
            bed.control.give_token("token-of-tomorrow")
            bed.server.break_connections()
            bed.follows()
        asked = [r for r in bed.server.log if r.status == 200]
        assert {r.user for r in asked} == {USER} and asked[-1].headers["authorization"] == "Bearer token-of-tomorrow"
        bed.is_as_fresh()
        assert "level=error" not in bed.agent_log() and "token-of" not in bed.agent_log()
        assert bed.kill_agent(signal.SIGTERM) == 0


@pytest.mark.parametrize("capability", MEASURING)
def test_measuring_needs_each_capability(image, capability):
    """Without it preflight fails and names it, and the agent does not start."""
    with in_container(Shipped, image, "metering-only", drop=[capability]) as bed:
        done = bed.run_once(bed.spec["initContainers"][0])
        assert done.returncode == 1
        assert re.search(rf"missing: (.*, )?CAP_{capability}\b", done.stderr)
        bed.start(wait=False)
        assert bed.agent.wait(timeout=20) == 1
        assert "not permitted; run as root (CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON)" in bed.agent_log()


# a socket that says what it was told; argv: whose network namespace, address, port, seconds to wait
KEPT = """
import ctypes, socket, subprocess, sys
if sys.argv[1] == "own":
    assert ctypes.CDLL(None).unshare(0x40000000) == 0
    for line in ("link set lo up", "route add default dev lo"):
        subprocess.run(["ip", *line.split()], check=True)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[2], int(sys.argv[3])))
s.settimeout(float(sys.argv[4]))
print("up", flush=True)
try:
    s.recv(1)
except OSError as e:
    print(type(e).__name__, flush=True)
"""


@pytest.mark.parametrize(("without", "told", "log"), [
    ([], {"pod": "ConnectionAbortedError", "own": "ConnectionAbortedError"}, "ended UDP sockets .* sockets=2"),
    (["SYS_PTRACE"], {"pod": "ConnectionAbortedError", "own": "TimeoutError"}, "level=warn .*needs=CAP_SYS_PTRACE"),
    (["SYS_ADMIN"], {"pod": "TimeoutError", "own": "TimeoutError"}, "level=error mod=ends .*Operation not permitted")])
def test_directing_needs_more_to_end_sockets(image, without, told, log):
    """What UDP clients in a pod's network namespace, and in one of their own, learn of their backend's end.
    Without the capability everything else goes on, and the log says what does not."""
    with in_container(Shipped, image, "kube-proxy-replacement", drop=without) as bed:
        web, client = bed.pod("web"), bed.pod("client")
        web.serve()
        vip, = bed.service("web", 80, [web], 8080, vips=["10.96.0.10"])
        bed.start()
        assert client.ask("count", "tcp", vip, 80, 3, 5)["answers"] == {"web": 3}
        kept = {which: client.popen("/usr/bin/python3", "-c", KEPT, which, vip, "80", "2" if what == "TimeoutError" else "20",
                                    stdout=subprocess.PIPE) for which, what in told.items()}
        assert [k.stdout.readline() for k in kept.values()] == ["up\n"] * len(kept)
        bed.service("web", 80, [], 8080, vips=[vip])
        assert {which: k.communicate(timeout=30)[0].strip() for which, k in kept.items()} == told
        wait_for(f"the log says {log}", lambda: re.search(log, bed.agent_log()))
        assert [line for line in bed.agent_log().splitlines() if "level=error" in line and "mod=ends" not in line] == []


def test_services_are_directed_without_the_component(image):
    """What k8s/chart/README.md says of leaving out `directing`: the pod is then as that of metering-only."""
    (pod, _), (_, config) = pod_of("metering-only"), pod_of("kube-proxy-replacement")
    with Shipped(pod=pod, image=image.unpacked, config=config) as bed:
        web, client = bed.pod("web"), bed.pod("client")
        web.serve()
        vip, _ = bed.service("web", 80, [web], 8080)
        bed.start()
        assert client.ask("count", "tcp", vip, 80, 3, 5)["answers"] == {"web": 3}
        assert {"weir_tc_in", "weir_tc_out"} <= {p["name"] for p in bed.weir("datapath", "status")["programs"]}
        wait_for("sockets are looked for", lambda: "mod=ends" in bed.agent_log())
        assert [line for line in bed.agent_log().splitlines() if "level=error" in line and "mod=ends" not in line] == []


def debug_pod(capabilities, *argv):
    """kubectl debug node/NODE: a root of its own that can be written to, and the node's beneath /host."""
    places = {"bpffs": "/host/sys/fs/bpf", "cgroup": "/host/sys/fs/cgroup", "run": "/host/run/weir"}
    return {"args": argv, "volumeMounts": [{"name": name, "mountPath": path} for name, path in places.items()],
            "env": [{"name": f"WEIR_PATHS_{name.upper()}", "value": path} for name, path in places.items()],
            "securityContext": {"runAsUser": 0, "readOnlyRootFilesystem": False, "allowPrivilegeEscalation": True,
                                "capabilities": {"add": capabilities}}}


def test_the_node_is_left_by_a_debug_pod(image):
    """--profile=sysadmin. The pod's end takes nothing away, and while the agent runs neither does this."""
    detach = debug_pod(list(CAPABILITIES), "datapath", "detach")
    with in_container(Shipped, image, "kube-proxy-replacement") as bed:
        assert bed.run_once(debug_pod(list(CAPABILITIES), "feature", "probe")).returncode == 0
        web, client = bed.pod("web"), bed.pod("client")
        web.serve()
        vip, _ = bed.service("web", 80, [web], 8080)
        bed.start()
        done = bed.run_once(detach)
        assert done.returncode == 1 and "the agent runs and needs them" in done.stderr
        assert bed.kill_agent(signal.SIGTERM) == 0
        assert client.ask("count", "tcp", vip, 80, 3, 5)["answers"] == {"web": 3}
        done = bed.run_once(detach)
        assert done.returncode == 0, done.stderr
        assert not (bed.dir / "bpffs" / "weir").exists()
        assert client.ask("count", "tcp", vip, 80, 1, 0.3)["answers"] == {}


def test_it_takes_over_from_kube_proxy_in_a_debug_pod(image):
    """--profile=netadmin: these two capabilities."""
    debug = debug_pod(["NET_ADMIN", "NET_RAW"], "-j", "datapath", "takeover")
    with in_container(Shipped, image, "kube-proxy-replacement") as bed:
        node = takeover.Node(bed.node)
        kinds = ["nftables", "iptables-nft", *([] if takeover.misses_legacy(node) else ["iptables-legacy"])]
        node.others()
        before = node.saves()
        for kind in kinds:
            takeover.KINDS[kind](node)
        done = bed.run_once(debug)
        assert done.returncode == 0, done.stdout + done.stderr
        assert {i["kind"] for i in json.loads(done.stdout)} == {*kinds}
        assert node.saves() == before


def test_an_upgrade_and_the_way_back_disturb_nobody(image, tmp_path):
    """As a DaemonSet does it: the old agent is told to end, then the other release starts."""
    other = Image(tmp_path / "image", shipped.another_build(tmp_path, "v-next"), "v-next")
    releases = {"v-next": (other.unpack(tmp_path / "unpacked"), "r2a"), "v1": (image.unpacked, "l1")}
    clients = [{"by": by, "to": to, "family": family} for by, to in (("c1", "vip"), ("ext", "node"))
               for family in ("IPv4", "IPv6")]
    with in_container(ShippedCluster, image, "kube-proxy-replacement") as bed, contextlib.ExitStack() as stack:
        bed.start()
        case = stack.enter_context(on(bed, ["IPv4", "IPv6"], "upgrade"))
        case.serve("l1", type="NodePort")
        for how in clients:
            case.settles("l1", **how)
        with contextlib.ExitStack() as loads:
            held, anew = ([loads.enter_context(case.load(kind=kind, **how)) for how in clients] for kind in ("held", "tcp"))
            for release, (unpacked, pod) in releases.items():
                assert bed.kill_agent(signal.SIGTERM) == 0
                for how in clients:
                    case.settles(*({"l1", "r2a"} - {pod}), n=20, **how)
                bed.image = unpacked
                bed.start()
                case.serve(pod, type="NodePort")
                for how in clients:
                    case.settles(pod, **how)
                assert ("v-next" in bed.exec("weir", "-V")) == (release == "v-next")
        assert [load.order for load in held] == [["l1"]] * len(held)
        assert [load.order for load in anew] == [["l1", "r2a", "l1"]] * len(anew)
        assert bed.agent_log().count("adopted=0") == 3


def test_no_daemonset_grants_a_capability_that_no_test_here_takes_away():
    for overlay in OVERLAYS:
        assert granted(overlay) == MEASURING + ([] if overlay == "metering-only" else DIRECTING)
