# SPDX-License-Identifier: Apache-2.0
"""A package from Walrus, from its blob id to a process and back to nothing."""
import json
import os
import tarfile

from bed import wait_for
from test_walrus import Walrus, write

IDLE = "setInterval(() => {}, 1000)\n"


def package(folder):
    path = folder / "app.tgz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(write(folder / "app", package_json={"name": "app", "version": "1.0.0", "main": "index.js"},
                      index_js=IDLE), "package")
    return path


def state_of(bed):
    return {w["name"]: w["state"] for w in bed.weir("workload", "show")}


def test_what_was_pulled_runs_and_goes_without_a_trace(bed, tmp_path):
    bed.start()
    tarball = package(tmp_path)
    blob_id = bed.weir("workload", "verify", "0", str(tarball), check=False)["blob_id"]
    words = ("workload", "run", "web", blob_id, "--cgroup", f"/{bed.name}/pods/web")
    assert "weir workload pull" in bed.weir(*words, check=False)["error"]
    with Walrus({blob_id: tarball.read_bytes()}) as walrus:
        env = dict(os.environ, WEIR_WALRUS_AGGREGATORS=walrus.url)
        pulled = json.loads(bed.cli("-j", "workload", "pull", blob_id, env=env).stdout)
    wrong = bed.weir(*words, "--integrity", "sha512-" + "A" * 86 + "==", check=False)
    assert "another integrity" in wrong["error"]
    bed.weir(*words, "--integrity", pulled["integrity"])
    wait_for("it runs", lambda: state_of(bed) == {"web": "starting"})
    kept = bed.weir("workload", "prune", "--keep", "0s")
    assert [(k["workloads"], k["removed"]) for k in kept] == [(1, False), (1, False)], kept
    assert "runs; stop it first" in bed.weir("workload", "remove", "web", check=False)["error"]
    bed.weir("workload", "stop", "web")
    assert not any(k["removed"] for k in bed.weir("workload", "prune", "--keep", "0s"))
    bed.cli("workload", "remove", "web")
    assert state_of(bed) == {}
    assert all(k["removed"] for k in bed.weir("workload", "prune", "--keep", "0s"))
    assert bed.weir("workload", "prune") == []
