# SPDX-License-Identifier: Apache-2.0
"""`weir workload pull` against aggregators that do all that can go wrong. Loopback only; no agent, no kernel."""
import base64
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bed import TOP, WEIR, wait_for

sys.path.insert(0, str(TOP / "tests" / "fakes"))
from walrus import Walrus, certificate, closed_port  # noqa: E402

SHARDS = "10"  # small committees are quick
CONTENT = bytes(i * 7 + 3 & 255 for i in range(20000))


class Node:
    """A state folder and a command line."""

    def __init__(self, folder):
        self.folder, self.state, self.more = folder, folder / "state", {}  # more sections of its configuration

    def config(self, aggregators=(), publisher="", most="1MiB"):
        config = self.folder / "weir.yaml"
        config.write_text(json.dumps({
            "node": {"name": "n"}, "paths": {"state": str(self.state), "run": str(self.folder), "cgroup": str(self.folder)},
            "walrus": {"aggregators": list(aggregators), "publisher": publisher, "maxBlobBytes": most}, **self.more}))
        return config

    def weir(self, *words, **config):
        done = subprocess.run([WEIR, "-c", self.config(**config), "-j", *words], text=True, capture_output=True, timeout=60)
        return done.returncode, json.loads(done.stdout)

    def run(self, *words, **config):
        return self.weir("workload", *words, **config)

    def name(self, content, shards=SHARDS):
        path = self.folder / "content"
        path.write_bytes(content)
        return self.run("verify", "0", path, "--shards", shards)[1]["blob_id"]

    def pull(self, blob_id, urls, *words, most="1MiB"):
        return self.run("pull", blob_id, "--shards", SHARDS, "--timeout", "20s", "--patience", "1s", *words,
                        aggregators=urls, most=most)

    def visible(self):
        """What anybody could take from the store, or find left over in it."""
        return sorted(str(p.relative_to(self.state)) for p in self.state.rglob("*") if not p.is_dir())


def write(folder, **files):
    """write(d, index_js="1", package_json={...}): files of a package, _ for the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("_", ".")).write_text(text)
    return folder


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


@pytest.fixture
def blob_id(node):
    return node.name(CONTENT)


def assert_stored(node, blob_id, answer):
    assert Path(answer["path"]).read_bytes() == CONTENT
    assert answer["blob_id"] == blob_id and answer["bytes"] == len(CONTENT)
    assert len(node.visible()) == 2  # the content, and its name


def test_a_blob_is_pulled_once(node, blob_id):
    with Walrus({blob_id: CONTENT}) as walrus:
        code, answer = node.pull(blob_id, [walrus.url + "/"])
        assert code == 0 and answer["from"] == walrus.url and not answer["was_stored"], answer
        assert_stored(node, blob_id, answer)
        code, answer = node.pull(blob_id, [walrus.url])
        assert code == 0 and answer["was_stored"] and answer["from"] is None
        assert_stored(node, blob_id, answer)
        assert len(walrus.requests) == 1


# What a first aggregator may do instead of serving, what is said of it, and whether it is left for good.
FAULTS = {
    "wrong_byte": ("not " , True),
    "longer": ("not ", True),
    "html": ("not ", True),
    "error_200": ("not ", True),
    "redirect": ("status 302: redirects are not followed", False),
    "status_403": ("status 403 PERMISSION_DENIED: scripted 403", False),
    "status_400": ("status 400", False),
    "status_404": ("status 404 NOT_FOUND", False),
    "huge": ("larger than the limit", False),
    "endless": ("larger than the limit", False),
    "endless_403": ("status 403", False),
    "garbage": ("HTTP/0.9", False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_one_serves_when_the_first_does_not(node, blob_id, fault):
    why, left = FAULTS[fault]
    with Walrus({blob_id: CONTENT}, [fault]) as bad, Walrus({blob_id: CONTENT}) as good:
        bad.elsewhere = good.url + "/v1/blobs/" + blob_id
        code, answer = node.pull(blob_id, [bad.url, good.url])
        assert code == 0 and answer["from"] == good.url, answer
        assert_stored(node, blob_id, answer)
        told = answer["aggregators"][0]
        assert told["url"] == bad.url and why in told["why"], told
        assert (told["failed"], told["wrong"], told["left"]) == (1, int(left), left)
        assert len(bad.requests) == len(good.requests) == 1


# In passing: the same one serves, asked again after a while.
@pytest.mark.parametrize("fault", ["status_429", "status_503", "status_500", "status_504", "reset", "silent",
                                   "drip", "endless_503"])
def test_a_busy_one_is_asked_again(node, blob_id, fault):
    with Walrus({blob_id: CONTENT}, [fault, "well"]) as walrus:
        code, answer = node.pull(blob_id, [walrus.url])
        assert code == 0, answer
        assert_stored(node, blob_id, answer)
        assert answer["aggregators"][0]["failed"] == 1 and answer["aggregators"][0]["served"] == 1
        assert len(walrus.requests) == 2


def test_a_certificate_nobody_vouches_for_is_refused(node, blob_id):
    with Walrus({blob_id: CONTENT}, tls=certificate(node.folder)) as bad, Walrus({blob_id: CONTENT}) as good:
        code, answer = node.pull(blob_id, [bad.url, good.url])
        assert code == 0 and answer["from"] == good.url, answer
        assert "certificate" in answer["aggregators"][0]["why"]
        assert bad.requests == []
        node2 = Node(node.folder / "two")
        node2.folder.mkdir()
        code, answer = node2.pull(blob_id, [bad.url])
        assert code == 1 and "certificate" in answer["error"]
        assert node2.visible() == []


def test_nobody_listens(node, blob_id):
    with Walrus({blob_id: CONTENT}) as good:
        gone = closed_port()
        code, answer = node.pull(blob_id, [gone, good.url])
        assert code == 0 and answer["from"] == good.url and answer["aggregators"][0]["url"] == gone


def test_what_broke_off_is_resumed_where_it_ended(node, blob_id):
    with Walrus({blob_id: CONTENT}, ["short", "well"]) as walrus:
        code, answer = node.pull(blob_id, [walrus.url])
        assert code == 0, answer
        assert_stored(node, blob_id, answer)
        half = len(CONTENT) // 2
        assert [headers.get("Range") for _, _, headers in walrus.requests] == [None, f"bytes={half}-{len(CONTENT) - 1}"]


@pytest.mark.parametrize("fault", ["no_range", "other_range", "status_416", "no_length"])
def test_ranges_may_not_work(node, blob_id, fault):
    with Walrus({blob_id: CONTENT}, ["short", fault, "well"]) as walrus:
        code, answer = node.pull(blob_id, [walrus.url])
        assert code == 0, answer
        assert_stored(node, blob_id, answer)


def test_another_one_goes_on_where_the_first_broke_off(node, blob_id):
    with Walrus({blob_id: CONTENT}, ["short", "silent"]) as first, Walrus({blob_id: CONTENT}) as second:
        code, answer = node.pull(blob_id, [first.url, second.url])
        assert code == 0 and answer["from"] == second.url, answer
        assert_stored(node, blob_id, answer)
        assert second.requests[0][2]["Range"].startswith(f"bytes={len(CONTENT) // 2}-")


def test_nobody_is_blamed_for_what_came_of_two(node, blob_id):
    """The first sends half of it, wrong; the honest second goes on. Then each is asked for all of it."""
    with Walrus({blob_id: CONTENT}, ["short_wrong", "wrong_byte"]) as bad, Walrus({blob_id: CONTENT}) as good:
        code, answer = node.pull(blob_id, [bad.url, good.url])
        assert code == 0 and answer["from"] == good.url, answer
        assert_stored(node, blob_id, answer)
        assert [a["left"] for a in answer["aggregators"] if a["url"] == good.url] == [False]


def test_only_wrong_bytes_store_nothing(node, blob_id):
    with Walrus({blob_id: CONTENT}, ["wrong_byte"]) as a, Walrus({blob_id: CONTENT}, ["html"]) as b:
        code, answer = node.pull(blob_id, [a.url, b.url])
        assert code == 1 and a.url in answer["error"] and b.url in answer["error"], answer
        assert answer["error"].count("(left)") == 2
        assert node.visible() == []
        assert len(a.requests) == len(b.requests) == 1


def test_two_must_say_that_it_is_not_there(node, blob_id):
    with Walrus() as a, Walrus() as b, Walrus({blob_id: CONTENT}) as c:
        code, answer = node.pull(blob_id, [a.url, b.url, c.url])
        assert code == 1 and "404" in answer["error"], answer
        assert (len(a.requests), len(b.requests), len(c.requests)) == (1, 1, 0)
        code, answer = node.pull(blob_id, [a.url, c.url])
        assert code == 0, answer


def test_a_single_one_is_asked_again_for_what_is_fresh(node, blob_id):
    with Walrus({blob_id: CONTENT}, ["status_404", "status_404", "well"]) as walrus:
        code, answer = node.pull(blob_id, [walrus.url])
        assert code == 0, answer


def test_the_law_is_final(node, blob_id):
    with Walrus({blob_id: CONTENT}, ["status_451"]) as a, Walrus({blob_id: CONTENT}) as b:
        code, answer = node.pull(blob_id, [a.url, b.url])
        assert code == 1 and "451" in answer["error"] and b.requests == []


def test_time_has_an_end(node, blob_id):
    with Walrus({blob_id: CONTENT}, ["status_503"], retry_after="3600") as walrus:
        code, answer = node.run("pull", blob_id, "--shards", SHARDS, "--timeout", "2s", aggregators=[walrus.url])
        assert code == 1 and walrus.url in answer["error"] and "503" in answer["error"]
        assert len(walrus.requests) == 1
        assert node.visible() == []


def test_what_is_over_the_limit_is_refused(node, blob_id):
    for word in ("well", "no_length"):
        with Walrus({blob_id: CONTENT}, [word]) as walrus:
            code, answer = node.pull(blob_id, [walrus.url], most="10000")
            assert code == 1 and "walrus.maxBlobBytes" in answer["error"], answer
            assert node.visible() == []


def test_integrity_and_blob_id_must_agree(node, blob_id):
    with Walrus({blob_id: CONTENT}) as walrus:
        code, right = node.pull(blob_id, [walrus.url])
        assert code == 0
        code, answer = node.pull(blob_id, [walrus.url], "--integrity", right["integrity"])
        assert code == 0 and answer["was_stored"]
        other = "sha512-" + "A" * 86 + "=="
        code, answer = node.pull(blob_id, [walrus.url], "--integrity", other)
        assert code == 1 and "name different content" in answer["error"], answer


def quilt_of(files):
    """A quilt for the small committee (4 rows, 7 columns), as its writers make it: {name: content}."""
    rows, columns, symbol = 4, 7, 100
    end, index, patches = 1, bytes([len(files)]), []
    for name, content in sorted(files.items()):
        head = bytes([len(name)]) + name.encode()
        patch = struct.pack("<BIBH", 1, 2 + len(head) + len(content), 0, len(head)) + head + content
        start, end = end, end + -(-len(patch) // (rows * symbol))
        index += struct.pack("<H", end) + head + b"\0"
        patches.append((start, patch))
    quilt = bytearray(rows * columns * symbol)
    for start, data in [(0, struct.pack("<BI", 1, len(index)) + index), *patches]:
        for k, byte in enumerate(data, start * rows * symbol):
            row, column = k % (rows * symbol) // symbol, k // (rows * symbol)
            quilt[(row * columns + column) * symbol + k % symbol] = byte
    return bytes(quilt), {name: (start, end) for (name, _), (start, _), end in zip(
        sorted(files.items()), patches, [p[0] for p in patches[1:]] + [end])}


def patch_id(blob_id, start, end):
    quilt = base64.urlsafe_b64decode(blob_id + "=")
    return base64.urlsafe_b64encode(quilt + struct.pack("<BHH", 1, start, end)).decode().rstrip("=")


def test_a_file_comes_out_of_a_quilt_that_was_verified_whole(node):
    files = {"a.txt": b"hello", "package.tgz": CONTENT[:1500]}
    quilt, places = quilt_of(files)
    blob_id = node.name(quilt)
    with Walrus({blob_id: quilt}, ["wrong_byte"]) as bad, Walrus({blob_id: quilt}) as good:
        code, answer = node.pull(blob_id, [bad.url], "--file", "a.txt")
        assert code == 1 and node.visible() == [], answer
        for name, content in files.items():
            for words in ((blob_id, "--file", name), (patch_id(blob_id, *places[name]),)):
                code, answer = node.pull(words[0], [good.url], *words[1:])
                assert code == 0 and Path(answer["path"]).read_bytes() == content, answer
                assert answer["bytes"] == len(content)
        assert all(path == "/v1/blobs/" + blob_id for _, path, _ in good.requests) and len(good.requests) == 1
        code, answer = node.pull(blob_id, [good.url], "--file", "b.txt")
        assert code == 1 and "no file 'b.txt'" in answer["error"]
        code, answer = node.pull(patch_id(blob_id, 1, 3), [good.url])
        assert code == 1 and "columns 1 to 3" in answer["error"]


def test_killed_while_it_loads_leaves_nothing_visible(node, blob_id):
    with Walrus({blob_id: CONTENT}, ["drip", "well"]) as walrus:
        loading = subprocess.Popen([WEIR, "-c", node.config([walrus.url]), "workload", "pull", blob_id, "--shards", SHARDS])
        coming = node.state / "blobs" / "tmp"
        wait_for("a first byte", lambda: any(p.stat().st_size for p in coming.glob("*")))
        loading.kill()
        loading.wait()
        assert [p for p in node.visible() if "tmp" not in p] == []
        code, answer = node.pull(blob_id, [walrus.url])
        assert code == 0, answer
        assert_stored(node, blob_id, answer)


def test_no_aggregator_is_set(node, blob_id):
    code, answer = node.pull(blob_id, [])
    assert code == 1 and "set walrus.aggregators" in answer["error"]


def test_a_damaged_blob_is_pulled_again(node, blob_id):
    with Walrus({blob_id: CONTENT}) as walrus:
        path = Path(node.pull(blob_id, [walrus.url])[1]["path"])
        path.chmod(0o600)
        path.write_bytes(b"rotten")
        code, answer = node.pull(blob_id, [walrus.url])
        assert code == 0 and not answer["was_stored"], answer
        assert_stored(node, blob_id, answer)


def test_what_nothing_is_made_of_is_pruned(node, blob_id):
    with Walrus({blob_id: CONTENT}) as walrus:
        sri = node.pull(blob_id, [walrus.url])[1]["integrity"]
        fate = {"kind": "blob", "integrity": sri, "workloads": 0, "removed": False}
        assert node.run("prune") == (0, [fate])  # it came today
        fate["removed"] = True
        assert node.run("prune", "--keep", "0s", "--dry-run") == (0, [fate])
        assert len(node.visible()) == 2
        assert node.run("prune", "--keep", "0s") == (0, [fate])
        assert node.visible() == [] and node.run("prune") == (0, [])
        assert not node.pull(blob_id, [walrus.url])[1]["was_stored"]
