# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import bed as beds  # noqa: E402


def pytest_configure(config):
    why = beds.missing()
    if why and os.environ.get("WEIR_REQUIRE_KERNEL"):
        raise pytest.UsageError(f"the end-to-end tests {why}")


@pytest.fixture
def bed():
    why = beds.missing()
    if why:
        pytest.skip(why)
    with beds.Bed() as b:
        yield b


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The agent's log belongs to a failure."""
    outcome = yield
    report = outcome.get_result()
    b = item.funcargs.get("bed") if hasattr(item, "funcargs") else None
    if report.failed and b is not None and b.dir is not None and (b.dir / "agent.log").exists():
        report.sections.append(("agent log", b.agent_log()[-8000:]))
