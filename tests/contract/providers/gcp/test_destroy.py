"""Taking a deployment away, with and without its data, and coming back to what was kept."""

from __future__ import annotations

from typing import Any

from memdeploy.engine.results import Action
from memdeploy.engine.step import State
from memdeploy.errors import NotYet
from tests.support.rehearsed import Rehearsed

from .deploying import ID, PROJECT, Deploying

BASE = "support-memory-x7k2"


def sql(deploying: Deploying) -> dict[str, Any]:
    return deploying.cloud().scope.clients.sqladmin("instances.get", project=PROJECT, instance=f"{BASE}-sql")


def kinds(rehearsed: Rehearsed) -> set[str]:
    own = [r for r in rehearsed.inventory() if r["marker"] == ID]
    return {f"{r['service']} {r['type']}" for r in own}


def test_what_is_kept_rests_and_lives_again(rehearsed: Rehearsed) -> None:
    deploying = Deploying(rehearsed)
    assert deploying.up().error is None
    password = deploying.own.records["postgres.user"].notes["password"]
    certificate = deploying.own.records["secret.tls"].outputs["certificate"]  # type: ignore[index]

    assert deploying.destroy().error is None
    assert sql(deploying)["settings"]["activationPolicy"] == "NEVER"
    assert "compute Disk" in kinds(rehearsed)
    assert not {"run Service", "run Job", "compute Instance"} & kinds(rehearsed)
    rested = deploying.plan()
    assert rested["postgres.user"].state is State.PRESENT
    assert [d.field for d in rested["postgres.instance"].differences] == ["settings.activationPolicy"]

    since = rehearsed.last_request()
    assert deploying.up().error is None
    assert sql(deploying)["settings"]["activationPolicy"] == "ALWAYS"
    assert deploying.own.records["postgres.user"].notes["password"] == password
    assert deploying.own.records["secret.tls"].outputs["certificate"] == certificate  # type: ignore[index]
    sent = [r for r in rehearsed.requests(since) if r["mutates"]]
    assert not [r for r in sent if r["path"].split("?")[0].endswith(("/disks", "/instances/" + BASE, "/users"))]

    last = deploying.destroy(delete_data=True)
    assert isinstance(last.error, NotYet)  # Cloud Run holds the subnet's addresses for a while
    assert {s.name for s in last.steps if s.action not in (Action.REMOVED, Action.UNCHANGED)} == {"network.subnet"}
    final = {name: r.notes["final"] for name, r in deploying.own.records.items() if "final" in r.notes}
    assert set(final) == {"postgres.instance", "neo4j.disk"}
    left = {(r["type"], r["service"]) for r in rehearsed.inventory()}
    assert ("Backup", "sqladmin") in left
    assert ("Snapshot", "compute") in left
    assert ("Disk", "compute") not in left


def test_without_final_backups_nothing_of_the_data_stays(rehearsed: Rehearsed) -> None:
    deploying = Deploying(rehearsed, final_backup=False)
    assert deploying.up().error is None

    deploying.destroy(delete_data=True)

    left = {r["type"] for r in rehearsed.inventory() if r["marker"] == ID}
    assert left <= {"Subnetwork", "Build"}
    assert "Backup" not in {r["type"] for r in rehearsed.inventory()}


def test_locked_data_is_not_touched(rehearsed: Rehearsed) -> None:
    locked = Deploying(rehearsed).with_options(
        postgres={"deletion_protection": "locked"}, neo4j={"deletion_protection": "locked"}
    )
    cloud = locked.cloud()
    for step in ("postgres.instance", "neo4j.disk", "neo4j.vm"):
        resource: Any = cloud.graph()[step].resource
        assert "locked" in resource.protection(None)


def test_answers_that_are_lost_double_nothing(rehearsed: Rehearsed) -> None:
    deploying = Deploying(rehearsed)
    rehearsed.faults("503=0.1,reset=0.05,lost=0.1,seed=7")

    first = deploying.up()
    rehearsed.faults("")
    assert [r for r in rehearsed.requests() if r["fault"]]
    # At that rate a read of several requests fails eight times in a row in one of some hundred runs.
    assert first.error is None or deploying.up().error is None
    made = [f"{r['service']} {r['type']}" for r in rehearsed.inventory()]
    for kind in ("sqladmin Instance", "compute Instance", "cloudbuild Build", "run Execution", "run Service"):
        assert made.count(kind) == 1, kind
    assert made.count("secretmanager SecretVersion") == 4
    assert {n for n, seen in deploying.plan().items() if seen.state is not State.PRESENT} == set()
