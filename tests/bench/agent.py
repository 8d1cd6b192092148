# SPDX-License-Identifier: Apache-2.0
"""What the agent costs: resident memory with many Services, and how long a changed manifest takes to be
in the datapath."""
import re
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from bed import Bed  # noqa: E402

SERVICES, CHANGES = 1000, 30


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def agent_pid(bed):
    return bed.weir("agent", "status")["pid"]


with Bed() as bed:
    web = [bed.pod(f"web-{i}") for i in range(2)]
    vips = bed.service("web", 80, web, 8080)
    bed.start()
    small = rss_kib(agent_pid(bed))
    delays = []
    for i in range(CHANGES):
        want = 1 + i % 2
        bed.service("web", 80, web[:want], 8080, vips=vips)
        began = time.monotonic()
        while len(bed.weir("service", "show", "default/web")[0]["ports"][0]["backends"]) != want:
            pass
        delays.append((time.monotonic() - began) * 1000)
    for i in range(SERVICES):
        bed.service(f"s{i}", 80, web, 8080, vips=[f"10.98.{i >> 8}.{i & 255}"], protocols=("TCP",))
    while len(bed.weir("service", "show")) != SERVICES + 1:
        time.sleep(0.2)
    large = rss_kib(agent_pid(bed))
    print(f"resident memory: {small / 1024:.1f} MiB with 1 Service, {large / 1024:.1f} MiB with {SERVICES + 1}")
    print(f"a changed manifest is in the datapath after {statistics.median(delays):.0f} ms (median of {CHANGES}, "
          f"seen through the command line, which takes part of it; 20 ms of it wait for the file to settle)")
