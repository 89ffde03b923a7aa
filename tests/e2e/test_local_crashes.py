"""The crash matrix of deployments on this machine (`chains`): both runtimes, and what carries memories."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from memdeploy.engine.crash import Point
from tests.e2e.chains import KILLED, Chain, Change
from tests.e2e.embedded import UP, Home, a_python
from tests.e2e.local import LABEL, Local, any_port, remove_all, texts
from tests.e2e.newer import start_the_newer
from tests.support.cli import Memdeploy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

CONTAINERS = ("up", "--yes", "--provider", "local", "--runtime", "docker")
DESTROY = ("destroy", "--yes", "--delete-data", "--no-final-backup")
OLD, NEW = "0.2.6", "0.3.9"
UPGRADE = ("upgrade", "--yes", "--to", NEW)
PROJECT, MANY = "lights", 20


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    a_python()
    found = Home(tmp_path / "home", tmp_path / "cache")
    found.folder.mkdir()
    yield found
    for name in found.memdeploy.names():
        for pid in replace(found, name=name).processes():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    found = Local(Memdeploy(tmp_path, timeout=900.0), docker.from_env(timeout=120))
    yield found
    remove_all(found.engine, found.journal)


def of_processes(home: Home) -> list[str]:
    """Programs that run, and all of the deployment's own files, but for what the servers write by themselves."""
    programs = [f"runs: {Path(line.split()[1]).name}" for line in home.processes().values()]
    own = home.folder / ".local/share/memdeploy"
    files = [f"file: {path.name}" for path in own.glob("*/*")] if own.exists() else []
    return sorted([*programs, *files])


def of_the_engine(local: Local) -> list[str]:
    """By their roles: each new deployment has names of its own."""
    label = {"label": f"{LABEL}={local.id}"}
    networks, volumes = local.engine.networks.list(filters=label), local.engine.volumes.list(filters=label)
    return sorted([
        *(f"{one.status}: {_role(one.name)}" for one in local.containers()),
        *(f"network: {_role(one.name)}" for one in networks),
        *(f"volume: {_role(one.name)}" for one in volumes),
    ])  # fmt: skip


def _role(name: str | None) -> str:
    return str(name).rpartition("-")[2]


def at_each_point(
    chain: Chain, line: tuple[str, ...], changes: list[Change], end: list[str], before: Callable[[], object],
    command: str = "",
) -> None:  # fmt: skip
    """`before` makes it what the command begins from, which is not how it ends."""
    wrong: list[str] = []
    for point in Point:
        before()
        wrong += chain.disturbed(line, point, changes, end, command)
    assert not wrong, "\n".join(wrong)


def up_and_down(chain: Chain, up: tuple[str, ...]) -> None:
    chain.undisturbed(up)  # the first one of a machine also makes what all share
    chain.undisturbed(DESTROY)
    coming = chain.undisturbed(up)
    full = chain.there()
    going = chain.undisturbed(DESTROY)
    empty = chain.there()
    wrong: list[str] = []
    for point in Point:
        wrong += chain.disturbed(up, point, coming, full)
        wrong += chain.disturbed(DESTROY, point, going, empty)
    assert not wrong, "\n".join(wrong)


def other_settings(chain: Chain, up: tuple[str, ...], first: tuple[str, ...], other: tuple[str, ...]) -> None:
    """From the first to the other ones, in place; and back, undisturbed, before the next point."""
    chain.undisturbed((*up, *first))
    changes = chain.undisturbed((*up, *other))
    end = chain.there()
    assert changes, "they differ in nothing that is deployed"

    def before() -> None:
        chain.undisturbed((*up, *first))
        assert chain.there() != end

    at_each_point(chain, (*up, *other), changes, end, before, "up, other settings")


def settings(memdeploy: Memdeploy) -> list[str]:
    known = memdeploy.journal()["configuration"]
    return [f"port: {known['local']['port']}", f"chat: {known['model']['chat']}"]


def test_embedded_other_settings(home: Home) -> None:
    chain = Chain("local, embedded", home.memdeploy, lambda: [*of_processes(home), *settings(home.memdeploy)])
    first, other = (("--local-port", any_port(), "--chat-model", chat) for chat in ("gpt-4o-mini", "gpt-4o"))
    other_settings(chain, UP, first, other)


def test_embedded(home: Home) -> None:
    chain = Chain("local, embedded", home.memdeploy, lambda: of_processes(home))
    up_and_down(chain, (*UP, "--local-port", any_port()))


@pytest.mark.engine
def test_containers(local: Local) -> None:
    chain = Chain("local, docker", local.memdeploy, lambda: of_the_engine(local))
    up_and_down(chain, (*CONTAINERS, "--local-port", any_port()))


@pytest.mark.engine
def test_containers_other_settings(local: Local) -> None:
    chain = Chain("local, docker", local.memdeploy, lambda: [*of_the_engine(local), *settings(local.memdeploy)])
    first, other = (("--local-port", any_port(), "--chat-model", chat) for chat in ("gpt-4o-mini", "gpt-4o"))
    other_settings(chain, CONTAINERS, first, other)


def remembered(home: Home) -> list[str]:
    """Whole ones, and all that is found."""
    total = home.memdeploy("verify", "--data", "--name", home.name).data["data"]["total"]
    return [f"counts: {total}", *sorted(home.find("lanterns that a pier lends"))]


def test_a_restore_brings_every_memory_back(home: Home, tmp_path: Path) -> None:
    """Over what was stored since; however often it was killed."""
    chain = Chain("local, embedded", home.memdeploy, lambda: [*of_processes(home), *remembered(home)])
    chain.undisturbed((*UP, "--local-port", any_port()))
    for number in range(8):
        home.store(f"Pier {number} lends {number} lanterns.")
    archive = str(tmp_path / "saved.tar")
    chain.undisturbed(("backup", "--yes", "--to", archive))
    restore = ("restore", archive, "--name", "memmachine", "--yes")
    home.store("This pier came later.")
    changes = chain.undisturbed(restore)
    end = chain.there()
    assert len([line for line in end if "lanterns." in line]) == 8

    def before() -> None:
        home.store("This pier came later.")
        assert chain.there() != end

    at_each_point(chain, restore, changes, end, before)


def test_a_restore_under_another_name_makes_one_deployment(home: Home, tmp_path: Path) -> None:
    """It deploys first, and goes on with that too."""
    archive, again = str(tmp_path / "saved.tar"), Home(home.folder, home.cache, name="again")

    def there() -> list[str]:
        return [*of_processes(again), *remembered(again)]

    chain = Chain("local, embedded", home.memdeploy, there)
    chain.undisturbed((*UP, "--local-port", any_port()))
    for number in range(8):
        home.store(f"Pier {number} lends {number} lanterns.")
    chain.undisturbed(("backup", "--yes", "--to", archive))
    chain.undisturbed(DESTROY)
    restore = ("restore", archive, "--name", "again", "--yes")
    changes = chain.undisturbed(restore)
    end = there()
    assert len([line for line in end if "lanterns." in line]) == 8
    destroy = (*DESTROY, "--name", "again")
    at_each_point(chain, restore, changes, end, lambda: chain.undisturbed(destroy), "restore, another name")
    chain.undisturbed(destroy)


def test_a_backup_harms_nothing(home: Home, tmp_path: Path) -> None:
    """However often it was killed: the service runs, the memories are there, and nothing but the archive is left. Also
    when `up` goes on, or a backup to another place."""
    archive, elsewhere = tmp_path / "saved.tar", tmp_path / "elsewhere"
    elsewhere.mkdir()

    def there() -> list[str]:
        beside = sorted(path.name for path in tmp_path.iterdir() if path != archive)
        return [*of_processes(home), *remembered(home), f"saved: {archive.exists()}", *beside]

    chain = Chain("local, embedded", home.memdeploy, there)
    chain.undisturbed((*UP, "--local-port", any_port()))
    for number in range(8):
        home.store(f"Pier {number} lends {number} lanterns.")
    backup = ("backup", "--yes", "--to", str(archive))
    changes = chain.undisturbed(backup)
    end = there()
    at_each_point(chain, backup, changes, end, archive.unlink)
    step, verb = changes[0]
    other = ("backup", "--yes", "--to", str(elsewhere / "saved.tar"))
    assert chain.run(other, f"after-outcome:{step}:{verb}")[0] == KILLED
    assert list(elsewhere.iterdir()) != []
    chain.undisturbed(UP)
    assert home.find("lanterns that a pier lends")
    archive.unlink()
    chain.undisturbed(backup)
    assert there() == end
    assert list(elsewhere.iterdir()) == []


def released(local: Local) -> list[str]:
    release = local.memdeploy.journal()["configuration"].get("release")
    return [*of_the_engine(local), f"release: {release}", *sorted(local.listed(PROJECT))]


def with_memories(local: Local, release: str) -> Chain:
    chain = Chain("local, docker", local.memdeploy, lambda: released(local))
    chain.undisturbed((*CONTAINERS, "--local-port", any_port(), "--release", release))
    local.store(PROJECT, texts(MANY))
    return chain


@pytest.mark.engine
def test_an_upgrade_loses_no_memory(local: Local) -> None:
    """However often it was killed: the memories of before, each once, and the new release."""
    chain = with_memories(local, OLD)
    changes = chain.undisturbed(UPGRADE)
    end = chain.there()
    assert set(texts(MANY)) < set(end)

    def before() -> None:
        chain.undisturbed(DESTROY)
        with_memories(local, OLD)

    at_each_point(chain, UPGRADE, changes, end, before)


@pytest.mark.engine
def test_a_rollback_returns_to_what_was_before(local: Local) -> None:
    """However often it was killed: the memories of before the upgrade, none stored since, and the old release."""
    chain = with_memories(local, OLD)
    before = chain.there()

    def upgraded() -> None:
        chain.undisturbed(UPGRADE)
        local.store(PROJECT, texts(1, 900))
        assert released(local) != before

    rollback = ("rollback", "--yes")
    upgraded()
    changes = chain.undisturbed(rollback)
    assert released(local) == before
    at_each_point(chain, rollback, changes, before, upgraded)


@pytest.mark.engine
def test_a_rescue_ends_with_a_service_that_runs(local: Local) -> None:
    """However often it was killed: the tables are the old release's, and every memory is there."""
    chain = with_memories(local, NEW)
    before = chain.there()
    rescue = ("rescue", "--yes")
    start_the_newer(local)
    changes = chain.undisturbed(rescue)
    assert released(local) == before
    at_each_point(chain, rescue, changes, before, lambda: start_the_newer(local))


def test_a_migration_carries_every_memory_once(home: Home) -> None:
    """However often it was killed: whole in the new deployment, which has the port of the old one."""
    new = Home(home.folder, home.cache, name="new")

    def there() -> list[str]:
        port = new.memdeploy.journal("new")["configuration"]["local"]["port"]
        return [*of_processes(home), *of_processes(new), *remembered(new), f"port: {port}"]

    chain = Chain("local, embedded", home.memdeploy, there)
    up = (*UP, "--local-port", any_port())
    migrate = (
        "upgrade",
        "--migrate",
        "--into",
        "new",
        "--embedding-dimensions",
        "512",
        "--name",
        "memmachine",
        "--yes",
    )

    def afresh() -> None:
        chain.undisturbed(up)
        for number in range(8):
            home.store(f"Pier {number} lends {number} lanterns.")

    afresh()
    changes = chain.undisturbed(migrate)
    end = there()
    assert len([line for line in end if "lanterns." in line]) == 8

    def before() -> None:
        for name in ("memmachine", "new"):
            chain.undisturbed((*DESTROY, "--name", name))
        afresh()

    at_each_point(chain, migrate, changes, end, before, "upgrade --migrate")
