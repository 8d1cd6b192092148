# SPDX-License-Identifier: Apache-2.0
"""What the real server answered, this one answers: from the same objects, byte for byte, and by replay."""
import re

import pytest
from client import Client, curl
from kube import Recording, Rules, recordings

LISTS = ("services", "endpointslices", "nodes", "pods", "namespaces", "servicecidrs")
# Asked of the real server when it held something else, or what it said is its own affair.
OTHER_STATE = {
    "err-list-410-expired-continue": "an older state; test_pages has one",
    "err-list-410-exact-old": "an older state",
    "list-services-inconsistent-continue": "an older state; test_pages has one",
    "err-watch-410-old-rv": "an older state",
    "err-watch-410-rv-before-restart": "an older state; test_watch has one",
    "err-watch-rv1-too-old": "the oldest version it kept",
    "err-watch-endpointslices-rv1-too-old": "the oldest version it kept",
    "watch-services-apiserver-shutdown": "an older state; test_misbehaviour has one",
}
PROXY = Rules([{"apiGroups": [""], "resources": ["services", "nodes"], "verbs": ["list", "watch"]}])
QUIET = ("err-watch-sendinitial-without-bookmarks",)  # nothing happened while it ran
VARY = ("Audit-Id", "Date")


def events_of(resource):
    """What happened to it while the watches were recorded."""
    return Recording(f"watch-{resource}-nobookmarks").body.splitlines()


@pytest.fixture
def recorded(server, store):
    """Holds what the real server held."""
    for name in LISTS:
        store.load_list(Recording(f"list-{name}").body)
    server.tokens.update({"viewer-token-0123456789abcdef": "nobody-special",
                          "proxy-token-0123456789abcdef": "system:kube-proxy"})
    server.rules.update({"nobody-special": None, "system:kube-proxy": PROXY})
    return server


def happen(store):
    """From 37819 on."""
    store.version = 37819
    for resource in ("services", "endpointslices", "nodes", "pods"):
        store.table(resource).latest = 37819
    events = [e for r in ("services", "endpointslices", "nodes", "pods") for e in events_of(r)]
    for line in sorted(events, key=lambda e: int(re.search(rb'"resourceVersion":"(\d+)"', e)[1])):
        store.load_event(line)


def asked(server, recording, target=None):
    with Client(server) as client:
        return client.ask(recording.method, target or recording.target, b"x" if recording.method == "POST" else b"",
                          [h for h in recording.request_headers if h[0] not in ("Host", "Content-Length")])


def without_second_bookmark(body):
    """Of the one or two that come before the end: it depends on the hour."""
    *lines, last = body.splitlines(keepends=True) or [b""]
    return body.removesuffix(last) if lines and lines[-1] == last else body


def same(answer, recording):
    assert answer.body == recording.body
    assert answer.status == recording.status
    assert [(k, v) for k, v in answer.headers if k not in VARY] == \
        [(k, v) for k, v in recording.headers if k not in VARY]
    assert [k for k, _ in answer.headers] == [k for k, _ in recording.headers]


@pytest.mark.parametrize("name", [n for n in recordings.names() if n not in OTHER_STATE and "watch" not in n])
def test_an_answer_equals_the_recorded_one(recorded, name):
    recording = Recording(name)
    answer = asked(recorded, recording)
    same(answer, recording)
    assert all(len(chunk) == 2048 for chunk in answer.chunks[:-1])


@pytest.mark.parametrize("name", [n for n in recordings.names() if n not in OTHER_STATE and "watch" in n])
def test_a_watch_equals_the_recorded_one(recorded, store, name):
    """The events come at once here, and the end is near."""
    recording = Recording(name)
    seconds = 2.2 if "allowWatchBookmarks" in recording.target else 0.5
    store.version = 37819
    with Client(recorded) as client:
        target = re.sub(r"timeoutSeconds=\d+", f"timeoutSeconds={seconds}", recording.target)
        client.send(recording.method, target, headers=[h for h in recording.request_headers if h[0] != "Host"])
        if recording.status == 200 and recording.body:
            while not recorded.running():
                pass
            if name not in QUIET:
                happen(store)
        answer = client.answer()
    answer.body, recording.body = map(without_second_bookmark, (answer.body, recording.body))
    same(answer, recording)


@pytest.mark.parametrize("name", recordings.names())
def test_a_replayed_answer_has_every_byte_of_the_recorded_one(server, name):
    recording = Recording(name)
    server.replay(name)
    answer = asked(server, recording)
    assert (answer.status, answer.headers, answer.body) == (recording.status, recording.headers, recording.body)
    if recording.is_watch:
        assert answer.chunks == recording.body.splitlines(keepends=True)
    version, status, body = curl(server, recording.target, "-X", recording.method)
    assert (version, status, body) == ("2", recording.status, recording.body)


@pytest.mark.parametrize("name", ["services-5000", "endpointslices-5000"])
def test_lists_of_five_thousand_equal_the_recorded_ones(server, store, client, name):
    body = recordings.big(name)
    store.load_list(body)
    target = "/api/v1/services" if name.startswith("services") else "/apis/discovery.k8s.io/v1/endpointslices"
    assert client.get(target).body == body
    zipped = client.get(target, Accept_Encoding="gzip")
    assert zipped.header("Content-Encoding") == "gzip" and len(zipped.body) < len(body) / 10
    assert curl(server, target, "--compressed") == ("2", 200, body)
