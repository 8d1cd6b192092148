# SPDX-License-Identifier: Apache-2.0
"""What the server does wrong when it is told to, seen by a client that looks at every byte."""
import json
import socket
import ssl
import time

import pytest
from client import Client, curl
from kube import ADMIN_TOKEN, Authority, Connection, Recording, Server, encode, serving

SERVICES = "/api/v1/services"
WATCH = f"{SERVICES}?watch=true&allowWatchBookmarks=true"


def service(name, ip="10.96.0.9"):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusterIP": ip, "ports": [{"port": 80}]}}


def again(server):
    return Client(server, ADMIN_TOKEN)


def test_too_many_requests_says_when_to_come_again_and_only_so_often(server, client):
    fault = server.fault("list", "services", answer=encode.too_many(7), times=2)
    for status in (429, 429, 200):
        answer = client.get(SERVICES)
        assert answer.status == status
        assert answer.header("Retry-After") == ("7" if status == 429 else None)
    assert fault.hits == 2
    assert [r.status for r in server.asked("list", "services")] == [429, 429, 200]


def test_a_fault_is_for_its_verb_and_resource(server, client):
    server.fault("watch", "services", answer=encode.internal("no"))
    assert client.get(SERVICES).status == 200
    assert client.get("/api/v1/nodes?watch=true&timeoutSeconds=0").status == 200
    assert client.get(f"{WATCH}&timeoutSeconds=0").status == 500
    server.heal()
    assert client.get(f"{WATCH}&timeoutSeconds=0").status == 200


def test_an_answer_can_be_cut_at_any_of_its_bytes(server, store, client):
    store.put(service("a"))
    client.send("GET", SERVICES)
    whole = len(client.sock.recv(1 << 16))
    for cut in (0, 1, 17, whole // 2, whole - 1):
        server.fault("list", "services", cut=cut, times=1)
        with again(server) as victim:
            victim.send("GET", SERVICES)
            with pytest.raises(ssl.SSLError):
                got = b""
                while True:
                    got += victim.sock.recv(1 << 16) or b"ended in order"
            assert len(got) == cut
    with again(server) as fine:
        assert len(fine.get(SERVICES).json["items"]) == 1


def test_an_answer_can_be_reset(server, client):
    server.fault("list", "services", cut=10, rst=True)
    client.send("GET", SERVICES)
    with pytest.raises((ConnectionResetError, ssl.SSLError)):
        while client.sock.recv(1 << 16):
            pass


def test_a_cut_reaches_clients_of_http_2(server, store):
    store.put(service("a"))
    server.fault("list", "services", cut=50)
    with pytest.raises(ConnectionError):
        curl(server, SERVICES)
    server.heal()
    assert curl(server, SERVICES)[:2] == ("2", 200)


def test_an_answer_can_fall_silent(server, store):
    store.put(service("a"))
    server.fault("watch", "services", silent=700)
    with Client(server, ADMIN_TOKEN, timeout=0.5) as client:
        client.send("GET", WATCH)
        got = 0
        with pytest.raises(TimeoutError):
            while part := client.sock.recv(1 << 16):
                got += len(part)
        assert got == 700


def test_a_request_can_hang_while_others_on_its_connection_are_answered(server):
    server.fault("list", "nodes", hang=True)
    config = server.ca.folder / "two.curl"
    config.write_text("".join(f'url = "{server.url}{path}"\noutput = "-"\n' for path in ("/api/v1/nodes", SERVICES)))
    with pytest.raises(ConnectionError, match="28"):
        curl(server, SERVICES, "--parallel", "--max-time", "2", "--config", str(config))
    assert [r.status for r in server.asked("list", "nodes")] == [None]
    assert {r.status for r in server.asked("list", "services")} == {200}


def test_a_silent_server_takes_connections_and_says_nothing(server):
    with Client(server, ADMIN_TOKEN, timeout=0.3) as client:
        assert client.get(SERVICES).status == 200
        server.silence()
        client.send("GET", SERVICES)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        with pytest.raises(TimeoutError):
            Client(server, ADMIN_TOKEN, timeout=0.3)
        server.speak()
        with again(server) as other:
            assert other.get(SERVICES).status == 200


def test_an_edit_breaks_one_object_of_a_list(server, store, client):
    store.put(service("a"), service("b"), service("c"))
    server.fault("list", "services", edit=lambda body: body.replace(b'"port":80', b'"port":"http"', 1))
    ports = [item["spec"]["ports"][0]["port"] for item in client.get(SERVICES).json["items"]]
    assert ports == ["http", 80, 80]


def test_bytes_of_a_tests_own_stand_in_lists_and_watches(server, store, client):
    store.put(service("a"))
    store.put_bytes(service("bad"), b'{"metadata":{"name":"bad","namespace":"default","resourceVersion":"%d"},"spec":7}')
    assert [i.get("spec") for i in client.get(SERVICES).json["items"]][1] == 7
    store.put(service("bad"))
    assert client.get(f"{WATCH}&timeoutSeconds=0").events[1] == ("ADDED", "bad", str(store.version))


def test_lines_go_into_watches_that_run(server, client):
    client.send("GET", f"{WATCH}&timeoutSeconds=30")
    assert client.head()[0] == 200
    client.chunk()  # the end of what there is
    server.send("services", encode.expired_watch(1, 9).event, b"no json\n")
    assert json.loads(client.chunk())["object"]["code"] == 410
    assert client.chunk() == b"no json\n"
    server.end_watches("services")
    assert client.chunk() == b""
    assert client.get(SERVICES).status == 200  # on the same connection


def test_a_restart_is_on_the_same_port_and_forgets_versions(server, store, client):
    store.put(service("a"))
    port, before = server.port, store.version
    client.send("GET", f"{WATCH}&resourceVersion={before}")
    assert client.head()[0] == 200
    store.put(service("b"))
    assert client.chunk()
    server.restart()
    with pytest.raises(OSError):
        client.chunk()
    assert server.port == port
    with again(server) as client:
        answer = client.get(f"{WATCH}&resourceVersion={before}&timeoutSeconds=3")
        assert answer.body == encode.expired_watch(before, store.version).event


def test_a_store_from_a_backup_has_older_versions_and_gives_them_out_again(server, store):
    store.put(service("a"))
    backup = store.version
    store.put(service("a", ip="10.96.0.8"), service("b"))
    server.stop()
    store.rewind(backup)
    server.start()
    with again(server) as client:
        listed = client.get(SERVICES).json
        assert listed["metadata"]["resourceVersion"] == str(backup)
        assert [i["spec"]["clusterIP"] for i in listed["items"]] == ["10.96.0.9"]
        store.put(service("c"))
        assert store.version == backup + 1
        assert client.get(f"{WATCH}&resourceVersion={backup}&timeoutSeconds=0").events == [("ADDED", "c", str(backup + 1))]


def test_pages_can_be_smaller_than_they_are_asked_for(server, store, client):
    store.put(service("a"), service("b"))
    server.page_max = 1
    assert len(client.get(f"{SERVICES}?limit=500").json["items"]) == 1
    assert len(client.get(SERVICES).json["items"]) == 2


def test_a_server_without_watchlist_refuses_it(server, client):
    server.has_watchlist = False
    answer = client.get(f"{WATCH}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=0")
    assert answer.status == 422 and "WatchList feature gate" in answer.json["message"]


def test_a_killed_server_ends_a_watch_without_its_last_chunk(server, store, client):
    """As recorded in watch-services-apiserver-shutdown."""
    recording = Recording("watch-services-apiserver-shutdown")
    server.fault("watch", answer=recording, cut=len(recording.body) // 2)
    client.send("GET", recording.target)
    client.head()
    with pytest.raises((ConnectionError, ssl.SSLError)):
        while client.chunk():
            pass


def test_go_away_ends_a_connection_of_http_2_only_for_new_streams(server):
    assert curl(server, f"{WATCH}&timeoutSeconds=0", "--next", "-sS", "--cacert", str(server.ca.cert), "-H",
                f"Authorization: Bearer {ADMIN_TOKEN}", "-w", "\n%{http_version} %{http_code}",
                server.url + SERVICES)[:2] == ("2", 200)
    server.go_away()  # with nobody there it is nothing


# ---- Certificates and tokens

def test_each_wrong_certificate_is_refused_by_a_client_that_looks(server, ca, tmp_path):
    other = Authority(tmp_path / "other", name="another")
    for certificate, why in ((ca.issue("x", ips=["192.0.2.1"]), "IP address mismatch"),
                             (ca.issue("x", ips=["127.0.0.1"], begins=-7200, ends=-3600), "expired"),
                             (ca.issue("x", ips=["127.0.0.1"], begins=3600, ends=7200), "not yet valid"),
                             (ca.issue("x", ips=["127.0.0.1"], client=True), "unsuitable certificate purpose"),
                             (other.issue("x", ips=["127.0.0.1"]), "unable to get local issuer")):
        server.use(certificate)
        with pytest.raises(ssl.SSLCertVerificationError, match=why):
            Client(server, ADMIN_TOKEN)


def test_a_client_certificate_says_who_asks(server, ca):
    server.rules["system:node:n1"] = None
    certificate = ca.issue("system:node:n1", organization="system:nodes", client=True)
    with Client(server, certificate=certificate) as client:
        assert 'User "system:node:n1" cannot list' in client.get(SERVICES).json["message"]


def test_a_rotated_token_is_the_only_one_that_is_known(server, client):
    assert client.get(SERVICES).status == 200
    server.tokens = {"new": "kubernetes-admin"}
    assert client.get(SERVICES).status == 401
    client.token = "new"
    assert client.get(SERVICES).status == 200


# ---- Several servers

def test_servers_share_a_store_and_fail_one_by_one(store, ca, certificate):
    servers = [Server(store, ca, certificate=certificate) for _ in range(2)]
    with serving(*servers):
        store.put(service("a"))
        servers[0].stop()
        with pytest.raises(OSError):
            socket.create_connection((servers[0].address, servers[0].port), 1)
        with again(servers[1]) as client:
            assert len(client.get(SERVICES).json["items"]) == 1
        servers[0].start()
        with again(servers[0]) as client:
            assert len(client.get(SERVICES).json["items"]) == 1


def test_the_log_has_who_asked_what(server, client):
    client.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/web-a", User_Agent="weir/1")
    entry, = server.log
    assert (entry.verb, entry.group, entry.resource, entry.subresource, entry.namespace, entry.name) == \
        ("get", "discovery.k8s.io", "endpointslices", "", "default", "web-a")
    assert (entry.user, entry.status, entry.http) == ("kubernetes-admin", 404, "1.1")
    assert entry.headers["user-agent"] == "weir/1" and entry.at <= time.monotonic()


def test_connections_are_ended_as_told(server, client):
    server.break_connections(Connection.cut)
    with pytest.raises((OSError, ConnectionError)):
        client.get(SERVICES)
