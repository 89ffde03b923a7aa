"""Commands that carry data and are stopped, or fail, on their way: what they leave, and how the next one goes on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from memdeploy.engine.clock import SystemClock
from memdeploy.engine.events import EventKind
from memdeploy.engine.graph import Graph
from memdeploy.engine.results import RunResult
from memdeploy.errors import Cancelled, ExitCode, MemdeployError, Refused, StepFailed
from memdeploy.lifecycle import dataruns, loading, rescue
from memdeploy.lifecycle.changing import Changing
from memdeploy.lifecycle.request import Request
from memdeploy.state.journal import Journal
from tests.unit.lifecycle.toys import journal, step

GRAPH = Graph([step("service.stop"), step("load.one", "service.stop"), step("service.start", "load.one")])


@pytest.mark.parametrize(
    ("request_", "number", "code", "again"),
    [
        (Request("backup"), signal.SIGINT, ExitCode.INTERRUPTED, "`memdeploy backup`"),
        (Request("upgrade"), signal.SIGTERM, ExitCode.TERMINATED, "`memdeploy upgrade`"),
        (Request("restore", archive=Path("/safe/a.tar")), signal.SIGHUP, ExitCode.TERMINATED, "restore /safe/a.tar`"),
    ],
    ids=["Ctrl-C", "asked to end", "terminal closed"],
)
def test_what_a_signal_stopped_ends_with_its_exit_code_and_says_what_to_type(
    request_: Request, number: int, code: ExitCode, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataruns, "run", lambda *_: RunResult((), None, number))
    with pytest.raises(Cancelled) as raised:
        dataruns.must(cast(Changing, SimpleNamespace(session=SimpleNamespace(request=request_))), GRAPH)
    assert (raised.value.code, raised.value.exit_code) == ("interrupted", code)
    assert again in str(raised.value.suggestion)


def test_who_puts_back_sleeps_on_when_the_run_is_stopped() -> None:
    signalled = threading.Event()
    signalled.set()
    stopped = SystemClock(pace=0.001, cancelled=signalled)
    started = stopped.boottime()
    stopped.unstopped().sleep(100)
    assert stopped.boottime() - started >= 0.1


# -- loading ---------------------------------------------------------------------------------------------------------


class Loading:
    """What `load` does, in words; it fails where it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
        self.did: list[str] = []
        self.failing = failing
        monkeypatch.setattr(loading.archive, "unpack", lambda *_: self.do("unpack"))
        monkeypatch.setattr(loading.dataruns, "must", lambda _, __, names: self.do(",".join(names)))
        monkeypatch.setattr(loading.dataruns, "start", lambda *_: self.do("start"))
        monkeypatch.setattr(loading, "_compare", lambda *_: self.do("compare"))

    def do(self, what: str) -> None:
        self.did.append(what)
        if what == self.failing:
            raise StepFailed(what)

    def load(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        session = SimpleNamespace(cloud=SimpleNamespace(loading=lambda _: GRAPH))
        place, before = SimpleNamespace(folder=folder), journal(facts=facts)
        changing = cast(Changing, SimpleNamespace(session=session, place=place, journal=before))
        with pytest.raises(MemdeployError, match=self.failing):
            loading.load(changing, Path("a.tar"), start_again=True, replacing=lambda: self.do("replacing"))
        return self.did


HALF = {"restoring": {"archive": "/safe/a.tar"}}


@pytest.mark.parametrize(
    ("failing", "facts", "did"),
    [
        ("unpack", {}, ["unpack"]),
        ("service.stop", {}, ["unpack", "service.stop", "start"]),
        ("service.stop", HALF, ["unpack", "service.stop"]),
        ("load.one", {}, ["unpack", "service.stop", "replacing", "load.one"]),
        ("compare", {}, ["unpack", "service.stop", "replacing", "load.one", "compare"]),
    ],
    ids=["nothing was touched", "still whole", "half from before", "half", "not what was saved"],
)
def test_a_service_starts_again_on_what_is_whole_alone(
    failing: str, facts: Mapping[str, Any], did: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Loading(monkeypatch, failing).load(tmp_path, facts) == did


# -- rescue ----------------------------------------------------------------------------------------------------------


class Rescue:
    """A deployment whose tables are in this state."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: str, facts: Mapping[str, Any]) -> None:
        self.state = state
        self.journal: Journal = journal(facts=facts)
        self.did: list[str] = []
        self.told: list[tuple[EventKind, object]] = []
        clock = SimpleNamespace(boottime=lambda: 0.0)
        session = SimpleNamespace(
            clock=clock, graph=GRAPH, request=Request("rescue", yes=True), header=dict, begin=lambda _: None,
            tell=lambda kind, **data: self.told.append((kind, data["exit_code"])),
            cloud=SimpleNamespace(dumping=lambda _: GRAPH),
        )  # fmt: skip
        self.session, self.writer, self.place = session, self, SimpleNamespace(folder=Path())
        monkeypatch.setattr(rescue, "change", self.change)
        monkeypatch.setattr(rescue, "_word", self.word)
        monkeypatch.setattr(rescue.dataruns, "must", lambda *_: self.did.append("stop"))
        monkeypatch.setattr(rescue.moving, "deploy", self.deploy)

    @contextmanager
    def change(self, *_: Any) -> Iterator[Rescue]:
        yield self

    def update(self, status: str = "", facts: Mapping[str, Any] | None = None) -> None:
        self.did += [f"note {name}" if value else f"forget {name}" for name, value in (facts or {}).items()]

    def word(self, _: Any, arguments: tuple[str, ...]) -> Mapping[str, Any]:
        self.did += [] if arguments else ["put back"]
        return {"state": self.state, "memories": 3}

    def deploy(self, _: Any) -> RunResult:
        self.did.append("deploy")
        return RunResult(())


@pytest.mark.parametrize(
    ("state", "facts", "did"),
    [
        ("broken", {}, ["note rescuing", "stop", "put back", "deploy", "forget rescuing"]),
        ("healthy", {}, []),
        ("healthy", {"rescuing": {"state": "broken"}}, ["deploy", "forget rescuing"]),
        ("other", {}, []),
    ],
    ids=["broken", "healthy", "killed once they were whole", "another release's"],
)
def test_a_rescue_ends_with_a_service_that_runs(
    state: str, facts: Mapping[str, Any], did: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Rescue(monkeypatch, state, facts)
    found = rescue.rescue(Request("rescue", yes=True), lambda _: None)
    assert (toy.did, found.data["changed"]) == (did, bool(did))
    assert toy.told == [(EventKind.RUN_FINISHED, 0)]  # else `history` calls it unfinished


def test_what_only_a_backup_brings_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Rescue(monkeypatch, "used", {})
    with pytest.raises(Refused) as raised:
        rescue.rescue(Request("rescue", yes=True), lambda _: None)
    assert (raised.value.code, toy.did) == ("rescue-refused", [])
    assert "memdeploy restore ARCHIVE --name memmachine" in str(raised.value.suggestion)
