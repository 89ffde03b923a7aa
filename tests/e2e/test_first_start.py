"""Three servers started at once: on a prepared database never one ends, by upstream's own command some do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from docker.models.containers import Container

from tests.e2e.servers import answers, ended, memories, up
from tests.e2e.stack import IMAGE_OF, NEO4J_PASSWORD, RELEASES, Stack, wait_for
from tests.e2e.test_upgrades import FORCED

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(3600)]

ROUNDS = 20
INSTANCES = 3
_numbers = count(1)


@pytest.fixture
def started() -> Iterator[list[Container]]:
    containers: list[Container] = []
    yield containers
    for container in containers:
        container.remove(force=True, v=True)


def empty(stack: Stack) -> dict[str, str]:
    """The environment of a new database."""
    name = f"first_start_{next(_numbers)}"
    stack.database(name, "pass")
    return stack.environment(name, "pass", NEO4J_PASSWORD)


def test_on_a_prepared_database_none_of_three_ends_in_twenty_rounds(stack: Stack) -> None:
    for number in range(ROUNDS):
        release = RELEASES[number % len(RELEASES)]
        environment = empty(stack)
        prepared = stack.run("prepare", environment, IMAGE_OF[release])
        assert prepared.code == 0, prepared.stderr[-2000:]
        servers = [stack.memmachine("serve", environment, IMAGE_OF[release]) for _ in range(INSTANCES)]
        try:
            up(servers)  # fails at once when one has ended
            text = f"The dredger of round {number} is called Zwaluw."
            memories(servers[0], environment["POSTGRES_DB"]).stored(text)
            assert all(memories(server, environment["POSTGRES_DB"]).found(text) for server in servers)
        finally:
            for server in servers:
                server.remove(force=True, v=True)


def test_by_upstreams_own_command_some_of_three_end(stack: Stack, started: list[Container]) -> None:
    """The control, on the same servers: without it the test above would prove nothing. A round shows it as a rule."""
    for _ in range(5):
        environment = empty(stack)
        round_ = [stack.python(FORCED, environment, IMAGE_OF["0.4.0"]) for _ in range(INSTANCES)]
        started += round_
        wait_for(lambda among=round_: any(map(ended, among)) or all(map(answers, among)), "an outcome", 300)
        lost = [one for one in round_ if ended(one)]
        if lost:
            lost[0].reload()
            assert lost[0].attrs["State"]["ExitCode"] == 3
            assert "already exists" in lost[0].logs().decode() or "duplicate key" in lost[0].logs().decode()
            return
    pytest.fail("upstream's command showed no race in 5 rounds")
