"""The machine's readiness and what follows a boot that failed, through the real runner and a small Compute Engine."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from googleapiclient.errors import HttpError
from httplib2 import Response

from memdeploy.engine.clock import SystemClock
from memdeploy.engine.graph import Graph
from memdeploy.engine.results import RunResult
from memdeploy.engine.runner import Runner
from memdeploy.engine.step import Operation, OperationStatus, Step
from memdeploy.providers.gcp import errors
from memdeploy.providers.gcp.neo4j_vm import Neo4jVm
from tests.contract.providers.gcp.deploying import MemoryLedger, OpenGuard

from .bodies import MACHINE, scope

LINK = "https://www.googleapis.com/compute/v1/projects/proj-1/zones/us-central1-a/"


class Compute:
    """One machine and its disk. `boot` says what its script reports once it runs, given the machine's metadata."""

    def __init__(self) -> None:
        self.live: dict[str, Any] | None = None
        self.labels: dict[str, str] = {}
        self.told: dict[str, str] = {}
        self.boot: dict[str, str] = {"phase": "ready"}
        self.calls: list[str] = []

    def __call__(self, method: str, **given: Any) -> dict[str, Any]:
        collection, verb = method.split(".")
        if collection == "disks":
            return self._disk(verb, given)
        self.calls.append(verb)
        answer: dict[str, Any] | None = getattr(self, f"_{verb}")(given)
        return answer or {"name": "o", "status": "DONE", "selfLink": f"{LINK}operations/o"}

    def _disk(self, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(f"disk.{verb}")
        if verb == "setLabels":
            self.labels = given["body"]["labels"]
        return {"name": "data", "labels": self.labels, "labelFingerprint": "f", "selfLink": f"{LINK}disks/data"}

    def _get(self, given: dict[str, Any]) -> dict[str, Any]:
        if self.live is None:
            raise HttpError(Response({"status": 404}), b'{"error": {"code": 404, "message": "not found"}}')
        return copy.deepcopy(self.live)

    def _insert(self, given: dict[str, Any]) -> None:
        self.live = {**copy.deepcopy(given["body"]), "status": "RUNNING", "selfLink": f"{LINK}instances/vm"}
        self._run()

    def _setMetadata(self, given: dict[str, Any]) -> None:
        assert self.live is not None
        assert self.live["status"] == "TERMINATED" or self._differs(given["body"]) <= {"memdeploy-format"}
        self.live["metadata"] = given["body"]

    def _differs(self, metadata: dict[str, Any]) -> set[str]:
        """Keys that are another in this metadata than in the machine's."""
        assert self.live is not None
        before, after = ({i["key"]: i["value"] for i in m["items"]} for m in (self.live["metadata"], metadata))
        return {key for key in before | after if before.get(key) != after.get(key)}

    def _stop(self, given: dict[str, Any]) -> None:
        assert self.live is not None
        self.live["status"] = "TERMINATED"

    def _start(self, given: dict[str, Any]) -> None:
        assert self.live is not None
        self.live["status"] = "RUNNING"
        self._run()

    def _getGuestAttributes(self, given: dict[str, Any]) -> dict[str, Any]:
        items = [{"namespace": "memdeploy", "key": k, "value": v} for k, v in self.told.items()]
        return {"queryValue": {"items": items}}

    def _run(self) -> None:
        assert self.live is not None
        items = {i["key"]: i["value"] for i in self.live["metadata"]["items"]}
        self.told = {"generation": items["memdeploy-generation"], **self.boot}


class Machine:
    def __init__(self) -> None:
        self.compute = Compute()
        self.ledger = MemoryLedger()
        self.inputs = dict(MACHINE)

    def up(self) -> RunResult:
        clients: Any = SimpleNamespace(compute=self.compute)
        step = Step("neo4j.vm", Neo4jVm(replace(scope(), clients=clients), name="vm"), inputs=self.inputs)
        runner = Runner(
            Graph([step]), {"deployment": self.ledger}, {"deployment": OpenGuard()},
            SystemClock(pace=0.0, patience=0.0001), lambda event: None, errors.classify, self._poll,
        )  # fmt: skip
        return runner.ensure(runner.probe())

    def changes(self) -> list[str]:
        return [call for call in self.compute.calls if "get" not in call]

    def metadata_keys(self) -> set[str]:
        """Of the machine's metadata."""
        assert self.compute.live is not None
        return {item["key"] for item in self.compute.live["metadata"]["items"]}

    def protection(self) -> str | None:
        """As `destroy` asks before it touches anything."""
        clients: Any = SimpleNamespace(compute=self.compute)
        record = self.ledger.record("neo4j.vm")
        looking: Any = SimpleNamespace(applied=record.applied, notes=record.notes, find=lambda call: call())
        return Neo4jVm(replace(scope(), clients=clients), name="vm").protection(looking)

    def _poll(self, operation: Operation) -> OperationStatus:
        return OperationStatus(True)


def test_a_machine_is_done_when_its_script_says_so() -> None:
    machine = Machine()

    assert machine.up().error is None
    machine.compute.calls.clear()
    assert machine.up().error is None
    assert machine.compute.calls == ["get"]


def test_once_neo4j_was_seen_nobody_may_format_its_disk() -> None:
    """First for machines made later, then for this one."""
    machine = Machine()
    machine.inputs["fresh"] = True
    machine.compute.boot = {"phase": "failed", "error": "x"}
    machine.up()
    assert "memdeploy-format" in machine.metadata_keys()
    assert machine.compute.labels == {}

    machine.compute.boot = {"phase": "ready"}
    assert machine.up().error is None

    assert machine.compute.labels == {"memdeploy-prepared": "true"}
    assert "memdeploy-format" not in machine.metadata_keys()
    assert machine.changes()[-2:] == ["disk.setLabels", "setMetadata"]


def test_a_failed_boot_is_named_and_booted_again_next_time() -> None:
    machine = Machine()
    machine.compute.boot = {"phase": "failed", "error": "cannot read the password (projects/p/secrets/s/versions/1)"}

    error = machine.up().error
    assert error is not None
    assert error.code == "neo4j-boot"
    assert "cannot read the password" in error.message

    machine.compute.boot = {"phase": "ready"}
    machine.compute.calls.clear()
    assert machine.up().error is None
    assert machine.changes()[:3] == ["stop", "setMetadata", "start"]


def test_another_image_restarts_the_machine_and_keeps_its_disk() -> None:
    machine = Machine()
    machine.up()
    machine.inputs["image"] = "host/neo4j@sha256:" + "3" * 64
    machine.compute.calls.clear()

    assert machine.up().error is None

    assert machine.changes()[:3] == ["stop", "setMetadata", "start"]


def test_what_an_earlier_boot_said_is_not_taken_for_this_one() -> None:
    machine = Machine()
    machine.up()
    machine.ledger.records["neo4j.vm"] = replace(machine.ledger.records["neo4j.vm"], notes={})
    machine.compute.told["generation"] = "older"

    error = machine.up().error

    assert error is not None
    assert error.code == "timeout"


def test_a_machine_that_was_stopped_is_started() -> None:
    machine = Machine()
    machine.up()
    assert machine.compute.live is not None
    machine.compute.live["status"] = "TERMINATED"
    machine.compute.calls.clear()

    assert machine.up().error is None

    assert machine.changes() == ["start"]


def test_another_address_needs_the_users_word() -> None:
    machine = Machine()
    machine.up()
    machine.inputs["address"] = "10.71.0.9"
    machine.compute.calls.clear()

    error = machine.up().error

    assert error is not None
    assert error.code == "replace-needed"
    assert set(machine.compute.calls) == {"get"}


def test_our_own_protection_is_known_even_when_the_boot_failed() -> None:
    machine = Machine()
    machine.compute.boot = {"phase": "failed", "error": "x"}
    assert machine.up().error is not None

    assert machine.protection() is None

    machine.ledger.records["neo4j.vm"] = replace(machine.ledger.records["neo4j.vm"], notes={}, applied=None)
    assert "somebody else" in (machine.protection() or "")
