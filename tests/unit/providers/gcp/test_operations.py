from __future__ import annotations

from typing import Any

import pytest

from memdeploy.engine.step import Operation
from memdeploy.errors import CloudError
from memdeploy.providers.gcp import operations

SQL = {"name": "0e1c", "targetProject": "p", "status": "PENDING"}
ZONAL = {"status": "RUNNING", "selfLink": "https://www.googleapis.com/compute/v1/projects/p/zones/z/operations/o"}
REGIONAL = {"status": "RUNNING", "selfLink": "http://127.0.0.1:1/compute/v1/projects/p/regions/r/operations/o"}
GLOBAL = {"status": "RUNNING", "selfLink": "https://compute.googleapis.com/compute/v1/projects/p/global/operations/o"}
RUN = {"name": "projects/p/locations/r/operations/o"}


class Recorded:
    """Stands at the wire's place: answers any method, remembers what was asked."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.compute = self.sqladmin = self.cloudbuild = self._call

    def api(self, service: str) -> Any:
        return self._call

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.asked.append((method, parameters))
        return self.answer


@pytest.mark.parametrize(
    ("service", "answer", "name", "method", "parameters"),
    [
        ("sqladmin", SQL, "projects/p/operations/0e1c", "operations.get", {"project": "p", "operation": "0e1c"}),
        (
            "compute", ZONAL, "projects/p/zones/z/operations/o", "zoneOperations.get",
            {"project": "p", "zone": "z", "operation": "o"},
        ),
        (
            "compute", REGIONAL, "projects/p/regions/r/operations/o", "regionOperations.get",
            {"project": "p", "region": "r", "operation": "o"},
        ),
        (
            "compute", GLOBAL, "projects/p/global/operations/o", "globalOperations.get",
            {"project": "p", "operation": "o"},
        ),
        ("run", RUN, RUN["name"], "projects.locations.operations.get", {"name": RUN["name"]}),
        ("serviceusage", {"name": "operations/o"}, "operations/o", "operations.get", {"name": "operations/o"}),
    ],
)  # fmt: skip
def test_an_operation_is_named_and_looked_at_by_its_path(
    service: str, answer: dict[str, Any], name: str, method: str, parameters: dict[str, Any]
) -> None:
    operation = operations.of(service, answer)
    assert operation == Operation(service, name)
    clients: Any = Recorded(answer)
    assert not operations.poll(clients, operation).done
    assert clients.asked == [(method, parameters)]


def test_what_is_over_already_needs_no_look() -> None:
    assert operations.of("serviceusage", {"name": "operations/noop.DONE_OPERATION", "done": True}) is None
    assert operations.of("sqladmin", SQL | {"status": "DONE"}) is None


def test_progress_is_for_people() -> None:
    clients: Any = Recorded(SQL | {"status": "RUNNING"})
    status = operations.poll(clients, Operation("sqladmin", "projects/p/operations/0e1c"))
    assert status.progress == "Cloud SQL: RUNNING"


@pytest.mark.parametrize(
    ("state", "done"), [("QUEUED", False), ("WORKING", False), ("SUCCESS", True), ("FAILURE", True)]
)
def test_a_build_is_done_when_it_ended_either_way(state: str, done: bool) -> None:
    clients: Any = Recorded({"id": "b", "status": state})
    status = operations.poll(clients, Operation("cloudbuild", "projects/p/locations/r/builds/b"))
    assert status.done is done
    assert status.error is None


def test_an_unknown_service_is_a_defect_that_says_so() -> None:
    clients: Any = Recorded({})
    with pytest.raises(CloudError, match="unknown kind of operation"):
        operations.poll(clients, Operation("teapot", "operations/o"))
