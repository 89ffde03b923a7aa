"""One deployment from its first `up` to its last `destroy`, with faults; and what must be true after every command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memdeploy.errors import JournalError, NoSuchDeployment
from memdeploy.state.journal import Journal
from tests.contract.product import canary
from tests.faults import tally, truth
from tests.faults.inside import GCP, KEY, MODEL, NAME, UP, Inside, inside
from tests.faults.scenario import Scenario
from tests.support.cli import Outcome
from tests.support.rehearsed import normalised

DESTROY = ("destroy", "--yes", "--delete-data", "--name", NAME)
SHARED = ("destroy", "--shared", "--yes", *GCP)
DUMMY = "offline"  # a word in place of a key where nothing asks for one
#: What a disturbed command may end with: done, a step failed, not begun, lease lost, not verified, leftovers.
UP_ENDS, DESTROY_ENDS = {0, 1, 3, 5, 7}, {0, 1, 3, 5, 11}
TRIES = 3
PARALLEL = 8
"""Of `RunOptions.max_parallel`: so many calls may be under way when a lease is lost."""


@dataclass(frozen=True)
class Usual:
    """What a life without faults comes to: the inventory once it is up, and all that was ever created, by kind."""

    inventory: list[str]
    created: Mapping[str, int]


@dataclass
class Found:
    """What was wrong, by the promise that it breaks; and the faults that struck."""

    doubled: list[str] = field(default_factory=list)
    orphaned: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> dict[str, list[str]]:
        named = {name: getattr(self, name) for name in (*tally.PROMISES, "others")}
        return {name: items for name, items in named.items() if items}

    @property
    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in tally.PROMISES}


def life(folder: Path, scenario: Scenario, usual: Usual | None) -> tuple[Found, Usual]:
    """The whole story. `usual` None: nothing to compare with, for the life without faults."""
    with inside(folder, OPENAI_API_KEY=KEY) as stage:
        told = _Story(stage, scenario, usual)
        told.tell()
        return told.found, Usual(told.inventory, truth.created(stage.cloud.requests()))


class _Story:
    def __init__(self, stage: Inside, scenario: Scenario, usual: Usual | None) -> None:
        self.stage, self.scenario, self.usual = stage, scenario, usual
        self.found = Found()
        self.inventory: list[str] = []
        self.secrets = {"the model's key": KEY}

    def tell(self) -> None:
        destroy = DESTROY if self.scenario.backups else (*DESTROY, "--no-final-backup")
        self._disturbed((*UP, *MODEL), UP_ENDS, lease=self.scenario.lease)
        self._calm((*UP, *MODEL))
        self._look_at_what_stands()
        self._disturbed(destroy, DESTROY_ENDS, first=TRIES)
        self._destroyed(destroy)
        self._look_at_the_end()

    def _disturbed(self, line: tuple[str, ...], ends: set[int], *, first: int = 0, lease: int | None = None) -> None:
        """Until it succeeds, or so often; each run with dice of its own."""
        for run in range(first, first + TRIES):
            expires = f",expires={self.scenario.expires}" if self.scenario.expires and run == first else ""
            self.stage.cloud.faults(self.scenario.faults(run) + expires if self.scenario.rates or expires else "")
            outcome = self._with_lease_lost(line, lease) if lease and run == first else self.stage(*line)
            self._ended_well(line, outcome, ends)
            self._true()
            if outcome.code in (0, 11):
                break
        self.stage.cloud.faults("")

    def _with_lease_lost(self, line: tuple[str, ...], after: int) -> Outcome:
        """The lease goes to another run when so many changes were asked for, unless the command ends before."""
        moments: list[int] = []
        self.stage.cloud.at(after, lambda: moments.append(self.stage.take_over()))
        outcome = self.stage(*line)
        self.stage.cloud.at(0, lambda: None)
        self.found.struck["lease"] += len(moments)
        for moment in moments:
            sent = [r for r in self.stage.cloud.requests(moment) if r["mutates"] and r["service"] != "iamcredentials"]
            if len(sent) > PARALLEL:
                self.found.others.append(f"{len(sent)} changes after the lease was lost")
            if outcome.code not in (0, 1, 3, 5):
                self.found.others.append(f"exit {outcome.code} after the lease was lost")
            if outcome.code == 0:
                self.found.others.append("exit 0 though the lease was lost")
        return outcome

    def _calm(self, line: tuple[str, ...]) -> None:
        outcome = self.stage(*line)
        if outcome.code != 0:
            self.found.others.append(f"without faults {line[0]} ended with {outcome.code}: {_errors(outcome)}")
        self._true()

    def _destroyed(self, line: tuple[str, ...]) -> None:
        """What the cloud holds for hours included. 8: the disturbed one had come to the end."""
        self.stage.cloud.let_go()
        outcome = self.stage(*line)
        if outcome.code == 11:
            self.stage.cloud.let_go()
            outcome = self.stage("destroy", "--finish", "--name", NAME)
        if outcome.code not in (0, 8):
            self.found.others.append(f"without faults destroy ended with {outcome.code}: {_errors(outcome)}")
        self._true()
        self.stage.cloud.let_go()
        shared = self.stage(*SHARED)
        if shared.code != 0:
            self.found.others.append(f"destroy --shared ended with {shared.code}: {_errors(shared)}")

    # -- what must be true -------------------------------------------------------------------------------------------

    def _ended_well(self, line: tuple[str, ...], outcome: Outcome, ends: set[int]) -> None:
        codes = [error["code"] for error in outcome.json["errors"]]
        if outcome.code not in ends or "internal" in codes:
            self.found.others.append(f"{line[0]} ended with {outcome.code}: {_errors(outcome)}")

    def _journals(self) -> list[Journal]:
        deployments = self.stage.deployments()
        places = [deployments.open(name) for name in deployments.names()]
        return [place.read() for place in (*places, *deployments.shared_places())]

    def _true(self) -> None:
        """The journal is valid, and says of the cloud what is so."""
        self._remember_secrets()
        try:
            journals = self._journals()
        except (JournalError, NoSuchDeployment) as error:
            self.found.others.append(f"journal: {error.message}")
            return
        there = self.stage.cloud.inventory()
        line, outcome = self.stage.outcomes[-1]
        after = f"after {line[0]}, {outcome.code}: "
        self.found.lost += [after + one for one in truth.lost(journals, there)]
        self.found.orphaned += [after + one for one in truth.orphaned(journals, there)]

    def _look_at_what_stands(self) -> None:
        (journal,) = [j for j in self._journals() if j.name == NAME]
        known = {"deployment": {"id": journal.id, "suffix": journal.suffix, "name": NAME}}
        self.inventory = normalised(self.stage.cloud.inventory(), known)
        if self.usual is not None:
            once = [line for line in set(self.inventory) if not _history(line)]
            usual = [line for line in set(self.usual.inventory) if not _history(line)]
            self.found.lost += [f"missing: {line}" for line in sorted(set(usual) - set(once))]
            self.found.orphaned += [f"more than usual: {line}" for line in sorted(set(once) - set(usual))]

    def _look_at_the_end(self) -> None:
        left = [thing for thing in self.stage.cloud.inventory() if truth.kind(thing) not in truth.HISTORY]
        self.found.orphaned += [f"left at the end: {truth.kind(thing)} {thing['name']}" for thing in left]
        requests = self.stage.cloud.requests()
        for request in requests:
            self.found.struck.update(_struck(request))
        if self.usual is not None:
            self.found.doubled += truth.doubled(requests, self.usual.created)
        self._look_for_secrets()

    def _remember_secrets(self) -> None:
        stored = canary.stored(self.stage.cloud.folder)
        self.secrets |= {name: value for name, value in stored.items() if value not in (DUMMY, "")}

    def _look_for_secrets(self) -> None:
        forms = {
            form: label for name, value in self.secrets.items() for form, label in canary.forms(name, value).items()
        }
        self.found.leaked += canary.in_files(self.stage.folder, forms)
        for line, outcome in self.stage.outcomes:
            told = canary.found((outcome.stdout + outcome.stderr).encode(), forms)
            self.found.leaked += [f"{line[0]} printed {what}" for what in told]


def _struck(request: Mapping[str, Any]) -> list[str]:
    """Operations alone are slow or fail: a read that was struck so was not."""
    faults = [fault for fault in str(request["fault"] or "").split(",") if fault]
    return [fault for fault in faults if request["mutates"] or fault not in ("slow", "fail")]


def _history(line: str) -> bool:
    """What may stand there again after something failed: builds, executions and their tasks, revisions."""
    return any(f'"type": "{name}"' in line for name in ("Build", "Execution", "Task", "Revision"))


def _errors(outcome: Outcome) -> str:
    return "; ".join(f"{error['code']}: {error['message']}" for error in outcome.json["errors"])[:600]
