# SPDX-License-Identifier: Apache-2.0
"""`weir workload publish`: packing with npm and git as they are, a publisher of ours with all its faults. Loopback only,
nothing is fetched from a registry."""
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from test_walrus import SHARDS, Node, Walrus, certificate, closed_port, write


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


def package(folder, **more):
    return write(folder, package_json={"name": "app", "version": "1.2.3", "main": "index.js", **more}, index_js="1;\n")


def publish(node, *words, publisher="", **config):
    return node.run("publish", "--shards", SHARDS, *map(str, words), publisher=publisher, **config)


@pytest.fixture
def tarball(node):
    """What is published as it is: npm takes its time."""
    path = node.folder / "app.tgz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(package(node.folder / "app"), "package")
    return path


def unpacked(content):
    """{path: text} of a tarball."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {m.name: tar.extractfile(m).read().decode() for m in tar.getmembers()}


def git(folder, *words):
    return subprocess.run(["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, text=True,
                          capture_output=True).stdout.strip()


def test_what_is_published_is_pulled_and_has_its_names(node):
    with Walrus(name=node.name) as walrus:
        code, made = publish(node, package(node.folder / "app"), "--epochs", "5", publisher=walrus.url)
        assert code == 0, made
        assert (made["package"], made["version"], made["commit"]) == ("app", "1.2.3", None)
        assert made["published"] and not made["was_stored"] and made["deletable"]
        assert (made["start_epoch"], made["end_epoch"], made["cost_frost"]) == (34, 39, "661500")
        assert made["blob_id"] in made["run_command"] and made["integrity"] in made["run_command"]
        assert made["lease_command"].startswith("weir lease open ") and "epoch 39" in made["renew"]
        method, path, headers = walrus.requests[0]
        assert (method, path) == ("PUT", "/v1/blobs?epochs=5") and int(headers["Content-Length"]) == made["bytes"]
        code, pulled = node.pull(made["blob_id"], [walrus.url], "--integrity", made["integrity"])
        assert code == 0 and sorted(unpacked(Path(pulled["path"]).read_bytes())) == ["package/index.js",
                                                                                   "package/package.json"]


def test_options_reach_the_publisher(node, tarball):
    with Walrus(name=node.name) as walrus:
        code, made = publish(node, tarball, "--permanent", "--send-object-to", "0x" + "12" * 32,
                             publisher=walrus.url + "/")
        assert code == 0 and not made["deletable"], made
        assert walrus.requests[0][1] == "/v1/blobs?epochs=1&permanent=true&send_object_to=0x" + "12" * 32
        for words in (("--epochs", "0"), ("--epochs", "54"), ("--send-object-to", "12"), ("--ref", "main")):
            config = node.config(publisher=walrus.url)
            done = subprocess.run(["build/weir", "-c", config, "workload", "publish", tarball, *words],
                                  capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
            assert done.returncode == 2, done
        assert len(walrus.requests) == 1


# What a publisher may answer, and what is said of it.
ANSWERS = {
    "error_200": 'it failed at "encode": scripted',
    "wrong_id": "it says that it stored " + "A" * 43,
    "wrong_size": 'no proper "size"',
    "no_blob": "it says that it stored nothing",
    "empty": "no JSON",
    "html": "no JSON",
    "redirect": "redirects are not followed",
    "status_400": "status 400",
    "status_403": "status 403",
    "status_413": "no blobs of this size",
    "status_451": "status 451",
    "endless": "more than",
}


@pytest.mark.parametrize("word", ANSWERS)
def test_an_answer_that_is_none_is_told_and_not_asked_for_again(node, tarball, word):
    with Walrus(name=node.name, script=[word]) as walrus:
        code, answer = publish(node, tarball, publisher=walrus.url)
        assert code == 1 and f"publisher {walrus.url}" in answer["error"] and ANSWERS[word] in answer["error"], answer
        assert len(walrus.requests) == 1


@pytest.mark.parametrize("word", ["status_429", "status_500", "status_503", "status_504", "reset"])
def test_what_may_pass_is_tried_again(node, tarball, word):
    with Walrus(name=node.name, script=[word, "well"]) as walrus:
        code, made = publish(node, tarball, publisher=walrus.url)
        assert code == 0 and made["published"] and len(walrus.requests) == 2, made


def test_what_was_stored_before_costs_nothing(node, tarball):
    with Walrus(name=node.name, script=["certified_before"]) as walrus:
        code, made = publish(node, tarball, publisher=walrus.url)
        assert code == 0 and made["was_stored"] and made["cost_frost"] == "0" and made["end_epoch"] == 77
        assert made["start_epoch"] is None and "epoch 77" in made["renew"]


def test_a_publisher_must_be_who_it_says(node, tarball):
    with Walrus(tls=certificate(node.folder)) as walrus:
        code, answer = publish(node, tarball, publisher=walrus.url)
        assert code == 1 and "certificate" in answer["error"] and walrus.requests == []


def test_no_publisher(node, tarball):
    code, answer = publish(node, tarball)
    assert code == 1 and "set walrus.publisher" in answer["error"]
    code, answer = publish(node, tarball, publisher=closed_port())
    assert code == 1 and "publisher http://127.0.0.1" in answer["error"]


def test_the_same_folder_is_the_same_blob(node):
    app, tarball = package(node.folder / "app"), node.folder / "out.tgz"
    made = [publish(node, app, "--dry-run", "--output", tarball) for _ in range(2)]
    assert made[0] == made[1] and made[0][0] == 0 and not made[0][1]["published"]
    (app / "index.js").touch()
    assert publish(node, app, "--dry-run")[1]["blob_id"] == made[0][1]["blob_id"]
    again = publish(node, tarball, "--dry-run")[1]  # the tarball itself, for another term
    assert (again["blob_id"], again["integrity"]) == (made[0][1]["blob_id"], made[0][1]["integrity"])
    assert node.run("verify", made[0][1]["blob_id"], str(tarball), "--shards", SHARDS)[0] == 0


def test_no_script_of_the_package_runs(node):
    ran = node.folder / "ran"
    scripts = {name: f"touch {ran}" for name in ("prepack", "prepare", "postpack", "prepublish", "preinstall", "install")}
    app = package(node.folder / "app", scripts=scripts)
    assert publish(node, app, "--dry-run")[0] == 0
    git(app, "init", "-q")
    git(app, "add", "-A")
    git(app, "commit", "-qm", "x")
    assert publish(node, "--git", app, "--dry-run")[0] == 0
    assert not ran.exists()


def dependent(folder):
    """app -> a -> @s/b -> c, where b has a c of its own, and a an optional one that is not there."""
    app = package(folder, dependencies={"a": "1"}, bundleDependencies=True)
    modules = app / "node_modules"
    package(modules / "a", name="a", dependencies={"@s/b": "1", "gone": "1"}, optionalDependencies={"gone": "1"})
    package(modules / "@s" / "b", name="@s/b", dependencies={"c": "1"})
    package(modules / "@s" / "b" / "node_modules" / "c", name="c")
    return app


def test_dependencies_are_bundled(node):
    code, made = publish(node, dependent(node.folder / "app"), "--dry-run")
    assert code == 0 and made["bundled_packages"] == 3, made


@pytest.mark.parametrize("missing", ["a", "@s/b", "@s/b/node_modules/c"])
def test_a_dependency_that_is_not_packed_is_named(node, missing):
    app = dependent(node.folder / "app")
    for path in (app / "node_modules" / missing).glob("*.js*"):
        path.unlink()
    code, answer = publish(node, app, "--dry-run")
    name = missing.rpartition("node_modules/")[2]
    assert code == 1 and f"'{name}', which " in answer["error"] and "is not packed with it" in answer["error"], answer


def test_dependencies_must_be_declared_bundled(node):
    app = package(dependent(node.folder / "app"), dependencies={"a": "1"})
    code, answer = publish(node, app, "--dry-run")
    assert code == 1 and '"bundleDependencies": true' in answer["error"]


@pytest.fixture
def repo(node):
    """Two commits, a tag, a branch, and a folder that is not clean."""
    repo = package(node.folder / "repo")
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "one")
    git(repo, "tag", "v1")
    git(repo, "checkout", "-qb", "next")
    write(repo, index_js="2;\n")
    git(repo, "commit", "-qam", "two")
    git(repo, "checkout", "-q", "main")
    write(repo, index_js="dirty;\n", stray_js="3;\n")
    return repo


def test_a_commit_is_exported_clean_and_named(node, repo):
    tarball = node.folder / "out.tgz"
    for ref, text in ((None, "1;\n"), ("main", "1;\n"), ("v1", "1;\n"), ("next", "2;\n"), (git(repo, "rev-parse", "next"), "2;\n")):
        words = ["--ref", ref] if ref else []
        code, made = publish(node, "--git", repo, *words, "--dry-run", "-o", tarball)
        assert code == 0 and made["commit"] == git(repo, "rev-parse", ref or "HEAD"), made
        files = unpacked(tarball.read_bytes())
        assert sorted(files) == ["package/index.js", "package/package.json"]
        assert files["package/index.js"] == text
        assert json.loads(files["package/package.json"])["gitHead"] == made["commit"]
    assert (repo / "index.js").read_text() == "dirty;\n" and not (repo / "package-lock.json").exists()


def test_one_commit_is_one_blob(node, repo):
    made = {publish(node, "--git", where, "--ref", "v1", "--dry-run")[1]["blob_id"]
            for where in (repo, repo, f"file://{repo}")}
    assert len(made) == 1


@pytest.mark.parametrize("words, says", [
    (("--ref", "nope"), "no branch, tag or commit 'nope'"),
    (("--ref", "--upload-pack=x"), "no name of a commit"),
    (("--ref", "HEAD~9"), "no branch, tag or commit"),
])
def test_a_commit_that_is_not_there_is_told(node, repo, words, says):
    code, answer = publish(node, "--git", repo, *words, "--dry-run")
    assert code == 1 and says in answer["error"], answer


def test_a_commit_must_pin_what_it_depends_on(node, repo):
    package(repo, dependencies={"a": "1"})
    git(repo, "commit", "-qam", "three")
    code, answer = publish(node, "--git", repo, "--dry-run")
    assert code == 1 and "package-lock.json" in answer["error"]


@pytest.mark.parametrize("words, says", [
    (["/nowhere"], "/nowhere"),
    (["--git", "/nowhere"], "git failed"),
    (["/"], "package.json"),
])
def test_what_is_no_package_is_told(node, words, says):
    code, answer = publish(node, *words, "--dry-run")
    assert code == 1 and says in answer["error"], answer


def test_nothing_temporary_stays(node, repo, monkeypatch):
    temp = node.folder / "tmp"
    temp.mkdir()
    monkeypatch.setenv("TMPDIR", str(temp))
    assert publish(node, "--git", repo, "--dry-run")[0] == 0
    assert publish(node, "--git", repo, "--ref", "nope", "--dry-run")[0] == 1
    assert list(temp.iterdir()) == []
