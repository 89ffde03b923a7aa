"""What every test run shares: the engine's tests run where an engine answers, and the end says what could not run."""

from __future__ import annotations

import functools
import os
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.support import results

# How long an example takes says something of the machine, not of the code.
settings.register_profile("memdeploy", deadline=None, print_blob=True)
settings.load_profile("memdeploy")

#: What tests with real servers stand on; tests/rig/up makes them where the hub does not answer.
IMAGES = ("pgvector/pgvector:pg17", "neo4j:5.26-community", "registry:2", "python:3.12-slim-trixie")


@pytest.fixture
def hang_ups() -> Iterator[None]:
    """SIGHUP as a shell's commands have it, in processes that a test starts too: under nohup all would ignore it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@functools.cache
def missing_engine() -> str:
    """Why tests that need a container engine cannot run; empty when they can."""
    import docker

    try:
        client = docker.from_env(timeout=10)
        client.ping()
        there = {tag for image in client.images.list() for tag in image.tags}
    except Exception as error:
        return f"no container engine answers ({type(error).__name__})"
    absent = [name for name in IMAGES if name not in there]
    return f"images are missing: {', '.join(absent)} (tests/rig/up makes them)" if absent else ""


#: Their servers stand in networks that a rehearsal chose for itself; all others' beside them.
REHEARSED = ("test_backing_", "test_image_build", "test_modes_real", "test_product_real", "test_releases_real")
#: The longest file of those with deployments on this machine, and the rest of them.
DATA, LOCAL = "test_local_data", "test_local_"
#: Servers alone that mostly wait: for what is away, or for an index.
WAITING = ("test_half_stored", "test_nearest", "test_first_start")
#: Hours apart if they waited for one another; of the long proof alone.
LONG = "tests/e2e/test_local_crashes"
QUEUES = {"rehearsed": REHEARSED, "data": (DATA,), "local": (LOCAL,), "waiting": WAITING}


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests with an engine share one machine's networks and memory: those of a rehearsal, of deployments on this
    machine and of servers alone are a few queues, each one test after another, and the workers begin with them. The
    witness's share what its slow client did, a file at a time. (xdist's own groups go by `_nodeid`, which pytest 9.2
    does not read.)"""
    from xdist.scheduler import LoadScopeScheduling

    class QueuesOnTheEngine(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith("tests/contract/witness/"):
                return nodeid.partition("::")[0]
            if not nodeid.startswith("tests/e2e/") or nodeid.startswith(LONG):
                return nodeid
            file = nodeid.removeprefix("tests/e2e/")
            return next((queue for queue, begins in QUEUES.items() if file.startswith(begins)), "servers")

    return QueuesOnTheEngine(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("slow") and not os.environ.get("MEMDEPLOY_TEST_SLOW"):
        pytest.skip("part of the long proof, not of every run")
    if item.get_closest_marker("engine") and missing_engine():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run this: {missing_engine()}", pytrace=False)
        pytest.skip(missing_engine())


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        results.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for table in results.tables().values():
        terminalreporter.section(table.title)
        for line in results.lines(table):
            terminalreporter.write_line(line)
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("could not run here")
        for reason, number in reasons.most_common():
            terminalreporter.write_line(f"{number} test{'s' if number > 1 else ''}: {reason}")


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
