# SPDX-License-Identifier: Apache-2.0
"""Whom the agent trusts, what it shows of itself, and which server it asks."""
import contextlib
import json
import time

import pytest
from bed import run, wait_for
from bed.api import TOKEN, ApiBed
from conftest import made
from kube import Authority

HOUR = 3600


class ThreeServers(ApiBed):
    server_count = 3


@pytest.fixture
def bed():
    with made(ApiBed) as b:
        yield b.shop()


@pytest.fixture
def three():
    with made(ThreeServers) as b:
        b.shop()
        b.start()
        yield b


def refused(bed):
    """Nothing was asked, and the agent says why it does not start to direct."""
    bed.start(wait=False)
    wait_for("it is told", lambda: [m for level, m in bed.log_of(0) if level in ("warn", "error")])
    assert bed.server.asked() == []
    assert bed.weir("agent", "status")["synced"] is None


def certificates(bed):
    ca, address = bed.control.ca, bed.server.address
    other = Authority(bed.dir / "other", name="another")
    return {"expired": ca.issue("a", ips=[address], begins=-2 * HOUR, ends=-HOUR),
            "not valid yet": ca.issue("a", ips=[address], begins=HOUR, ends=2 * HOUR),
            "of another address": ca.issue("a", ips=["192.0.2.9"]),
            "of a client": ca.issue("a", ips=[address], client=True),
            "of another authority": other.issue("a", ips=[address])}


@pytest.mark.parametrize("which", ["expired", "not valid yet", "of another address", "of a client",
                                   "of another authority"])
def test_no_word_is_said_to_a_server_with_a_wrong_certificate(bed, which):
    good = bed.server.certificate
    bed.server.use(certificates(bed)[which])
    refused(bed)
    bed.server.use(good)
    wait_for("the right one is trusted", bed.answers, 60)
    bed.follows()
    bed.is_as_fresh()


def test_a_certificate_that_turns_wrong_takes_nothing_away(bed):
    bed.start()
    good, at = bed.server.certificate, len(bed.agent_log())
    with bed.undisturbed():
        bed.server.use(certificates(bed)["of another authority"])
        bed.server.break_connections()
        wait_for("it is told", lambda: bed.log_of(at), 60)
        bed.server.use(good)
        bed.follows()
    wait_for("it is back", lambda: len(bed.log_of(at)) == 2)
    bed.is_as_fresh()


def test_a_rotated_token_is_used_without_a_restart(bed):
    """As kubelets do it: the file is another one, and soon the old token is none."""
    bed.start()
    at = len(bed.agent_log())
    with bed.undisturbed():
        for n in range(3):
            bed.control.give_token(f"token-{n}")
            bed.server.break_connections()
            bed.follows()
    assert bed.log_of(at) == [] or len(bed.log_of(at)) <= 2
    assert {r.headers["authorization"] for r in bed.server.asked(since=0)} >= {
        f"Bearer {token}" for token in (TOKEN, "token-0", "token-1", "token-2")}


def test_a_token_that_is_none_any_more_is_told_until_there_is_another(bed):
    bed.start()
    at = len(bed.agent_log())
    with bed.undisturbed():
        for server in bed.control.servers:
            server.tokens = {}
        bed.server.break_connections()
        wait_for("it is told", lambda: bed.log_of(at), 60)
        bed.control.give_token("the-next")
        bed.follows()
    wait_for("it is back", lambda: len(bed.log_of(at)) == 2)
    bed.is_as_fresh()


def test_a_client_certificate_serves_as_well_as_a_token(bed):
    certificate = bed.control.ca.issue("kubernetes-admin", organization="system:masters", client=True)
    original = bed.control.kubeconfig

    def kubeconfig(path, server=None):
        text = json.loads(original(path, server).read_text())
        text["users"][0]["user"] = {"client-certificate": str(certificate.cert), "client-key": str(certificate.key)}
        path.write_text(json.dumps(text))
        return path
    bed.control.kubeconfig = kubeconfig
    bed.configure()
    bed.start()
    bed.follows()
    assert {r.user for r in bed.server.asked()} == {"kubernetes-admin"}
    assert not any("authorization" in r.headers for r in bed.server.asked())


@pytest.mark.parametrize("edit,words", [
    (lambda c: c["clusters"][0]["cluster"].update({"insecure-skip-tls-verify": True}), ["insecure-skip-tls-verify"]),
    (lambda c: c["clusters"][0]["cluster"].update({"certificate-authority": "/nowhere.crt"}), ["/nowhere.crt"]),
    (lambda c: c["clusters"][0]["cluster"].update({"proxy-url": "socks5://192.0.2.1"}), ["proxy-url"]),
    (lambda c: c["users"][0]["user"].update({"tokenFile": "/nowhere"}), ["/nowhere"]),
    (lambda c: c.update({"current-context": "other"}), ["other"]),
    (lambda c: c["users"][0].update({"user": {"exec": {"command": "x"}}}), ["exec"]),
])
def test_a_kubeconfig_that_can_not_be_followed_ends_the_start_with_a_line(bed, edit, words):
    path = bed.dir / "kubeconfig"
    config = json.loads(path.read_text())
    edit(config)
    path.write_text(json.dumps(config))
    done = run("nsenter", f"--net=/run/netns/{bed.node}", bed.bin, "agent", "run", "-c", str(bed.config), check=False,
               timeout=20)
    line = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and all(word in line for word in words), line
    assert bed.server.asked() == []


# ---- Several servers

def in_use(bed):
    """The servers that have watches."""
    return [s for s in bed.control.servers if s.running("services")]


def test_another_server_is_asked_when_one_fails(three):
    with three.undisturbed():
        for _ in range(3):
            at = time.monotonic()
            used, = wait_for("one is in use", lambda: in_use(three))
            used.stop()
            three.follows(20)
            wait_for("another is in use", lambda: in_use(three) not in ([], [used]))
            assert time.monotonic() - at < 20
            used.start()
    three.is_as_fresh()


def test_a_server_that_is_silent_is_left_for_another(three):
    at = len(three.agent_log())
    with three.undisturbed():
        used, = wait_for("one is in use", lambda: in_use(three))
        used.silence()
        three.follows(60)
        wait_for("another is in use", lambda: [s for s in in_use(three) if s is not used])
        used.speak()
    assert len(three.log_of(at)) <= 2
    three.is_as_fresh()


def test_a_server_that_is_only_known_from_its_slice_is_found(three):
    """The configuration names one; the others are learned, and remembered over a restart of the agent."""
    three.kill_agent()
    text = three.config.read_text()
    names = [f'"{s.url}"' for s in three.control.servers]
    three.config.write_text(text.replace(", ".join(names), names[0]))
    assert three.config.read_text() != text
    three.start()
    three.follows()
    with three.undisturbed():
        three.server.stop()
        three.follows(30)
    three.kill_agent()
    three.start()
    three.follows()
    three.server.start()


def test_the_cluster_ip_of_kubernetes_is_never_asked(three):
    """It is ours to direct; no server may be asked by it."""
    with three.undisturbed(), contextlib.ExitStack() as back:
        for server in three.control.servers:
            server.stop()
            back.callback(server.start)
        time.sleep(2)
        tcp = run("nsenter", f"--net=/run/netns/{three.node}", "ss", "-Htan").stdout
        assert "10.96.0.1:443" not in tcp
    three.follows()
