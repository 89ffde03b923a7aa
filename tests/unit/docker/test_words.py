"""startup.sh, serve and prepare, with stand-ins for what they wait for and for what they become."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import checks
import configure
import corrections
import model_checks
import prepare
import pytest
import release
import serve
from failures import CODES, Failure

from tests.unit.docker.conftest import FOLDER
from tests.unit.docker.test_configure import COMPLETE

NEWEST = release.find({})


def startup(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs startup.sh with a `python` that says what it was asked to run and who it is."""
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$1 $$"\n')
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = ["sh", "-c", 'echo "$$"; exec sh "$0" "$@"', str(FOLDER / "startup.sh"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("words", "file"), [((), "serve.py"), (("serve",), "serve.py"), (("prepare",), "prepare.py")])
def test_startup_becomes_the_words_program(tmp_path: Path, words: tuple[str, ...], file: str) -> None:
    own, said = startup(tmp_path, *words).stdout.splitlines()
    assert said == f"{FOLDER / file} {own}"  # the same process: exec, not a child


def test_startup_refuses_an_unknown_word(tmp_path: Path) -> None:
    done = startup(tmp_path, "migrate")
    assert done.returncode == 64
    assert "prepare, serve" in done.stderr


class Connection:
    def __init__(self, *, lock: bool = True, looks: int = 0, columns: tuple[str, ...] = ()) -> None:
        """`looks`: how often the word of `prepare` is looked for in vain. `columns`: those of `episodestore`."""
        self.columns = columns
        self.lock = lock
        self.looks = looks
        self.closed = False
        self.executed: list[str] = []

    async def close(self, timeout: float | None = None) -> None:
        self.closed = True

    async def fetchval(self, statement: str, *_: object) -> object:
        if "advisory" in statement:
            return self.lock
        if "to_regclass" in statement:
            self.looks -= 1
            return self.looks < 0
        return "17.2 (Debian)" if "version" in statement else 1

    async def fetch(self, statement: str) -> list[dict[str, str]]:
        return [{"column_name": name} for name in self.columns] if "episodestore" in statement else []

    async def execute(self, statement: str) -> None:
        self.executed.append(statement)


def giving(value: object) -> Callable[..., Any]:
    async def check(*_: object) -> object:
        if isinstance(value, Failure):
            raise value
        return value

    return check


@pytest.fixture
def ready(tmp_path: Path) -> tuple[configure.Settings, configure.Prepared]:
    settings = configure.read(COMPLETE)
    return settings, configure.write(settings, tmp_path)


def test_serve_waits_for_both(monkeypatch: pytest.MonkeyPatch, ready: Any) -> None:
    connection = Connection()
    monkeypatch.setattr(checks, "postgres", giving(connection))
    monkeypatch.setattr(checks, "neo4j", giving("5.26"))
    asyncio.run(serve.wait(*ready, postgres=1, neo4j=1))
    assert connection.closed


def test_serve_waits_until_prepare_has_left_word(monkeypatch: pytest.MonkeyPatch, ready: Any) -> None:
    connection = Connection(looks=3)
    monkeypatch.setattr(checks, "PAUSE", 0.0)
    monkeypatch.setattr(checks, "postgres", giving(connection))
    monkeypatch.setattr(checks, "neo4j", giving("5.26"))
    asyncio.run(serve.wait(*ready, postgres=1, neo4j=1))
    assert connection.looks == -1
    assert connection.closed


def test_serve_gives_up_when_nobody_prepares(monkeypatch: pytest.MonkeyPatch, ready: Any) -> None:
    connection = Connection(looks=1000)
    monkeypatch.setattr(serve, "PREPARED_SECONDS", 0.0)
    monkeypatch.setattr(checks, "postgres", giving(connection))
    monkeypatch.setattr(checks, "neo4j", giving("5.26"))
    with pytest.raises(Failure, match="unprepared"):
        asyncio.run(serve.wait(*ready, postgres=1, neo4j=1))
    assert connection.closed


def test_serve_starts_without_neo4j_and_says_so(
    monkeypatch: pytest.MonkeyPatch, ready: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "postgres", giving(Connection()))
    monkeypatch.setattr(checks, "neo4j", giving(Failure("neo4j-unreachable", passing=True)))
    asyncio.run(serve.wait(*ready, postgres=1, neo4j=0))
    assert "without Neo4j" in capsys.readouterr().err


def test_serve_fails_without_postgres(monkeypatch: pytest.MonkeyPatch, ready: Any) -> None:
    monkeypatch.setattr(checks, "postgres", giving(Failure("postgres-unreachable", passing=True)))
    monkeypatch.setattr(checks, "neo4j", giving("5.26"))
    with pytest.raises(Failure, match="postgres-unreachable"):
        asyncio.run(serve.wait(*ready, postgres=0, neo4j=0))


def test_the_server_is_not_given_the_raw_secrets(monkeypatch: pytest.MonkeyPatch, ready: Any) -> None:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    environment = serve.server_environment(ready[1])
    assert not {"POSTGRES_PASSWORD", "NEO4J_PASSWORD", "MODEL_API_KEY"} & set(environment)
    assert environment["MEMDEPLOY_NEO4J_PASSWORD"] == "neo"
    assert environment["MEMORY_CONFIG"].endswith("memmachine.yml")


def test_the_server_waits_beside_its_imports_with_what_serve_left_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {"POSTGRES_PASSWORD": "p@ss/%w:1#$HOME \n%41ü", "NEO4J_PASSWORD": "n/eo@:{}$1a"}
    for name, value in {**COMPLETE, **secrets}.items():
        monkeypatch.setenv(name, value)
    written = configure.write(configure.read({**COMPLETE, **secrets}), tmp_path)
    left = serve.server_environment(written)
    asked: list[configure.Settings] = []

    async def postgres(settings: configure.Settings, prepared: configure.Prepared) -> Connection:
        asked.append(settings)
        return Connection()

    monkeypatch.setattr(serve.os, "environ", left)
    monkeypatch.setattr(checks, "postgres", postgres)
    monkeypatch.setattr(checks, "neo4j", giving("5.26"))
    serve.finish(serve.begin())
    [settings] = asked
    assert settings.postgres_password == secrets["POSTGRES_PASSWORD"]
    assert settings.neo4j_password == secrets["NEO4J_PASSWORD"]
    whole = configure.read({**COMPLETE, **secrets})
    assert dataclasses.replace(whole, model_api_key="", postgres_ca="", neo4j_ca="") == settings


@pytest.mark.parametrize(
    ("found", "culprit"), [(Failure("postgres-password"), "postgres-password"), (KeyError("canary"), "defect")]
)
def test_a_database_that_cannot_be_ends_the_server_with_its_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], found: Exception, culprit: str
) -> None:
    async def broken(*_: object) -> None:
        raise found

    settings = configure.read(COMPLETE)
    monkeypatch.setattr(serve.os, "environ", {**COMPLETE, **configure.write(settings, tmp_path).environment})
    monkeypatch.setattr(checks, "postgres", broken)
    monkeypatch.setattr(checks, "neo4j", giving("5.26"))
    with pytest.raises(SystemExit) as left:
        serve.finish(serve.begin())
    assert left.value.code == CODES[culprit]
    out, err = capsys.readouterr()
    assert json.loads(out)["culprit"] == culprit
    assert "canary" not in out + err


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """Everything prepare asks, answering well; MemMachine's start-up does nothing."""
    connection = Connection()
    monkeypatch.setattr(checks, "postgres", giving(connection))
    monkeypatch.setattr(checks, "neo4j", giving("5.26.12"))
    monkeypatch.setattr(model_checks, "prove", giving(None))
    monkeypatch.setattr(checks, "may_make_tables", giving(None))
    monkeypatch.setattr(checks, "extension", giving(None))
    monkeypatch.setattr(prepare, "tables", giving(None))
    return connection


def test_prepare_tells_what_it_found(stand_ins: Connection, ready: Any) -> None:
    found = asyncio.run(prepare.prepare(*ready))
    assert found | {"seconds": 0} == {"ok": True, "postgres": "17.2", "neo4j": "5.26.12", "tables": 1, "seconds": 0}
    assert stand_ins.closed
    [word] = stand_ins.executed
    assert checks.PREPARED in word


def test_prepare_closes_its_connection_and_with_it_its_lock_when_it_fails(
    monkeypatch: pytest.MonkeyPatch, stand_ins: Connection, ready: Any
) -> None:
    monkeypatch.setattr(model_checks, "prove", giving(Failure("model-key")))
    with pytest.raises(Failure, match="model-key"):
        asyncio.run(prepare.prepare(*ready))
    assert stand_ins.closed
    assert stand_ins.executed == []


@pytest.mark.parametrize(
    ("version", "columns", "good"),
    [
        ("0.4.0", (), True), ("0.4.0", ("uid", "content"), True), ("0.4.0", ("id", "content"), False),
        ("0.3.9", ("id", "content"), True), ("0.3.9", ("uid", "content"), False), ("0.2.6", ("uid",), False),
    ],
)  # fmt: skip
def test_the_tables_of_another_release_are_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, stand_ins: Connection, ready: Any, version: str, columns: tuple[str, ...],
    good: bool,
) -> None:  # fmt: skip
    settings = replace(ready[0], release=release.find({release.VARIABLE: version}))
    stand_ins.columns = columns
    waited = serve.ready(settings, ready[1], 1)
    if good:
        asyncio.run(waited)
        assert asyncio.run(prepare.prepare(settings, ready[1]))["ok"]
        return
    monkeypatch.setattr(model_checks, "prove", giving(Failure("defect", "the model was asked")))
    for doing in (waited, prepare.prepare(settings, ready[1])):
        with pytest.raises(Failure, match=f"other-release: this is {version}"):
            asyncio.run(doing)
    assert stand_ins.executed == []


@pytest.mark.usefixtures("stand_ins")
def test_one_sure_fault_ends_the_wait_for_the_other_database(monkeypatch: pytest.MonkeyPatch, ready: Any) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(checks, "postgres", never)
    monkeypatch.setattr(checks, "neo4j", giving(Failure("neo4j-password")))
    with pytest.raises(Failure, match="neo4j-password"):
        asyncio.run(asyncio.wait_for(prepare.prepare(*ready), 20))


def test_what_libraries_print_is_not_on_the_answers_line(
    monkeypatch: pytest.MonkeyPatch, stand_ins: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def noisy(*_: object) -> None:
        print("a library talks")

    monkeypatch.setattr(prepare, "tables", noisy)
    monkeypatch.setenv("RUN_FOLDER", str(tmp_path))
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    prepare.main()
    out, err = capsys.readouterr()
    assert json.loads(out)["ok"] is True
    assert "a library talks" in err


def test_a_failure_of_memmachines_start_is_a_failure_of_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    memmachine(monkeypatch, giving(Machine(start=raising(RuntimeError("column does not exist")))))
    with pytest.raises(Failure, match="tables: RuntimeError"):
        asyncio.run(prepare.tables(NEWEST))


def test_prepare_makes_all_tables_and_deletes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    memmachine(monkeypatch, giving(machine))
    asyncio.run(prepare.tables(NEWEST))
    assert machine.did == ["session tables", "start ()", "stop"]


def test_a_slow_goodbye_of_the_database_hides_nothing(stand_ins: Connection, ready: Any) -> None:
    async def slow(timeout: float | None = None) -> None:
        raise TimeoutError

    stand_ins.close = slow  # type: ignore[method-assign]
    assert asyncio.run(prepare.prepare(*ready))["ok"] is True


def test_the_deadline_is_told_as_the_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(model_checks, "prove", giving(None))
    for name, check in (("postgres", Connection()), ("neo4j", "5.26")):
        monkeypatch.setattr(checks, name, giving(check))
    for name in ("may_make_tables", "extension"):
        monkeypatch.setattr(checks, name, giving(None))
    memmachine(monkeypatch, giving(Machine(start=never)))
    assert ended(monkeypatch, tmp_path, deadline=0.05) == 52
    assert json.loads(capsys.readouterr().out)["culprit"] == "prepare-deadline"


def test_what_nobody_foresaw_has_an_exit_code_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, stand_ins: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("sk-canary")

    monkeypatch.setattr(model_checks, "prove", broken)
    assert ended(monkeypatch, tmp_path) == 70
    out, err = capsys.readouterr()
    assert json.loads(out)["detail"].startswith("KeyError in checks.")
    assert "sk-canary" not in out + err


def ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, deadline: float = 20.0) -> int:
    """The exit code of prepare's main."""
    monkeypatch.setenv("RUN_FOLDER", str(tmp_path))
    monkeypatch.setattr(prepare, "DEADLINE", deadline)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as left:
        prepare.main()
    return int(str(left.value.code))


class Machine:
    """A stand-in for MemMachine that notes what is asked of it."""

    def __init__(self, *, start: Callable[[], Any] | None = None) -> None:
        self.did: list[str] = []
        self.resource_manager = self
        self._start = start

    async def get_session_data_manager(self) -> None:
        self.did.append("session tables")

    async def start(self, *sessions: object) -> None:
        self.did.append(f"start {sessions}")
        if self._start is not None:
            await self._start()

    async def stop(self) -> None:
        self.did.append("stop")


def raising(error: Exception) -> Callable[[], Any]:
    async def action() -> None:
        raise error

    return action


def memmachine(monkeypatch: pytest.MonkeyPatch, initialize_resource: Callable[..., Any]) -> None:
    module = ModuleType("memmachine_server.server.api_v2.mcp")
    module.initialize_resource = initialize_resource  # type: ignore[attr-defined]
    for name in ("memmachine_server", "memmachine_server.server", "memmachine_server.server.api_v2"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(corrections, "apply", lambda release: None)
