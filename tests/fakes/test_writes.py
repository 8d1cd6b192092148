# SPDX-License-Identifier: Apache-2.0
"""POST, PUT, PATCH with server-side apply, DELETE: as the real server's documentation has them."""
import json

import pytest
from client import Client
from kube import Rules, rights

SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ours", "labels": {
    "pod-security.kubernetes.io/enforce": "restricted"}}}
SERVICES, PODS = "/api/v1/namespaces/ours/services", "/api/v1/namespaces/ours/pods"
APPLY = [("Content-Type", "application/apply-patch+yaml")]
JSON, MERGE = [("Content-Type", "application/json")], [("Content-Type", "application/merge-patch+json")]
SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"}}


def service(*ports, **meta):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", **meta},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": p} for p in ports]}}


def pod(security=None, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "ours"}, "spec": {
        "nodeName": "n1", "containers": [{"name": "c", "image": "i", "securityContext": security or SAFE}], **spec}}


@pytest.fixture
def ours(store):
    store.put(SPACE)
    return store


def apply(client, obj, manager="weir", where=SERVICES, force=False):
    return client.ask("PATCH", f"{where}/{obj['metadata']['name']}?fieldManager={manager}" + "&force=true" * force, obj,
                      APPLY)


def test_apply_creates_and_what_changes_nothing_is_no_change(ours, client):
    answer = apply(client, service(80))
    assert answer.status == 201
    assert answer.json["spec"]["clusterIP"].startswith("10.96.") and answer.json["metadata"]["uid"]
    entry, = answer.json["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("weir", "Apply")
    assert entry["fieldsV1"] == {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}},
                                            "f:selector": {"f:app": {}}}}
    again = apply(client, service(80))
    assert (again.status, again.json) == (200, answer.json)


def test_apply_takes_back_what_is_no_longer_wanted_and_no_more(ours, client):
    apply(client, service(80, 81))
    client.ask("PATCH", f"{SERVICES}/web", {"metadata": {"labels": {"own": "x"}}, "spec": {"externalName": "y"}}, MERGE)
    got = apply(client, service(81, labels={"a": "b"})).json
    assert [p["port"] for p in got["spec"]["ports"]] == [81]
    assert got["metadata"]["labels"] == {"own": "x", "a": "b"} and got["spec"]["externalName"] == "y"


def test_a_field_of_anothers_is_a_conflict_unless_forced(ours, client):
    apply(client, service(80), manager="other")
    mine = service(80)
    mine["spec"]["selector"]["app"] = "mine"
    answer = apply(client, mine)
    assert (answer.status, answer.json["reason"]) == (409, "Conflict")
    assert answer.json["details"]["causes"] == [{"reason": "FieldManagerConflict", "message": 'conflict with "other"',
                                                 "field": ".spec.selector.app"}]
    forced = apply(client, mine, force=True).json
    assert forced["spec"]["selector"] == {"app": "mine"}
    owners = {e["manager"]: json.dumps(e["fieldsV1"]) for e in forced["metadata"]["managedFields"]}
    assert "f:selector" in owners["weir"] and "f:selector" not in owners["other"]


def test_apply_needs_a_manager_and_a_body_that_fits(ours, client):
    assert client.ask("PATCH", f"{SERVICES}/web", service(80), APPLY).status == 422
    assert client.ask("PATCH", f"{SERVICES}/web?fieldManager=w", b"{", APPLY).status == 400
    assert apply(client, {**service(80), "kind": "Pod"}).status == 400
    yaml = b"apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - port: 80\n"
    assert client.ask("PATCH", f"{SERVICES}/web?fieldManager=w", yaml, APPLY).status == 201


def test_an_apply_that_creates_needs_the_right_to_create(server, ours):
    server.tokens["t"] = "weir"
    rule = {"apiGroups": [""], "resources": ["services"], "verbs": ["patch"]}
    server.rules["weir"] = Rules([], {"ours": [rule]})
    with Client(server, "t") as client:
        answer = apply(client, service(80))
        assert answer.status == 403 and 'cannot create resource "services"' in answer.json["message"]
        rule["verbs"].append("create")
        assert apply(client, service(80)).status == 201
        assert apply(client, service(81)).status == 200
    assert rights.used(server.log) == {("ours", verb, "", "services") for verb in ("patch", "create")}


def test_create_update_and_versions(ours, client):
    assert client.ask("POST", SERVICES, service(80), JSON).status == 201
    assert client.ask("POST", SERVICES, service(80), JSON).status == 409
    live = client.get(f"{SERVICES}/web").json
    live["spec"]["ports"][0]["port"] = 81
    assert client.ask("PUT", f"{SERVICES}/web", live, JSON).status == 200
    stale = client.ask("PUT", f"{SERVICES}/web", live, JSON)
    assert (stale.status, stale.json["reason"]) == (409, "Conflict")
    patched = client.ask("PATCH", f"{SERVICES}/web", [{"op": "replace", "path": "/spec/ports/0/port", "value": 82}],
                         [("Content-Type", "application/json-patch+json")]).json
    assert patched["spec"]["ports"][0]["port"] == 82
    assert client.ask("PATCH", f"{SERVICES}/web", {}, JSON).status == 415
    assert client.ask("DELETE", SERVICES).status == 405


def test_a_namespace_must_be_there(ours, client):
    answer = client.ask("POST", "/api/v1/namespaces/absent/services", service(80), JSON)
    assert (answer.status, answer.json["message"]) == (404, 'namespaces "absent" not found')


def test_events_are_taken(ours, client):
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "p."}, "reason": "Leased",
             "involvedObject": {"kind": "Pod", "name": "p"}, "type": "Normal", "message": "m"}
    answer = client.ask("POST", "/api/v1/namespaces/ours/events", event, JSON)
    assert answer.status == 201 and answer.json["metadata"]["name"].startswith("p.")
    assert [e["reason"] for e in ours.all("events")] == ["Leased"]


@pytest.mark.parametrize("spec,word", [
    ({"hostNetwork": True}, "host namespaces"), ({"security": {**SAFE, "privileged": True}}, "privileged"),
    ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "restricted volume types"),
    ({"security": {k: v for k, v in SAFE.items() if k != "runAsNonRoot"}}, "runAsNonRoot"),
    ({"security": {**SAFE, "capabilities": {}}}, "unrestricted capabilities"),
    ({"security": {**SAFE, "seccompProfile": {"type": "Unconfined"}}}, "seccompProfile")])
def test_a_restricted_namespace_takes_only_restricted_pods(ours, client, spec, word):
    answer = apply(client, pod(**spec), where=PODS)
    assert answer.status == 403 and word in answer.json["message"]
    assert apply(client, pod(), where=PODS).status == 201


def test_a_pod_with_a_node_goes_when_its_kubelet_is_done(server, ours, client):
    apply(client, pod(), where=PODS)
    assert "deletionTimestamp" in client.ask("DELETE", f"{PODS}/p").json["metadata"]
    assert client.get(f"{PODS}/p").status == 200
    server.kubelet_finishes()
    assert client.get(f"{PODS}/p").status == 404
    assert client.ask("DELETE", f"{PODS}/p").status == 404


def test_preconditions_of_a_deletion_hold(ours, client):
    apply(client, service(80))
    answer = client.ask("DELETE", f"{SERVICES}/web", {"preconditions": {"uid": "another"}}, JSON)
    assert answer.status == 409 and "Precondition failed" in answer.json["message"]
    assert client.ask("DELETE", f"{SERVICES}/web").json["status"] == "Success"
