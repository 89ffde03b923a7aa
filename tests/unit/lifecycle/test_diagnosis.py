"""A failed verification is looked into, and what a step can put right is put right by the next run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.results import RunResult
from memdeploy.engine.step import Observed, Run, State, Step
from memdeploy.errors import MemdeployError, StepFailed, Unhealthy
from memdeploy.lifecycle.diagnosis import explained, reconsider
from tests.unit.engine.toys import Lab, Toy


class World:
    """A database, a step that examines it and a verification of the whole: `broken` breaks the memory, `named` is
    what the examination then says, `heals` says that it was gone by then."""

    def __init__(self, *, broken: bool = False, named: str | None = None, heals: bool = False) -> None:
        self.broken, self.named, self.heals = broken, named, heals
        self.examined = 0
        self.lab = Lab(
            Step("database", Toy(probe=_present)),
            Step("prepare", Toy(self._examine, probe=_present), needs=("database",)),
            Step("verify", Toy(self._verify), needs=("prepare",), transient=True),
        )
        for name in ("database", "prepare"):
            notes = {"key": "settled"}
            self.lab.ledger.records[name] = StepRecord(name, kind="toy", status=Status.DONE, outputs={}, notes=notes)
        self.observed = self.lab.runner.probe()
        self.told: list[str] = []

    def _examine(self, run: Run) -> None:
        self.examined += 1
        assert "key" not in run.notes, "what it took as settled is what is in doubt"
        if self.named:
            raise StepFailed("the password is refused", code=self.named, where="prepare")
        self.broken = self.broken and not self.heals

    def _verify(self, run: Run) -> None:
        if self.broken:
            raise Unhealthy("a memory could not be stored", code="store", where="verify")

    @property
    def changing(self) -> Any:
        cloud = SimpleNamespace(examiner="prepare", remedies={"postgres-password": "database"})
        session = SimpleNamespace(cloud=cloud, graph=None, tell=lambda kind, **data: self.told.append(data["text"]))
        return SimpleNamespace(
            session=session,
            journal=self.lab.ledger,
            writer=SimpleNamespace(ledger=lambda: self.lab.ledger),
            runner=lambda graph, shared: self.lab.runner,
        )

    def up(self) -> RunResult:
        found = self.lab.runner.ensure(self.observed)
        found = explained(self.changing, None, self.observed, found)  # type: ignore[arg-type]
        reconsider(self.changing, found)
        return found


def _present(run: Run) -> Observed:
    return Observed(State.PRESENT, outputs={})


def code(error: MemdeployError | None) -> str | None:
    return error.code if error else None


def test_what_works_is_not_examined() -> None:
    world = World()
    assert world.up().ok
    assert (world.examined, world.told) == (0, [])


def test_the_culprit_takes_the_place_of_the_vaguer_error() -> None:
    world = World(broken=True, named="model-key")
    found = world.up()
    assert code(found.error) == "model-key"
    assert world.lab.actions(found) == {"database": "unchanged", "prepare": "failed", "verify": "skipped"}
    assert world.told == ["verification failed: looking for the culprit"]


def test_a_failure_without_a_culprit_stays_what_it_was() -> None:
    found = (world := World(broken=True)).up()
    assert code(found.error) == "store"
    assert world.examined == 1


def test_a_failure_that_has_passed_meanwhile_is_none() -> None:
    assert World(broken=True, heals=True).up().ok


def test_what_was_examined_in_this_very_run_is_not_examined_again() -> None:
    world = World(broken=True)
    world.observed = {name: seen for name, seen in world.observed.items() if name != "prepare"}
    world.lab.ledger.records["prepare"] = StepRecord("prepare", kind="toy")
    assert code(world.up().error) == "store"
    assert world.examined == 1


def test_a_step_that_can_put_it_right_forgets_what_it_took_as_settled() -> None:
    world = World(broken=True, named="postgres-password")
    world.up()
    assert world.lab.ledger.record("database").notes == {}
    other = World(broken=True, named="model-key")
    other.up()
    assert other.lab.ledger.record("database").notes == {"key": "settled"}
