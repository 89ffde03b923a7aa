"""The service's address before there is a service: who may call is known by the time that there is."""

from __future__ import annotations

import pytest

from memdeploy.engine.results import RunResult
from memdeploy.errors import Foreign
from tests.support.rehearsed import Rehearsed

from .deploying import PROJECT, Deploying

BASE = "support-memory-x7k2"
SERVICE = f"/v2/projects/{PROJECT}/locations/us-central1/services/{BASE}-api"


def front_of(deploying: Deploying) -> RunResult:
    """Everything up to the address, and nothing behind it."""
    cloud = deploying.cloud()
    runner = deploying.runner(cloud.graph().only(["access"]), cloud)
    return runner.ensure(runner.probe())


def test_it_is_made_before_the_database_is_there_and_moved_when_it_is(deployed: Deploying) -> None:
    sent = [(r["method"], r["path"]) for r in deployed.rehearsed.requests() if r["mutates"] and r["status"] == 200]
    made, granted, moved = (
        sent.index(request)
        for request in (
            ("POST", SERVICE.rpartition("/")[0]), ("POST", f"{SERVICE}:setIamPolicy"), ("PATCH", SERVICE),
        )
    )  # fmt: skip
    database = next(index for index, (_, path) in enumerate(sent) if path.endswith("/databases"))
    assert made < granted < database < moved
    assert len([path for verb, path in sent if (verb, path) == ("PATCH", SERVICE)]) == 1


def test_it_can_run_nothing(rehearsed: Rehearsed) -> None:
    deploying = Deploying(rehearsed)
    assert front_of(deploying).error is None

    scope = deploying.cloud().scope
    found = scope.clients.run_services("get_service", name=f"{scope.names.location}/services/{BASE}-api")

    assert (found.scaling.scaling_mode.name, found.scaling.manual_instance_count) == ("MANUAL", 0)
    assert found.template.health_check_disabled
    assert not found.template.containers[0].env


def test_it_goes_when_it_never_became_more(rehearsed: Rehearsed) -> None:
    deploying = Deploying(rehearsed)
    assert front_of(deploying).error is None

    cloud = deploying.cloud()
    gone = deploying.runner(cloud.graph(), cloud).remove(["access"])

    assert gone.error is None
    assert not [r for r in rehearsed.inventory() if r["type"] == "Service"]


def test_a_revision_that_is_not_ready_is_no_matter(rehearsed: Rehearsed) -> None:
    """The operation fails, the service stays: it has its address, and gets another revision later."""
    rehearsed.faults("fail@run.projects.locations.services.create=1x")
    deploying = Deploying(rehearsed)
    assert front_of(deploying).error is None
    assert [r["fault"] for r in rehearsed.requests() if r["fault"]] == ["fail"]
    assert deploying.up().error is None


def test_a_lost_answer_is_no_conflict(rehearsed: Rehearsed) -> None:
    deploying = Deploying(rehearsed)
    rehearsed.faults("lost@run.projects.locations.services.create=1x")

    assert front_of(deploying).error is None

    sent = [r for r in rehearsed.requests() if r["api"] == "run.projects.locations.services.create"]
    assert [r["status"] for r in sent] == [200, 409]


def test_a_service_of_somebody_elses_is_left_alone(rehearsed: Rehearsed) -> None:
    deploying = Deploying(rehearsed)
    cloud = deploying.cloud()
    assert deploying.runner(cloud.graph().only(["image", "account.run", "account.verifier"]), cloud).ensure().ok
    image = deploying.own.records["image"].outputs["reference"]  # type: ignore[index]
    theirs = {"template": {"containers": [{"image": image}]}, "labels": {"memdeploy": "somebody-else"}}
    rehearsed.ask("POST", f"/run{SERVICE.rpartition('/')[0]}?serviceId={BASE}-api", theirs)
    since = rehearsed.last_request()

    result = front_of(deploying)

    assert isinstance(result.error, Foreign)
    assert not [r for r in rehearsed.requests(since) if r["service"] == "run" and r["mutates"]]


@pytest.mark.parametrize("stands", [False, True])
def test_only_a_service_that_runs_is_moved_after_prepare(rehearsed: Rehearsed, stands: bool) -> None:
    deploying = Deploying(rehearsed)
    if stands:
        assert deploying.up().error is None
    assert ("prepare" in deploying.cloud().graph().needs("service")) is stands
    assert "prepare" in deploying.cloud().graph().needs("verify")
