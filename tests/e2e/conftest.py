# SPDX-License-Identifier: Apache-2.0
import os
import statistics
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import bed as beds  # noqa: E402
from bed import case as cases  # noqa: E402
from bed.api import ApiCluster  # noqa: E402
from bed.cluster import Cluster  # noqa: E402

SOURCE = os.environ.get("WEIR_SOURCE", "files")  # api: the cases' objects come from an API server


def pytest_configure(config):
    why = beds.missing()
    if why and os.environ.get("WEIR_REQUIRE_KERNEL"):
        raise pytest.UsageError(f"the end-to-end tests {why}")


def made(kind):
    why = beds.missing()
    if why:
        pytest.skip(why)
    return kind()


@pytest.fixture
def bed():
    with made(beds.Bed) as b:
        yield b


@pytest.fixture(scope="module")
def cluster():
    with made(ApiCluster if SOURCE == "api" else Cluster) as c:
        c.start()
        yield c


def case_name(request):
    """a20 of test_a20_...: so its Services are found in the log."""
    return request.function.__name__.split("_")[1]


@pytest.fixture(params=["IPv4", "IPv6"])
def case(cluster, request):
    """A Service of one family."""
    with cases.on(cluster, [request.param], case_name(request)) as c:
        yield c


@pytest.fixture
def dual(cluster, request):
    """A Service of both families."""
    with cases.on(cluster, ["IPv4", "IPv6"], case_name(request)) as c:
        yield c


@pytest.fixture(params=cases.CLIENTS)
def client(request):
    return request.param


def pytest_terminal_summary(terminalreporter):
    if cases.TOOK:
        terminalreporter.write_line(f"changes of Services were seen after {statistics.median(cases.TOOK) * 1000:.0f} ms, "
                                    f"the median of {len(cases.TOOK)}; {max(cases.TOOK) * 1000:.0f} ms at most")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The agent's log belongs to a failure."""
    outcome = yield
    report = outcome.get_result()
    used = getattr(item, "funcargs", {})
    b = used.get("bed") or used.get("cluster")
    if report.failed and b is not None and b.dir is not None and (b.dir / "agent.log").exists():
        report.sections.append(("agent log", b.agent_log()[-8000:]))
