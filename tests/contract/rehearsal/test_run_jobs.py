"""Cloud Run jobs' rules with the real client: tokens, executions, exit codes, retries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import ContainerSpec, Progress
from tests.contract.rehearsal.embedded import LOCATION, PROJECT, SUBNET, Embedded, embedded
from tests.contract.rehearsal.test_run_services import container, image_of, prepare

NAME = f"{LOCATION}/jobs/prep"


class Containers(NoBacking):
    """A backing whose tasks end with the exit codes that the test names, attempt by attempt."""

    name = "containers"

    def __init__(self, *codes: int) -> None:
        self.codes = codes
        self.specs: dict[str, ContainerSpec] = {}

    def job_start(self, spec: ContainerSpec) -> None:
        self.specs[spec.key] = spec

    def job_state(self, key: str) -> Progress:
        code = self.codes[list(self.specs).index(key)]
        return Progress(done=True, exit_code=code, log=f"it ends with {code}\n")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path / "state") as started:
        prepare(started)
        yield started


def job(cloud: Embedded, token: str = "", retries: int = 0, **task: Any) -> run_v2.Job:
    one = container(cloud, ports=[], startup_probe=None, args=["prepare"])
    interface = run_v2.VpcAccess.NetworkInterface(subnetwork=SUBNET)
    fields: dict[str, Any] = {
        "containers": [one],
        "max_retries": retries,
        "service_account": f"run@{PROJECT}.iam.gserviceaccount.com",
        "vpc_access": run_v2.VpcAccess(network_interfaces=[interface]),
    }
    template = run_v2.ExecutionTemplate(template=run_v2.TaskTemplate(**{**fields, **task}))
    made = run_v2.Job(template=template, name=NAME)
    if token:
        made.start_execution_token = token
    return made


def create(cloud: Embedded, wanted: run_v2.Job, *, wait: float = 10) -> Any:
    operation = cloud.jobs().create_job(parent=LOCATION, job=wanted, job_id="prep")
    cloud.clock.advance(wait)
    return cloud.jobs().get_operation({"name": operation.operation.name})


def executions(cloud: Embedded) -> list[str]:
    return sorted(one.name.rsplit("/", 1)[-1] for one in cloud.executions().list_executions(parent=NAME))


def update(cloud: Embedded, wanted: run_v2.Job) -> None:
    cloud.jobs().update_job(job=wanted)
    cloud.clock.advance(100)


def test_a_token_starts_an_execution_of_its_name(cloud: Embedded) -> None:
    assert create(cloud, job(cloud, token="abc123")).done
    running = cloud.executions().get_execution(name=f"{NAME}/executions/prep-abc123")
    assert running.running_count == 1
    assert not running.completion_time
    cloud.clock.advance(60)
    ended = cloud.executions().get_execution(name=f"{NAME}/executions/prep-abc123")
    assert (ended.succeeded_count, ended.failed_count, ended.running_count) == (1, 0, 0)
    assert ended.conditions[0].state == run_v2.Condition.State.CONDITION_SUCCEEDED
    (task,) = cloud.tasks().list_tasks(parent=ended.name)
    assert task.last_attempt_result.exit_code == 0
    latest = cloud.jobs().get_job(name=NAME).latest_created_execution
    assert latest.name == "prep-abc123"
    assert latest.completion_status == run_v2.ExecutionReference.CompletionStatus.EXECUTION_SUCCEEDED


def test_a_job_without_a_token_runs_nothing(cloud: Embedded) -> None:
    create(cloud, job(cloud))
    assert executions(cloud) == []


def test_a_token_sent_again_starts_nothing(cloud: Embedded) -> None:
    create(cloud, job(cloud, token="one"))
    update(cloud, job(cloud, token="one"))
    assert executions(cloud) == ["prep-one"]
    assert cloud.jobs().get_job(name=NAME).start_execution_token == "one"


def test_a_new_token_starts_another(cloud: Embedded) -> None:
    create(cloud, job(cloud, token="one"), wait=100)
    update(cloud, job(cloud, token="two"))
    assert executions(cloud) == ["prep-one", "prep-two"]
    assert cloud.jobs().get_job(name=NAME).execution_count == 2


def test_a_token_sent_again_after_another_execution_is_refused(cloud: Embedded) -> None:
    create(cloud, job(cloud, token="one"), wait=100)
    operation = cloud.jobs().run_job(name=NAME)
    cloud.clock.advance(100)
    assert cloud.jobs().get_operation({"name": operation.operation.name}).done
    assert not cloud.jobs().get_job(name=NAME).start_execution_token
    with pytest.raises(exceptions.Conflict, match="'prep-one' already exists"):
        cloud.jobs().update_job(job=job(cloud, token="one"))
    assert len(executions(cloud)) == 2


def test_name_and_token_are_fewer_than_63_characters(cloud: Embedded) -> None:
    with pytest.raises(exceptions.BadRequest, match="fewer than 63"):
        create(cloud, job(cloud, token="t" * 59))
    create(cloud, job(cloud, token="t" * 58))


@pytest.mark.parametrize("changes", [{"max_retries": 11}, {"timeout": {"seconds": 604801}}])
def test_tasks_that_are_refused(cloud: Embedded, changes: dict[str, Any]) -> None:
    with pytest.raises(exceptions.BadRequest):
        create(cloud, job(cloud, **changes))


def test_a_name_is_taken(cloud: Embedded) -> None:
    create(cloud, job(cloud))
    with pytest.raises(exceptions.Conflict, match="'prep' already exists"):
        create(cloud, job(cloud))


def test_a_job_that_cannot_start_is_left_failed_and_runs_nothing(cloud: Embedded) -> None:
    lost = container(cloud, ports=[], startup_probe=None, image=image_of(cloud)[:-4] + "0000")
    operation = create(cloud, job(cloud, token="one", containers=[lost]))
    assert operation.error.code == 9
    left = cloud.jobs().get_job(name=NAME)
    assert left.terminal_condition.reason == run_v2.Condition.CommonReason.CONTAINER_MISSING
    assert executions(cloud) == []
    update(cloud, job(cloud, token="one"))
    assert executions(cloud) == ["prep-one"]


def test_a_cancelled_execution_is_ended(cloud: Embedded) -> None:
    create(cloud, job(cloud, token="one"))
    name = f"{NAME}/executions/prep-one"
    cloud.executions().cancel_execution(name=name)
    cloud.clock.advance(100)
    ended = cloud.executions().get_execution(name=name)
    assert (ended.cancelled_count, ended.succeeded_count) == (1, 0)
    with pytest.raises(exceptions.BadRequest):
        cloud.executions().cancel_execution(name=name)


def test_a_deleted_job_takes_its_executions_with_it(cloud: Embedded) -> None:
    create(cloud, job(cloud, token="one"), wait=100)
    cloud.jobs().delete_job(name=NAME)
    cloud.clock.advance(60)
    with pytest.raises(exceptions.NotFound, match="of kind 'JOB'"):
        cloud.jobs().get_job(name=NAME)
    with pytest.raises(exceptions.NotFound, match="of kind 'EXECUTION'"):
        cloud.executions().get_execution(name=f"{NAME}/executions/prep-one")


@pytest.mark.parametrize(
    ("codes", "retries", "last", "attempts"), [((13,), 0, 13, 1), ((13, 13), 1, 13, 2), ((13, 0), 3, 0, 2)]
)
def test_exit_codes_and_retries(tmp_path: Path, codes: tuple[int, ...], retries: int, last: int, attempts: int) -> None:
    backing = Containers(*codes)
    with embedded(tmp_path / "state", backing=backing) as cloud:
        prepare(cloud)
        cloud.secret_value(f"projects/{PROJECT}/secrets/pg/versions/1", b"hunter2")
        create(cloud, job(cloud, token="one", retries=retries))
        for _ in range(attempts):
            cloud.clock.advance(10)
            execution = cloud.executions().get_execution(name=f"{NAME}/executions/prep-one")
        assert execution.failed_count == (1 if last else 0)
        (task,) = cloud.tasks().list_tasks(parent=execution.name)
        assert (task.last_attempt_result.exit_code, task.retried) == (last, attempts - 1)
        cloud.clock.advance(10)
        mine = 'resource.type="cloud_run_job" AND labels."run.googleapis.com/execution_name"="prep-one"'
        body = {"resourceNames": [f"projects/{PROJECT}"], "filter": mine}
        found = json.loads(cloud.http("POST", "/logging/v2/entries:list", body)[2])["entries"]
        assert [entry["textPayload"] for entry in found] == [f"it ends with {code}" for code in codes]
        specs = list(backing.specs.values())
        assert len(specs) == attempts
        assert specs[-1].env["PW"] == "hunter2"
        assert specs[-1].env["CLOUD_RUN_TASK_ATTEMPT"] == str(attempts - 1)
        assert specs[-1].networks == (SUBNET,)
        assert (specs[-1].args, specs[-1].cpu, specs[-1].memory_mb) == (("prepare",), 2.0, 2048)
