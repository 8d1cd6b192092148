# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the agent, and answers what operators and OpenCost ask it."""
import json
import urllib.parse

import pytest
from bed import BedError, wait_for

CONFIG = """\
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: weir, static_configs: [{targets: ["127.0.0.1:10249"]}]}]
"""
BURN = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
SEND = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n" \
    "for _ in range(100): s.sendto(bytes(1000), ('{}', 9))"


TAKE = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('0.0.0.0', 9))\n" \
    "while True: s.recv(2000)"


@pytest.fixture
def prometheus(bed, monkeypatch):
    """Asks it: what a query yields, {labels: value}."""
    monkeypatch.setenv("WEIR_LISTEN_OPENCOST", "true")
    bed.start()
    folder = bed.dir / "prometheus"
    folder.mkdir()
    (folder / "prometheus.yml").write_text(CONFIG)
    process = bed.host.popen("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                             "--web.listen-address=127.0.0.1:9090", stdout=open(folder / "log", "w"), stderr=-2)

    def ask(query):
        if process.poll() is not None:
            raise AssertionError((folder / "log").read_text())
        got = json.loads(bed.host.run("curl", "-sS", "-m", "5", "http://127.0.0.1:9090/api/v1/query?query="
                                      + urllib.parse.quote(query)))
        if got["status"] != "success":
            raise BedError(got)
        return {tuple(sorted(r["metric"].items())): float(r["value"][1]) for r in got["data"]["result"]}

    wait_for("it has scraped the agent", lambda: ask('up{job="weir"} == 1'))
    return ask


def test_what_operators_ask_is_answered(bed, prometheus):
    burner = bed.pod("burner")
    burner.popen("/usr/bin/python3", "-c", BURN)
    wait_for("the rate of a busy pod", lambda: prometheus(
        'rate(weir_pod_cpu_seconds_total{namespace="default",pod="burner"}[10s]) > 0.1'))
    assert prometheus("weir_sync_timestamp_seconds > 1700000000")
    assert prometheus('count(weir_datapath_events_total{reason!=""}) > 10')


def test_opencost_finds_what_it_reads(bed, prometheus):
    client, server = bed.pod("client"), bed.pod("server")
    server.popen("/usr/bin/python3", "-c", TAKE)  # what came for nobody is nobody's

    def sent():
        client.run("/usr/bin/python3", "-c", SEND.format(server.ip))
        return prometheus('kubecost_pod_network_egress_bytes_total{pod_name="client",namespace="default",'
                          'internet="false",same_zone="true",same_region="true"} > 100000')
    wait_for("bytes to another pod", sent)
    assert set(prometheus('kubecost_pod_network_egress_bytes_total{pod_name="client",internet="true"}').values()) == {0.0}
    received = wait_for("bytes from another pod", lambda: prometheus(
        'kubecost_pod_network_ingress_bytes_total{pod_name="server",internet="false"} > 100000'))
    assert all(("same_zone", "true") in labels for labels in received)
