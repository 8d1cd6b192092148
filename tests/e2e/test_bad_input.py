# SPDX-License-Identifier: Apache-2.0
"""Bad input: one line that says what, where and what to do; the pinned exit code; and what ran
before runs on."""
import json
import os
import subprocess

import bed as beds
import pytest
from bed import WEIR, run, wait_for


def weir(*argv, **kw):
    return subprocess.run([WEIR, *argv], capture_output=True, text=True, **kw)


def one_line(text):
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


def start_fails(bed, *words, before="true"):
    """The start ends with one line that has the words; `before` is done to a mount namespace of its own."""
    done = run("nsenter", f"--net=/run/netns/{bed.node}", "unshare", "--mount", "sh", "-c",
               f'{before} && exec "$@"', "sh", WEIR, "agent", "run", "-c", str(bed.config),
               check=False, timeout=20)
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in line, line
    assert not (bed.dir / "bpffs/weir").exists() or os.listdir(bed.dir / "bpffs/weir") == []
    return line


@pytest.mark.parametrize("text,words", [
    ("kind: [\n", ["bad.yaml:"]),
    ("{\"kind\": \"Service\",}\n", ["bad.yaml:"]),
    ("apiVersion: v1\nkind: Gadget\nmetadata: {name: x}\n", ["bad.yaml", "Gadget"]),
    ("apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: d}\n"
     "spec: {clusterIP: 10.96.0.300, ports: [{port: 80}]}\n", ["bad.yaml", "d/x", "10.96.0.300"]),
    ("apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: d}\n"
     "spec: {clusterIP: 10.96.0.30, ports: [{port: 99999}]}\n", ["bad.yaml", "d/x", "99999", "65535"]),
])
def test_a_bad_manifest_stops_the_start_and_names_file_and_field(bed, text, words):
    (bed.dir / "manifests/bad.yaml").write_text(text)
    start_fails(bed, *words)


def test_a_manifest_that_turns_bad_keeps_what_runs(bed):
    web = bed.pod("web")
    web.serve(8080)
    vips = bed.service("web", 80, [web], 8080)
    bed.start()
    before = wait_for("it is shown", lambda: bed.weir("service", "show"))
    path = bed.dir / "manifests/service-web.json"
    path.write_text("{\"kind\": ")
    wait_for("the agent tells", lambda: "service-web.json" in bed.agent_log())
    assert bed.weir("service", "show") == before
    assert bed.weir("datapath", "check") == []
    bed.service("web", 80, [], 8080, vips=vips)
    wait_for("the next good one applies",
             lambda: bed.weir("service", "show")[0]["ports"][0]["result"] == "refused")


@pytest.mark.parametrize("edit,words", [
    (("window: 1s", "window: 1s, windov: 2s"), ["weir.yaml:", "meter.windov", "window"]),
    (("window: 1s", "window: 1 parsec"), ["weir.yaml:", "meter.window"]),
    (("kind: files", "kind: kubernetes"), ["source.kubeconfig", "name a kubeconfig"]),
    (("datapath:", "listen: {healthz: \"0.0.0.0:70000\"}\ndatapath:"), ["listen.healthz"]),
    (("node: {", "node: {addresses: [10.0.0.256], "), ["node.addresses", "10.0.0.256"]),
])
def test_a_bad_configuration_names_line_and_key(bed, edit, words):
    bed.config.write_text(bed.config.read_text().replace(*edit))
    start_fails(bed, *words)


def test_a_missing_manifest_folder_is_named(bed):
    (bed.dir / "manifests").rename(bed.dir / "elsewhere")
    start_fails(bed, "manifests")


def test_a_folder_that_is_no_bpffs_is_named_with_the_cure(bed):
    run("umount", str(bed.dir / "bpffs"))
    start_fails(bed, "bpffs", "mount -t bpf")
    run("mount", "-t", "bpf", "bpf", str(bed.dir / "bpffs"))


def test_a_missing_cgroup_is_named(bed):
    bed.config.write_text(bed.config.read_text().replace(f"cgroup: {bed.cgroup}", "cgroup: /nowhere"))
    start_fails(bed, "paths.cgroup", "/nowhere")


def test_without_btf_the_kernel_is_named(bed):
    start_fails(bed, "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF",
                before="mount -t tmpfs none /sys/kernel/btf")


def test_without_cgroup2_the_mount_is_asked_for(bed):
    bed.config.write_text(bed.config.read_text().replace(f"cgroup: {bed.cgroup}, ", ""))
    start_fails(bed, "paths.cgroup", "mount -t cgroup2", before=f"umount -l {beds.cgroup2_mount()}")


def test_a_second_agent_is_refused_and_the_first_runs_on(bed):
    bed.start()
    done = run("nsenter", f"--net=/run/netns/{bed.node}", WEIR, "agent", "run", "-c", str(bed.config),
               check=False, timeout=20)
    assert done.returncode == 1 and "another agent" in done.stderr
    assert bed.answers()


def test_without_root_the_error_says_so(bed):
    os.chmod(bed.dir, 0o711)
    for name in ("state", "run", "manifests"):
        os.chown(bed.dir / name, 65534, 65534)
    os.chmod(bed.config, 0o644)
    done = run("nsenter", f"--net=/run/netns/{bed.node}", "setpriv", "--reuid=65534", "--regid=65534",
               "--clear-groups", WEIR, "agent", "run", "-c", str(bed.config), check=False, timeout=20)
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert "run as root" in line, line


@pytest.mark.parametrize("argv", [["servce", "show"], ["service", "shwo"], ["service"], ["usage", "show", "--windw", "1h"],
                                  ["usage", "show", "--window", "yesterdya"]])
def test_bad_usage_is_one_line_and_exit_2(argv):
    done = weir(*argv)
    assert done.returncode == 2 and done.stdout == ""
    assert one_line(done.stderr).startswith("weir: ")


def test_an_error_is_json_under_j():
    done = weir("-j", "-c", "/nowhere.yaml", "service", "show")
    assert done.returncode == 1 and done.stderr == ""
    assert "/nowhere.yaml" in json.loads(done.stdout)["error"]


def test_nothing_there_yet_says_what_to_do(bed):
    for argv in (["datapath", "status"], ["service", "show"], ["usage", "show"], ["agent", "status"]):
        done = bed.cli("-j", *argv, check=False)
        assert done.returncode == 1, argv
        assert "weir agent run" in json.loads(done.stdout)["error"], argv
