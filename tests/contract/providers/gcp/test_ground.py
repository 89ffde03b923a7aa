"""What everything stands on, through the real runner and Google's own clients."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from memdeploy.engine.ledger import Finished, Noted
from memdeploy.engine.results import RunResult
from memdeploy.engine.step import State
from memdeploy.errors import CloudError, Foreign, NotYet, Refused, StepFailed
from memdeploy.providers.gcp.api_states import APIS
from memdeploy.providers.gcp.cloud import GoogleCloud, open_cloud
from memdeploy.providers.gcp.network import Range
from memdeploy.providers.gcp.vault import Vault
from memdeploy.secret import Secret
from tests.contract.conftest import Serve
from tests.contract.providers.gcp.deploying import PROJECT, Deploying
from tests.support.rehearsed import Rehearsed
from tests.support.waiting import wait_for

SQL = ("network.subnet", "postgres.database", "postgres.user", "image")
SECRETS = ("grants.model", "grants.postgres", "grants.neo4j")
GROUND = ("shared.peering", "network.firewall", "caller", "grants.registry", "grants.hub", "grants.project", *SECRETS)


@dataclass
class Ground(Deploying):
    id: str = "abcdef123456"
    suffix: str = "x7k2"
    key: str | None = "sk-one"

    def cloud(self) -> GoogleCloud:
        given = super().cloud().scope.context
        key = Secret(self.key) if self.key else None
        return open_cloud(replace(given, id=self.id, suffix=self.suffix, model_key=key))

    def make(self, *steps: str) -> RunResult:
        cloud = self.cloud()
        runner = self.runner(cloud.graph().only(steps or GROUND), cloud)
        return runner.ensure(runner.probe())

    def take_away(self, *steps: str) -> RunResult:
        cloud = self.cloud()
        return self.runner(cloud.graph(), cloud).remove(steps)

    def outputs(self, step: str) -> dict[str, Any]:
        record = self.shared.record(step) if step.startswith("shared.") else self.own.record(step)
        return dict(record.outputs or {})


def made(rehearsed: Rehearsed, **more: Any) -> Ground:
    ground = Ground(rehearsed, **more)
    result = ground.make()
    assert result.error is None, result.error
    return ground


def test_it_is_made_with_markers_and_found_unchanged(rehearsed: Rehearsed) -> None:
    ground = made(rehearsed)
    own = {item["marker"] for item in rehearsed.inventory()}
    assert own <= {"abcdef123456", "shared-us-central1", None}
    before = rehearsed.last_request()
    again = ground.make()
    assert again.error is None
    assert {str(step.action) for step in again.steps} == {"unchanged"}
    asked = rehearsed.requests(before)
    assert [r for r in asked if r["mutates"]] == []
    reads = Counter((r["service"], r["method"], r["path"]) for r in asked)
    preflight = {
        "services:batchGet",
        "billingInfo",
        ":testIamPermissions",
        "regions/us-central1",
        ":getEffectiveOrgPolicy",
    }
    several = [key for key, count in reads.items() if count > 1 and not any(key[2].endswith(p) for p in preflight)]
    assert several == []


def test_answers_lost_on_the_way_change_nothing_twice(serve: Serve) -> None:
    rehearsed = serve(faults="lost=0.15,503=0.1,reset=0.05,seed=11")
    made(rehearsed)
    rehearsed.faults("lost=0,seed=1")
    versions = [i["name"] for i in rehearsed.inventory() if i["type"] == "SecretVersion"]
    assert len(versions) == 3
    assert all(name.endswith("/versions/1") for name in versions)
    assert len([i for i in rehearsed.inventory() if i["type"] == "ServiceAccount"]) == 4


@pytest.mark.parametrize("step", ["secret.model", "secret.postgres"])
def test_a_version_whose_answer_was_lost_is_found_and_not_added_again(serve: Serve, step: str) -> None:
    rehearsed = serve(faults="lost@secretmanager.projects.secrets.addVersion=1x")
    ground = Ground(rehearsed)
    assert ground.make(step).error is None
    assert [r["fault"] for r in rehearsed.requests() if r["fault"]] == ["lost"]
    versions = [i["name"] for i in rehearsed.inventory() if i["type"] == "SecretVersion"]
    assert [name.rsplit("/", 1)[1] for name in versions] == ["1"]


def test_preflight_names_all_that_is_wrong_and_touches_nothing(serve: Serve) -> None:
    world = {
        "projects": [
            {
                "id": PROJECT,
                "number": 123456789012,
                "billing": False,
                "enabled": list(APIS),
                "deny": ["cloudsql.instances.create", "run.services.create"],
            }
        ]
    }
    rehearsed = serve(world=world)
    result = Ground(rehearsed).make()
    assert isinstance(result.error, Refused)
    for part in ("billing", "cloudsql.instances.create", "run.services.create"):
        assert part in result.error.message
    assert [r for r in rehearsed.requests() if r["mutates"]] == []


def test_a_project_that_is_not_there(serve: Serve) -> None:
    rehearsed = serve(world={"projects": [{"id": "another-project", "enabled": list(APIS)}]})
    result = Ground(rehearsed).make()
    assert isinstance(result.error, Refused)
    assert PROJECT in result.error.message


def test_permissions_are_asked_for_even_where_the_api_was_off(serve: Serve) -> None:
    rehearsed = serve(world={"projects": [{"id": PROJECT, "enabled": [], "deny": ["run.services.create"]}]})
    result = Ground(rehearsed).make()
    assert isinstance(result.error, Refused)
    assert "run.services.create" in result.error.message
    assert {r["service"] for r in rehearsed.requests() if r["mutates"]} <= {"serviceusage"}


def test_the_caller_is_who_the_credentials_say(rehearsed: Rehearsed) -> None:
    ground = made(rehearsed, options={"gcp": {"project": PROJECT}})
    role = "roles/iam.serviceAccountOpenIdTokenCreator"
    assert ground.outputs("caller")["members"] == {role: [ground.outputs("preflight")["caller"]]}
    assert ground.outputs("preflight")["caller"].startswith("user:")


def test_two_deployments_share_a_network_and_nothing_else(rehearsed: Rehearsed) -> None:
    one = made(rehearsed)
    two = made(rehearsed, name="other", id="zzzzzz654321", suffix="q1w2")
    assert one.outputs("shared.network") == two.outputs("shared.network")
    assert one.outputs("network.subnet")["cidr"] == "10.71.0.0/24"
    assert two.outputs("network.subnet")["cidr"] == "10.71.1.0/24"
    kept = [i for i in rehearsed.inventory() if i["marker"] in ("zzzzzz654321", "shared-us-central1")]
    own = [step.name for step in one.cloud().graph().only(GROUND) if step.scope == "deployment" and not step.transient]
    assert one.take_away(*own).error is None
    left = rehearsed.inventory()
    assert [i for i in left if i["marker"] == "abcdef123456"] == []
    assert [i for i in left if i["marker"] in ("zzzzzz654321", "shared-us-central1")] == kept
    cloud = two.cloud()
    policy = cloud.scope.clients.artifactregistry(
        "projects.locations.repositories.getIamPolicy", resource=two.outputs("shared.hub")["name"]
    )
    members = {member for binding in policy["bindings"] for member in binding["members"]}
    assert members == {f"serviceAccount:other-q1w2-{role}@{PROJECT}.iam.gserviceaccount.com" for role in ("bld", "neo")}


def test_shared_things_in_use_are_protected(rehearsed: Rehearsed) -> None:
    ground = made(rehearsed)
    cloud = ground.cloud()
    run: Any = type("R", (), {"read": staticmethod(lambda call: call()), "find": staticmethod(lambda call: call())})()
    network: Any = cloud.shared_graph()["shared.network"].resource
    assert "support-memory-x7k2-net" in network.protection(run)
    ground.take_away("network.firewall", "network.subnet")
    assert network.protection(run) is None


def test_a_range_of_somebody_else_stays_in_the_peering(rehearsed: Rehearsed) -> None:
    ground = Ground(rehearsed)
    assert ground.make("shared.range").error is None
    clients = ground.cloud().scope.clients
    link = "projects/proj-1/global/networks/memdeploy-us-central1"
    body = {"name": "theirs", "purpose": "VPC_PEERING", "addressType": "INTERNAL", "prefixLength": 24, "network": link}
    clients.compute("globalAddresses.insert", project=PROJECT, body=body)
    number = clients.cloudresourcemanager("projects.get", name=f"projects/{PROJECT}")["name"].split("/")[1]
    path = f"projects/{number}/global/networks/memdeploy-us-central1"
    wait_for(lambda: clients.compute("globalAddresses.get", project=PROJECT, address="theirs")["status"] == "RESERVED")
    clients.servicenetworking(
        "services.connections.patch", name="services/servicenetworking.googleapis.com/connections/-",
        updateMask="reservedPeeringRanges", force=True, body={"network": path, "reservedPeeringRanges": ["theirs"]},
    )  # fmt: skip
    assert ground.make("shared.peering").error is None
    assert ground.outputs("shared.peering")["ranges"] == ["memdeploy-us-central1-range", "theirs"]


def test_a_range_that_another_run_is_still_making_is_waited_for(tmp_path: Path) -> None:
    """The peering takes it only once it is there."""
    slow = Rehearsed.serve(tmp_path / "slow", scale=0.03)
    try:
        ground = Ground(slow, scale=0.03)
        assert ground.make("shared.network").error is None
        cloud = ground.cloud()
        resource = cloud.graph()["shared.range"].resource
        assert isinstance(resource, Range)
        body = resource.body(ground.outputs("shared.network")["link"])
        slow.faults("slow@compute.globalAddresses.insert=1x")  # however busy the machine is
        cloud.scope.clients.compute("globalAddresses.insert", project=PROJECT, body=body)
        assert ground.make("shared.peering").error is None
    finally:
        slow.stop()


def test_a_range_that_was_taken_meanwhile_is_chosen_again(rehearsed: Rehearsed) -> None:
    two = Ground(rehearsed, name="other", id="zzzzzz654321", suffix="q1w2")
    assert two.make("network.subnet").error is None
    one = Ground(rehearsed)
    one.own.commit("network.subnet", Noted({"cidr": "10.71.0.0/24"}))  # chosen by a run that did not get further
    assert one.make("network.subnet").error is None
    assert one.outputs("network.subnet")["cidr"] == "10.71.1.0/24"
    assert one.own.record("network.subnet").notes["cidr"] == "10.71.1.0/24"


def test_a_subnet_still_held_is_a_leftover_not_a_failure(rehearsed: Rehearsed) -> None:
    ground = Ground(rehearsed)
    assert ground.make("neo4j.address").error is None
    result = ground.take_away("network.subnet")
    assert isinstance(result.error, NotYet)
    assert "--finish" in (result.error.suggestion or "")


@pytest.mark.parametrize("theirs", [{}, {"memdeploy": "zzzzzz654321"}])
def test_a_thing_of_somebody_else_is_foreign(rehearsed: Rehearsed, theirs: dict[str, str]) -> None:
    ground = Ground(rehearsed)
    assert ground.make("apis", "account.run").error is None
    vault = Vault(ground.cloud().scope, "support-memory-x7k2-pg")
    vault.create(theirs)
    seen = ground.plan()["secret.postgres"]
    assert seen.state is State.FOREIGN
    assert isinstance(ground.make("secret.postgres").error, Foreign)
    assert dict(vault.get().labels) == theirs


def test_the_models_key_is_renewed_when_it_changed_and_kept_when_none_is_given(rehearsed: Rehearsed) -> None:
    ground = made(rehearsed)
    first = ground.outputs("secret.model")["secret"]
    ground.key = None
    assert ground.make("secret.model").error is None
    assert ground.outputs("secret.model")["secret"] == first
    ground.key = "sk-two"
    assert ground.make("secret.model").error is None
    second = ground.outputs("secret.model")["secret"]
    assert (first["version"], second["version"]) == ("1", "2")
    assert Vault(ground.cloud().scope, second["secret"]).reveal(2) == Secret("sk-two")
    assert "sk-two" not in str(ground.own.records)
    ground.own.records.pop("secret.model")  # a lost journal: the stored value is compared, nothing is added
    assert ground.make("secret.model").error is None
    assert ground.outputs("secret.model")["secret"] == second


def test_a_generated_password_survives_a_lost_journal(rehearsed: Rehearsed) -> None:
    ground = made(rehearsed)
    first = ground.outputs("secret.postgres")
    ground.own.records.pop("secret.postgres")
    assert ground.make("secret.postgres").error is None
    assert ground.outputs("secret.postgres") == first


@pytest.mark.parametrize("journal", ["kept", "lost"])
def test_shared_things_that_nobody_uses_go_without_a_trace(rehearsed: Rehearsed, journal: str) -> None:
    ground = made(rehearsed)
    own = [s.name for s in ground.cloud().graph().only(GROUND) if s.scope == "deployment" and not s.transient]
    assert ground.take_away(*own).error is None
    if journal == "lost":
        ground.shared.records.clear()
    cloud = ground.cloud()
    graph = cloud.shared_graph()
    assert ground.runner(graph, cloud).remove([step.name for step in graph]).error is None
    assert rehearsed.inventory() == []


def test_removing_grants_leaves_what_somebody_else_granted(rehearsed: Rehearsed) -> None:
    ground = made(rehearsed)
    clients = ground.cloud().scope.clients
    policy = clients.cloudresourcemanager("projects.getIamPolicy", resource=f"projects/{PROJECT}", body={})
    theirs = {"role": "roles/viewer", "members": ["user:somebody@example.com"]}
    wanted = {**policy, "bindings": [*policy["bindings"], theirs]}
    clients.cloudresourcemanager("projects.setIamPolicy", resource=f"projects/{PROJECT}", body={"policy": wanted})
    assert ground.take_away("grants.project").error is None
    left = clients.cloudresourcemanager("projects.getIamPolicy", resource=f"projects/{PROJECT}", body={})
    assert left["bindings"] == [theirs]


def test_a_project_that_may_not_build_in_its_region_builds_anywhere(serve: Serve) -> None:
    project = {"id": PROJECT, "number": 123456789012, "billing": True, "enabled": list(APIS)}
    rehearsed = serve(world={"projects": [{**project, "quotas": {"us-central1": {"BUILDS": 0}}}]})

    result = Ground(rehearsed).make("image")

    assert result.error is None, result.error
    asked = [r["path"] for r in rehearsed.requests() if r["service"] == "cloudbuild" and r["mutates"]]
    assert [path.split("/locations/")[1].split("/")[0] for path in asked] == ["us-central1", "global"]


def test_an_instance_whose_creation_failed_is_made_anew(serve: Serve) -> None:
    ground = Ground(serve(faults="fail@sql.instances.insert=1x"))
    assert isinstance(ground.make(*SQL).error, CloudError)

    result = ground.make(*SQL)

    assert result.error is None, result.error
    assert ground.outputs("postgres.instance")["running"] is True


def test_an_instance_that_was_usable_once_is_never_made_anew(serve: Serve) -> None:
    """FAILED may also be the end of a maintenance: then there is data in it."""
    ground = Ground(serve(faults="fail@sql.instances.insert=1x"))
    ground.make(*SQL)
    ground.own.commit("postgres.instance", Finished({"name": "x"}, {"postgres.version": 17}, 1.0))
    since = ground.rehearsed.last_request()

    result = ground.make(*SQL)

    assert isinstance(result.error, StepFailed)
    assert "holds data" in (result.error.suggestion or "")
    assert not [r for r in ground.rehearsed.requests(since) if r["method"] == "DELETE"]


def test_no_token_stands_in_an_address(rehearsed: Rehearsed) -> None:
    """Addresses are logged by servers and quoted by errors; `tokeninfo` would take it there."""
    records: list[Any] = []
    ground = Ground(rehearsed)
    cloud = open_cloud(replace(ground.cloud().scope.context, wire=records.append))

    result = ground.runner(cloud.graph().only(("preflight",)), cloud).ensure()

    assert result.error is None, result.error
    assert ground.outputs("preflight")["caller"] == "user:you@example.com"
    addresses = [str(record["url"]) for record in records]
    assert any("userinfo" in address for address in addresses)
    assert not [address for address in addresses if "token=" in address]
