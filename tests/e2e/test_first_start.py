"""Three servers started at once: on a prepared database never one ends, by upstream's own command some do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from docker.models.containers import Container

from tests.e2e.servers import answers, ended, memories, up
from tests.e2e.stack import IMAGE_OF, NEO4J_PASSWORD, RELEASES, Stack, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(3600)]

ROUNDS = 20
INSTANCES = 3
TOGETHER = """
import asyncio, os, pathlib, checks, configure, release

HERE = "FROM pg_stat_activity WHERE application_name = 'waiting' AND datname = current_database()"
settings = configure.read(os.environ)
prepared = configure.write(settings, pathlib.Path("/tmp"))
os.environ.update(prepared.environment)
app = release.find(os.environ).part("server.app")

async def together():
    connection = await checks.postgres(settings, prepared)
    await connection.execute("SET application_name = 'waiting'")
    while await connection.fetchval(f"SELECT count(*) {HERE}") < int(os.environ["TOGETHER"]):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    await connection.close()

asyncio.run(together())
app.main()
"""
"""What upstream's command `memmachine-server` runs, with our configuration; loaded first, then begun by all at once,
however busy the machine is."""
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
        environment = {**empty(stack), "TOGETHER": str(INSTANCES)}
        while started:
            started.pop().remove(force=True, v=True)
        started += [stack.python(TOGETHER, environment, IMAGE_OF["0.4.0"]) for _ in range(INSTANCES)]
        wait_for(lambda all_=started: all(ended(one) or answers(one) for one in all_), "every outcome", 300)
        lost = [one for one in started if ended(one)]
        if lost:
            lost[0].reload()
            assert lost[0].attrs["State"]["ExitCode"] == 3
            assert "already exists" in lost[0].logs().decode() or "duplicate key" in lost[0].logs().decode()
            return
    pytest.fail("upstream's command showed no race in 5 rounds")
