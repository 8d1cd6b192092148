# SPDX-License-Identifier: Apache-2.0
"""Change without end: 50 Services are dialled 500 times a second while a backend is replaced every
50 ms and the agent is killed, started again and exchanged for another build. Nobody may notice.

WEIR_CHURN_S=600 makes it ten minutes instead of one."""
import json
import os
import random
import shutil
import subprocess
import time

import pytest
from bed import TOP, WEIR, wait_for

SECONDS = float(os.environ.get("WEIR_CHURN_S", "60"))
SERVICES, HERTZ, EVERY_S, AGENT_EVERY_S = 50, 500, 0.05, 7


def another_build(bed):
    """The same program with BPF objects that differ in a byte, so that its programs are others."""
    path = bed.dir / "weir-next"
    shutil.copy(WEIR, path)
    text = path.read_bytes()
    assert text.count(b"Dual BSD/GPL\0") == 1
    path.write_bytes(text.replace(b"Dual BSD/GPL\0", b"Dual MIT/GPL\0"))
    return str(path)


@pytest.fixture
def churning(bed):
    pods = [bed.pod(f"web-{i}") for i in range(4)]
    for pod in pods:
        pod.serve(8080)
    client = bed.pod("client")
    vips = [bed.service(f"s{i}", 80, pods[:2], 8080, protocols=("TCP",)) for i in range(SERVICES)]
    bed.start()
    wait_for("all is served", lambda: bed.weir("datapath", "check") == [])
    addrs = [v[i % 2] for i, v in enumerate(vips)]
    process = client.popen("/usr/bin/python3", str(TOP / "tests/e2e/bed/dials.py"), str(HERTZ), "80", *addrs,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == "up\n"
    yield bed, pods, vips, process
    process.kill()


def test_nobody_notices_that_backends_and_agents_come_and_go(churning):
    bed, pods, vips, process = churning
    chance = random.Random(1)
    builds = [WEIR, another_build(bed)]
    changes = agents = 0
    end, next_agent = time.monotonic() + SECONDS, time.monotonic() + AGENT_EVERY_S
    while time.monotonic() < end:
        began = time.monotonic()
        i = chance.randrange(SERVICES)
        # web-0 is kept, another comes and goes
        bed.service(f"s{i}", 80, [pods[0], pods[chance.randrange(1, 4)]], 8080, vips=vips[i],
                    protocols=("TCP",))
        changes += 1
        if began > next_agent:
            next_agent = began + AGENT_EVERY_S
            agents += 1
            bed.kill_agent()
            bed.bin = builds[agents % 2]
            bed.start(wait=False)
        time.sleep(max(0.0, began + EVERY_S - time.monotonic()))
    result = json.loads(process.communicate("", timeout=60)[0])
    assert result["failed"] == []
    assert result["dials"] > 0.5 * HERTZ * SECONDS and result["held"] == SERVICES, result
    assert changes > 10 * SECONDS and agents >= int(SECONDS / AGENT_EVERY_S) - 1
    wait_for("the agent answers", bed.answers)
    wait_for("the tables are as a fresh build would make them",
             lambda: bed.weir("datapath", "check") == [])
