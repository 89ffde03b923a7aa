"""The table of releases, the locks that belong to it, and where memories can go from one to another."""

from __future__ import annotations

import re
from itertools import permutations

import pytest

from memdeploy.config.model import Deployment
from memdeploy.errors import ExitCode, Refused, UsageError
from memdeploy.memmachine import releases, upgrades
from memdeploy.memmachine.files import docker_files
from memdeploy.memmachine.releases import RELEASES
from memdeploy.memmachine.upgrades import Way

DEPLOYED = ["0.4.0", "0.3.9", "0.2.6"]


def test_the_default_is_the_configurations_and_tested() -> None:
    assert Deployment.model_fields["release"].default == releases.DEFAULT
    assert RELEASES[releases.DEFAULT].tested
    assert releases.deployable() == DEPLOYED


@pytest.mark.parametrize(
    ("version", "nearest"),
    [("0.3.5", "0.3.9"), ("0.3", "0.3.9"), ("0.2.0", "0.2.6"), ("0.1.6", "0.2.6"), ("latest", "0.2.6"),
     ("1.0", "0.4.0"), ("0.4.1", "0.4.0"), ("9.9.9", "0.4.0")],
)  # fmt: skip
def test_an_unknown_release_is_refused_with_the_nearest(version: str, nearest: str) -> None:
    with pytest.raises(UsageError) as caught:
        releases.to_deploy(version)
    assert caught.value.code == "unknown-release"
    assert f"nearest supported release is {nearest};" in str(caught.value.suggestion)
    assert "supported: 0.4.0, 0.3.9, 0.2.6." in str(caught.value.suggestion)


def test_a_release_is_found_by_upstreams_tag_too() -> None:
    assert releases.find("v0.4.0-cpu") is RELEASES["0.4.0"]
    assert RELEASES["0.3.9"].upstream_image == "memmachine/memmachine:v0.3.9-cpu"


def test_the_guides_era_is_listed_untested_and_not_deployed() -> None:
    guide = releases.find("0.1.10")
    assert (guide.tested, guide.api, guide.health_path, guide.packages) == (False, "v1", "/health", ())
    assert "psycopg2" in guide.drivers
    with pytest.raises(Refused) as caught:
        releases.to_deploy("0.1.10")
    assert caught.value.exit_code is ExitCode.REFUSED
    assert "in no package registry" in caught.value.message
    assert "0.2.6" in str(caught.value.suggestion)


def test_what_every_deployable_release_has() -> None:
    for version in DEPLOYED:
        found = releases.to_deploy(version)
        assert found.tested
        assert found.health_path == "/api/v2/health"
        assert found.upstream_tag == f"v{version}-cpu"
        assert re.fullmatch("[0-9a-f]{12}", str(found.schema_head))
    assert [RELEASES[v].without_neo4j for v in DEPLOYED] == [True, True, False]
    assert [RELEASES[v].uid for v in DEPLOYED] == ["uuid", "integer", "integer"]
    assert [RELEASES[v].module for v in DEPLOYED] == ["memmachine_server", "memmachine_server", "memmachine"]


@pytest.mark.parametrize("version", DEPLOYED)
def test_the_hash_lock_is_one_line_a_package_with_the_wheels_of_both_machines(version: str) -> None:
    release = RELEASES[version]
    lines = (docker_files() / release.requirements).read_text().splitlines()[1:]
    assert len(lines) > 100
    assert all(re.fullmatch(r"[\w.-]+==\S+( --hash=sha256:[0-9a-f]{64}){1,2}", line) for line in lines)
    compiled = {line.split("==")[0] for line in lines if line.count("--hash") == 2}
    assert {"asyncpg", "numpy", "pydantic-core", "neo4j-rust-ext"} <= compiled
    pinned = dict(line.split(" ")[0].split("==") for line in lines)
    for package in release.packages:
        assert pinned[package] == version
    assert [name for name in pinned if name.startswith("memmachine")] == sorted(release.packages)
    assert pinned["neo4j-rust-ext"].startswith(pinned["neo4j"] + ".")


WAYS = {
    ("0.2.6", "0.3.9"): (Way.IN_PLACE, True),
    ("0.3.9", "0.4.0"): (Way.MIGRATE, True),
}


@pytest.mark.parametrize(("before", "after"), list(permutations(RELEASES, 2)))
def test_only_what_was_found_to_keep_memories_is_allowed(before: str, after: str) -> None:
    row = upgrades.upgrade(before, after)
    assert (row.before, row.after) == (before, after)
    assert (row.way, row.keeps_data) == WAYS.get((before, after), (Way.REFUSED, False))
    if row.way is Way.REFUSED:
        assert (row.refusal.code, row.refusal.suggestion) == ("upgrade-refused", row.suggestion)
        assert row.reason in row.refusal.message
        assert row.suggestion


def test_two_steps_are_named() -> None:
    row = upgrades.upgrade("0.2.6", "0.4.0")
    assert row.by_way_of == ("0.3.9",)
    assert [upgrades.upgrade(*step).way for step in (("0.2.6", "0.3.9"), ("0.3.9", "0.4.0"))] == ["in-place", "migrate"]


def test_downwards_goes_by_a_backup_only() -> None:
    for before, after in (("0.4.0", "0.3.9"), ("0.3.9", "0.2.6"), ("0.4.0", "0.2.6")):
        assert "backup that was made with" in str(upgrades.upgrade(before, after).suggestion)


def test_the_same_release_is_no_upgrade() -> None:
    row = upgrades.upgrade("0.4.0", "v0.4.0-cpu")
    assert (row.way, row.keeps_data) == (Way.NONE, True)


def test_an_upgrade_from_or_to_nowhere_is_a_usage_error() -> None:
    for pair in (("0.3.5", "0.4.0"), ("0.3.9", "0.5.0")):
        with pytest.raises(UsageError):
            upgrades.upgrade(*pair)


def test_the_table_has_every_pair_once_and_untested_rows_say_so() -> None:
    rows = upgrades.table()
    assert len({(row.before, row.after) for row in rows}) == len(rows) == len(RELEASES) * (len(RELEASES) - 1)
    assert all(not row.tested for row in rows if "0.1.10" in (row.before, row.after))
