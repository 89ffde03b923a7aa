"""Taking one deployment away among others: what goes, what rests, what comes back, and what nobody may touch.

One story on one served rehearsal, told once for the module; each test looks at its own part of it. Alpha and beta live
in one project with decoys (`decoys.py`). Alpha is destroyed without its data, comes back, and is destroyed with it;
then beta; then what they shared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.product import decoys
from tests.contract.product.contents import contents, without
from tests.support.cli import Memdeploy, Outcome
from tests.support.rehearsed import Rehearsed

#: The story is told once, by whichever test is first: on a busy machine that takes minutes.
pytestmark = [pytest.mark.xdist_group("destroy"), pytest.mark.timeout(900)]

ALPHA, BETA, PROJECT = decoys.NAME, "beta", decoys.PROJECT
UP = ("up", "--yes", "--provider", "gcp", "--project", PROJECT, "--name")
DESTROY = ("destroy", "--yes", "--name")
SHARED = ("destroy", "--shared", "--yes", "--provider", "gcp", "--project", PROJECT)
SHARED_NAME = f"memdeploy-{decoys.REGION}"
SCALE = 0.0005


@dataclass
class Part:
    """One command of the story: what it said, which requests came of it, and what there was afterwards."""

    outcome: Outcome
    requests: list[dict[str, Any]]
    others: dict[str, str]
    inventory: list[dict[str, Any]]
    data: dict[str, Any]

    @property
    def changed(self) -> list[tuple[str, str]]:
        """Requests of ours that change something: service and verb with path."""
        asked = [r for r in self.requests if r["mutates"] and r["service"] != "_service"]
        return [(r["service"], f"{r['method']} {r['path']}") for r in asked]

    @property
    def error(self) -> dict[str, Any]:
        return dict(self.outcome.json["errors"][0])


@dataclass
class Story:
    cloud: Rehearsed
    memdeploy: Memdeploy
    theirs: dict[str, str]
    alpha: Mapping[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    def __getitem__(self, part: str) -> Part:
        return self.parts[part]

    @property
    def base(self) -> str:
        return f"{ALPHA}-{self.alpha['suffix']}"

    def tell(self, part: str, *line: str, expect: int = 0) -> None:
        since = self.cloud.last_request()
        outcome = self.memdeploy(*line, expect=expect)
        requests = self.cloud.requests(since)
        self.parts[part] = Part(outcome, requests, self._others(), self.cloud.inventory(), self._data())

    def alphas(self, part: str) -> set[str]:
        """Kinds of alpha's own things that were there after that part."""
        own = (item for item in self[part].inventory if not self._not_alphas(item))
        return {f"{item['service']} {item['type']}" for item in own}

    def _others(self) -> dict[str, str]:
        """All that is not alpha's: beta's, the decoys, what is shared."""
        return without(contents(self.cloud, PROJECT, decoys.NUMBER, self._not_alphas), self.base, SHARED_NAME)

    def _not_alphas(self, item: Mapping[str, Any]) -> bool:
        return item["marker"] != self.alpha["id"] and f"/packages/{self.base}" not in item["name"]

    def _data(self) -> dict[str, Any]:
        """Alpha's memories and what they need, by what identifies them; empty when they are gone."""
        instance, disk = f"{PROJECT}/instances/{self.base}-sql", f"{decoys.ZONE}/disks/{self.base}-data"
        names = {item["name"] for item in self.cloud.inventory()}
        if f"projects/{instance}" not in names:
            return {}
        found = self.cloud.ask("GET", f"/sqladmin/v1/projects/{instance}")
        address = f"{PROJECT}/regions/{decoys.REGION}/addresses/{self.base}-neo"
        return {
            "instance made": found["createTime"],
            "instance address": found["ipAddresses"],
            "activation": found["settings"]["activationPolicy"],
            "disk": self.cloud.ask("GET", f"/compute/compute/v1/projects/{PROJECT}/zones/{disk}")["id"],
            "address": self.cloud.ask("GET", f"/compute/compute/v1/projects/{address}")["address"],
            **{f"secret {role}": self._versions(role) for role in ("pg", "neo", "tls")},
        }

    def _versions(self, role: str) -> list[tuple[str, str]]:
        """Of a secret: (version, value), the oldest first."""
        place = f"/secretmanager/v1/projects/{PROJECT}/secrets/{self.base}-{role}/versions"
        names = sorted(version["name"].rsplit("/", 1)[-1] for version in self.cloud.ask("GET", place)["versions"])
        return [(name, self.cloud.ask("GET", f"{place}/{name}:access")["payload"]["data"]) for name in names]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("destroy")
    world, user = folder / "world.yaml", folder / "user"
    world.write_text(yaml.safe_dump(decoys.world()))
    user.mkdir()
    cloud = Rehearsed.serve(folder / "cloud", world=world, scale=SCALE)
    try:
        decoys.deploy_services(cloud)
        theirs = contents(cloud, PROJECT, decoys.NUMBER, lambda item: True)
        told = Story(cloud, Memdeploy(user, cloud.environment), theirs)
        _tell_of_alpha(told)
        _tell_of_beta(told)
        _tell_of_the_end(told)
        yield told
    finally:
        cloud.stop()


def _tell_of_alpha(story: Story) -> None:
    _file(story, "beta.yaml", "off")
    story.memdeploy("up", "--yes", "--file", "beta.yaml")
    story.memdeploy(*UP, ALPHA)
    story.alpha = story.memdeploy.identity(ALPHA)
    decoys.imitate(story.cloud, story.base)
    story.tell("deployed", "status", "--name", ALPHA)
    story.tell("shared by both", *SHARED, expect=3)
    story.tell("at rest", *DESTROY, ALPHA)
    story.tell("at rest still", *DESTROY, ALPHA)
    story.tell("status at rest", "status", "--name", ALPHA)
    story.tell("plan at rest", "plan", "--name", ALPHA)
    story.tell("back", *UP, ALPHA)
    story.cloud.hold(_subnet(story.base))
    story.tell("deleted", *DESTROY, ALPHA, "--delete-data", expect=11)
    story.tell("too early", *DESTROY, ALPHA, "--finish", expect=11)
    story.cloud.let_go()
    story.tell("finished", *DESTROY, ALPHA, "--finish")
    story.tell("no more", *DESTROY, ALPHA, "--delete-data", expect=8)
    story.tell("never was", *DESTROY, "gamma", expect=8)


def _tell_of_beta(story: Story) -> None:
    cloud, beta = story.cloud, story.memdeploy.identity(BETA)
    base = f"{BETA}-{beta['suffix']}"
    instance = f"/sqladmin/v1/projects/{PROJECT}/instances/{base}-sql"
    machine = f"/compute/compute/v1/projects/{PROJECT}/zones/{decoys.ZONE}/instances/{base}-neo/setDeletionProtection"
    _file(story, "locked.yaml", "locked")
    story.tell("locked", *DESTROY, BETA, "--delete-data", "--file", "locked.yaml", expect=3)
    cloud.ask("PATCH", instance, {"settings": {"deletionProtectionEnabled": True}})
    story.tell("instance protected", *DESTROY, BETA, "--delete-data", expect=3)
    cloud.ask("PATCH", instance, {"settings": {"deletionProtectionEnabled": False}})
    cloud.ask("POST", machine)
    story.tell("machine protected", *DESTROY, BETA, expect=3)
    cloud.ask("POST", f"{machine}?deletionProtection=false")
    decoys.usurp(cloud, base)
    story.tell("usurped", "up", "--yes", "--name", BETA, expect=3)
    story.tell("shared by one", *SHARED, expect=3)
    cloud.hold(_subnet(base))
    story.tell("beta deleted", *DESTROY, BETA, "--delete-data", "--no-final-backup", expect=11)
    cloud.let_go("subnetworks")
    story.tell("beta finished", *DESTROY, BETA, "--finish")


def _tell_of_the_end(story: Story) -> None:
    """Cloud SQL's leavings hold the peering for days, which only the connection's own delete minds."""
    network = f"projects/{PROJECT}/global/networks/{SHARED_NAME}"
    story.cloud.hold(f"{network}/peerings/servicenetworking-googleapis-com")
    story.tell("shared gone", *SHARED)


def _subnet(base: str) -> str:
    return f"projects/{PROJECT}/regions/{decoys.REGION}/subnetworks/{base}-net"


def _file(story: Story, name: str, protection: str) -> None:
    """Beta's configuration."""
    postgres, neo4j = {"deletion_protection": protection}, {"deletion_protection": protection}
    values = {"version": 1, "name": BETA, "provider": "gcp", "gcp": {"project": PROJECT}}
    text = yaml.safe_dump({**values, "postgres": postgres, "neo4j": neo4j})
    (story.memdeploy.folder / name).write_text(text)


# -- alpha -----------------------------------------------------------------------------------------------------------


def test_others_are_untouched_to_the_byte(story: Story) -> None:
    at_first = story["deployed"].others
    assert len(at_first) > 100
    for part in ("shared by both", "at rest", "plan at rest", "back", "deleted", "finished", "no more", "never was"):
        assert story[part].others == at_first, part


@pytest.mark.parametrize("part", ["shared by both", "shared by one"])
def test_what_is_shared_stays_while_somebody_uses_it(story: Story, part: str) -> None:
    assert (story[part].error["code"], story[part].changed) == ("in-use", [])


def test_without_delete_data_the_data_rests_with_what_it_needs(story: Story) -> None:
    assert story.alphas("at rest") == {
        "artifactregistry Package", "artifactregistry Tag", "artifactregistry Version", "cloudbuild Build",
        "compute Address", "compute Disk", "compute ResourcePolicy", "compute Subnetwork", "secretmanager Secret",
        "secretmanager SecretVersion", "sqladmin Database", "sqladmin Instance", "sqladmin User",
    }  # fmt: skip
    assert story["deployed"].data["activation"] == "ALWAYS"
    assert story["at rest"].data == story["deployed"].data | {"activation": "NEVER"}
    instance = f"/v1/projects/{PROJECT}/instances/{story.base}-sql"
    assert [done for done in story["at rest"].changed if done[0] == "sqladmin"] == [("sqladmin", f"PATCH {instance}")]
    kept = {row["step"]: row for row in story["at rest"].outcome.data["kept"]}
    assert kept["postgres.instance"]["cost_per_month"] > 0
    assert kept["neo4j.disk"]["cost_per_month"] > 0


def test_destroying_again_what_rests_changes_nothing(story: Story) -> None:
    assert story["at rest still"].changed == []
    assert story["at rest still"].data == story["at rest"].data


def test_status_and_plan_say_kept_and_ask_nothing_of_a_stopped_instance(story: Story) -> None:
    steps = {step["name"]: step for step in story["status at rest"].outcome.data["steps"]}
    assert {name for name, step in steps.items() if step["state"] == "kept"} == {
        "image", "neo4j.address", "neo4j.disk", "neo4j.image", "neo4j.snapshots", "network.subnet", "postgres.database",
        "postgres.instance", "postgres.user", "secret.neo4j", "secret.postgres", "secret.tls",
    }  # fmt: skip
    planned = {action["step"]: action for action in story["plan at rest"].outcome.data["actions"]}
    for part in ("status at rest", "plan at rest"):
        asked = story[part].requests
        assert story[part].changed == []
        assert not [r for r in asked if f"{story.base}-sql/" in r["path"] and not r["path"].endswith("listServerCas")]
        assert not [r for r in asked if r["status"] not in (200, 404)]
    for name in ("postgres.database", "postgres.user"):
        assert "kept" in steps[name]["reason"]
        assert "kept" in planned[name]["reason"]
    assert planned["postgres.instance"]["changes"] == [
        {"path": "settings.activationPolicy", "old": "NEVER", "new": "ALWAYS", "effect": "in-place"}
    ]


def test_up_lives_on_with_exactly_what_was_kept(story: Story) -> None:
    assert story["back"].data == story["deployed"].data
    steps = {step["name"]: step["status"] for step in story["back"].outcome.data["steps"]}
    assert steps["postgres.instance"] == "updated"
    for name in ("neo4j.disk", "neo4j.address", "secret.postgres", "secret.neo4j", "secret.tls", "network.subnet"):
        assert steps[name] == "adopted", name
    made = {what for service, what in story["back"].changed if service in ("sqladmin", "cloudbuild") and "POST" in what}
    assert made == set()
    assert story["back"].outcome.data["release"] == story["deployed"].outcome.data["release"]


def test_a_final_backup_and_a_snapshot_outlive_the_data(story: Story) -> None:
    deleted = story["deleted"].outcome.data
    assert [left["what"] for left in deleted["leftovers"] if "waits" not in left["reason"]] == ["network.subnet"]
    assert deleted["finish"] == f"memdeploy destroy --finish --name {ALPHA}"
    assert [part.outcome.data["backups"] for part in (story["deleted"], story["finished"])] == [deleted["backups"]] * 2
    backup, snapshot = sorted(deleted["backups"], key=lambda row: str(row["what"]))
    [kept] = story.cloud.ask("GET", f"/sqladmin/v1/projects/{PROJECT}/backups")["backups"]
    assert (kept["type"], kept["instance"].rsplit("/", 1)[-1]) == ("FINAL", f"{story.base}-sql")
    assert kept["description"] in backup["where"]
    assert kept["expiryTime"].startswith(backup["expires"])
    name = snapshot["where"].removeprefix("snapshot ")
    assert name.startswith(f"{story.base}-data-")
    taken = story.cloud.ask("GET", f"/compute/compute/v1/projects/{PROJECT}/global/snapshots/{name}")
    assert (taken["status"], taken["sourceDiskId"]) == ("READY", story["deployed"].data["disk"])
    assert snapshot["expires"] is None


def test_finish_takes_what_the_cloud_had_held(story: Story) -> None:
    assert story["too early"].outcome.data["leftovers"] == story["deleted"].outcome.data["leftovers"]
    assert story.alphas("deleted") - story.alphas("finished") == {"compute Subnetwork"}
    assert story.alphas("finished") == {"cloudbuild Build", "compute Snapshot", "sqladmin Backup"}
    assert story["finished"].outcome.data["leftovers"] == []


@pytest.mark.parametrize("part", ["no more", "never was"])
def test_there_is_nothing_to_destroy(story: Story, part: str) -> None:
    assert (story[part].error["code"], story[part].changed) == ("no-deployment", [])


# -- beta ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "word"),
    [("locked", "locked"), ("instance protected", "somebody else"), ("machine protected", "somebody else")],
)
def test_what_is_protected_is_left_alone_and_all_else_with_it(story: Story, part: str, word: str) -> None:
    assert (story[part].error["code"], story[part].changed) == ("protected", [])
    assert word in story[part].error["message"]


def test_what_took_the_place_of_ours_is_not_ours(story: Story) -> None:
    assert (story["usurped"].error["code"], story["usurped"].changed) == ("foreign", [])
    assert story["usurped"].error["step"] == "secret.model"
    secret = next(name for name in story["usurped"].others if name.startswith("secretmanager Secret") and BETA in name
                  and name.endswith("-key"))  # fmt: skip
    assert story["shared gone"].others[secret] == story["usurped"].others[secret]


def test_no_final_backup_leaves_none(story: Story) -> None:
    assert story["beta deleted"].outcome.data["backups"] == []
    kept = [item for item in story["beta finished"].inventory if item["type"] in ("Backup", "Snapshot")]
    assert not [item for item in kept if f"/{BETA}-" in item["name"]]
    assert len([item for item in kept if item["type"] == "Backup"]) == 1


# -- the end ---------------------------------------------------------------------------------------------------------


def test_only_the_decoys_are_left(story: Story) -> None:
    assert story["shared gone"].outcome.data["leftovers"] == []
    assert any(what.endswith("/removePeering") for _, what in story["shared gone"].changed)
    left = dict(story["shared gone"].others)
    policy = json.loads(left.pop("policy of the project"))
    assert not [member for binding in policy.get("bindings", []) for member in binding["members"]]
    theirs = {name: text for name, text in story.theirs.items() if name != "policy of the project"}
    assert {name: left.get(name) for name in theirs} == theirs
    more = {name.split(" ", 2)[1] for name in set(left) - set(theirs) if not _imitated(story, name)}
    assert more == {"Build"}


def _imitated(story: Story, name: str) -> bool:
    return story.base in name or (BETA in name and "-key" in name)


# -- what is in the way ----------------------------------------------------------------------------------------------


def test_what_is_in_the_way_and_not_ours_stops_up_before_it_begins(tmp_path: Path) -> None:
    """The shared things have fixed names, so that somebody may have taken them: all are named, none is touched."""
    (tmp_path / "world.yaml").write_text(yaml.safe_dump(decoys.in_the_way()))
    (tmp_path / "user").mkdir()
    cloud = Rehearsed.serve(tmp_path / "cloud", world=tmp_path / "world.yaml", scale=SCALE)
    try:
        before = contents(cloud, PROJECT, decoys.NUMBER, lambda item: True)
        since = cloud.last_request()
        memdeploy = Memdeploy(tmp_path / "user", cloud.environment)
        errors = memdeploy(*UP, ALPHA, expect=3).json["errors"]
        assert {(error["code"], error["step"]) for error in errors} == {
            ("foreign", f"shared.{what}") for what in ("network", "range", "registry", "hub")
        }
        assert [r for r in cloud.requests(since) if r["mutates"]] == []
        assert contents(cloud, PROJECT, decoys.NUMBER, lambda item: True) == before
        assert memdeploy(*DESTROY, ALPHA, expect=8).json["errors"][0]["code"] == "no-deployment"
    finally:
        cloud.stop()
