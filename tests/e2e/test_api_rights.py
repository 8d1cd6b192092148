# SPDX-License-Identifier: Apache-2.0
"""What the agent asks of the API server, and what k8s/chart lets it ask: the one is the other. Rights to write are
for leases' Pods and events, which no agent here has; those to read are all used."""
import pytest
import yaml
from bed import TOP, wait_for
from bed.api import USER, ApiBed
from conftest import made
from kube import Rules, rights

READS = ("get", "list", "watch")


def granted():
    """The rules of the chart's roles."""
    everywhere, there = [], {}
    for manifest in yaml.safe_load_all((TOP / "k8s/chart/base/rbac.yaml").read_text()):
        if manifest["kind"] == "ClusterRole":
            everywhere += manifest["rules"]
        elif manifest["kind"] == "Role":
            there.setdefault(manifest["metadata"]["namespace"], []).extend(manifest["rules"])
    return Rules(everywhere, there)


@pytest.fixture
def bed():
    with made(ApiBed) as b:
        for server in b.control.servers:
            server.rules[USER] = granted()
        yield b.shop()


def lives(bed):
    """All that an agent asks for in its life: streams, and lists where there are none."""
    bed.start()
    bed.follows()
    bed.server.has_watchlist = False
    bed.server.stop()
    bed.service("other", 80, bed.web, 8080, vips=["10.96.7.1"])
    bed.pod("late")
    bed.store.compact()
    bed.server.start()
    for resource in ("services", "endpointslices", "nodes", "pods", "servicecidrs"):
        wait_for(f"{resource} are listed", lambda r=resource: bed.server.asked("list", r), 60)
    bed.follows()


def test_the_roles_have_what_the_agent_asks_for_and_nothing_else_to_read(bed):
    lives(bed)
    log = bed.server.asked()
    refused = [(r.verb, r.resource) for r in log if r.status == 403]
    assert refused == []
    assert rights.missing(granted(), log) == set()
    assert {grant for grant in rights.unused(granted(), log) if grant[1] in READS} == set()
