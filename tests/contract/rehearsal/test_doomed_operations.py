"""What stays behind when an operation of these services fails: by fault injection, or for trouble with the backing."""

from __future__ import annotations

from pathlib import Path

from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import Progress, SqlSpec
from tests.contract.rehearsal.embedded import LOCATION, PROJECT, REGION, Embedded, embedded
from tests.contract.rehearsal.test_run_jobs import NAME as JOB
from tests.contract.rehearsal.test_run_jobs import create as create_job
from tests.contract.rehearsal.test_run_jobs import job
from tests.contract.rehearsal.test_run_services import NAME as SERVICE
from tests.contract.rehearsal.test_run_services import create, created, prepare
from tests.contract.rehearsal.test_sqladmin import body, insert

FAILED = "CONDITION_FAILED"


def doom(cloud: Embedded) -> None:
    assert cloud.http("POST", "/_rehearsal/faults", {"spec": "fail=1,seed=1"})[0] == 200


def spare(cloud: Embedded) -> None:
    cloud.http("POST", "/_rehearsal/faults", {"spec": ""})


def test_a_failed_deployment_leaves_the_service(tmp_path: Path) -> None:
    with embedded(tmp_path / "state") as cloud:
        prepare(cloud)
        doom(cloud)
        operation = create(cloud)
        assert operation.error.code
        left = cloud.services().get_service(name=SERVICE)
        assert left.terminal_condition.state.name == FAILED
        assert not left.reconciling


def test_a_failed_delete_leaves_the_service_as_it_was(tmp_path: Path) -> None:
    with embedded(tmp_path / "state") as cloud:
        prepare(cloud)
        created(cloud)
        doom(cloud)
        cloud.services().delete_service(name=SERVICE)
        cloud.clock.advance(60)
        left = cloud.services().get_service(name=SERVICE)
        assert not left.delete_time
        assert left.terminal_condition.state.name == "CONDITION_SUCCEEDED"


def test_a_failed_execution_has_no_exit_code_of_a_container(tmp_path: Path) -> None:
    with embedded(tmp_path / "state") as cloud:
        prepare(cloud)
        doom(cloud)
        create_job(cloud, job(cloud, token="one"), wait=100)
        spare(cloud)
        ended = cloud.executions().get_execution(name=f"{JOB}/executions/prep-one")
        assert (ended.failed_count, ended.succeeded_count) == (1, 0)
        assert cloud.jobs().get_job(name=JOB).terminal_condition.state.name == FAILED


def test_a_failed_creation_leaves_an_instance_behind(tmp_path: Path) -> None:
    with embedded(tmp_path / "state") as cloud:
        cloud.network()
        doom(cloud)
        assert insert(cloud, cloud.api("sqladmin", "v1"))["state"] == "FAILED"


def test_a_failed_update_leaves_the_settings(tmp_path: Path) -> None:
    with embedded(tmp_path / "state") as cloud:
        cloud.network()
        sql = cloud.api("sqladmin", "v1")
        before = insert(cloud, sql)
        doom(cloud)
        change = {"settings": {"userLabels": {"a": "b"}}}
        operation = sql.instances().patch(project=PROJECT, instance="pg", body=change).execute()
        cloud.clock.advance(300)
        ended = sql.operations().get(project=PROJECT, operation=operation["name"]).execute()
        assert ended["error"]["errors"]
        after = sql.instances().get(project=PROJECT, instance="pg").execute()
        assert after["settings"].pop("settingsVersion") != before["settings"].pop("settingsVersion")
        assert after == before


def test_a_failed_delete_of_a_disk_can_be_asked_for_again(tmp_path: Path) -> None:
    with embedded(tmp_path / "state") as cloud:
        disks = cloud.api("compute", "v1").disks()
        where = {"project": PROJECT, "zone": f"{REGION}-a"}
        disks.insert(**where, body={"name": "d", "sizeGb": "10"}).execute()
        cloud.clock.advance(60)
        doom(cloud)
        disks.delete(**where, disk="d").execute()
        cloud.clock.advance(60)
        spare(cloud)
        assert disks.get(**where, disk="d").execute()["status"] == "READY"
        disks.delete(**where, disk="d").execute()
        cloud.clock.advance(60)
        assert disks.list(**where).execute().get("items", []) == []


class Broken(NoBacking):
    """An engine that went away."""

    name = "containers"

    def sql_ensure(self, spec: SqlSpec) -> Progress:
        raise ConnectionError("no engine")


def test_trouble_with_the_backing_fails_one_operation_only(tmp_path: Path) -> None:
    with embedded(tmp_path / "state", backing=Broken()) as cloud:
        cloud.network()
        cloud.peering()
        sql = cloud.api("sqladmin", "v1")
        operation = sql.instances().insert(project=PROJECT, body=body()).execute()
        cloud.clock.advance(600)
        ended = sql.operations().get(project=PROJECT, operation=operation["name"]).execute()
        assert "no engine" in ended["error"]["errors"][0]["message"]
        assert cloud.http("GET", f"/artifactregistry/v1/{LOCATION}/repositories")[0] == 200
        assert sql.instances().get(project=PROJECT, instance="pg").execute()["region"] == REGION
