"""Bodies of Cloud SQL and of Neo4j's machine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memdeploy.engine.step import Difference, Effect
from memdeploy.providers.gcp import neo4j_body, postgres
from memdeploy.providers.gcp.neo4j_machine import cpus, memory_mb
from memdeploy.providers.gcp.neo4j_storage import Neo4jDisk
from memdeploy.providers.gcp.postgres import PostgresInstance
from memdeploy.providers.gcp.postgres_parts import pem

from .bodies import CONTAINER, MACHINE, golden, scope

SQL = {"network": CONTAINER["network"], "range": "memdeploy-us-central1-range"}


class Inputs:
    """Of a run, as far as `desired` looks."""

    def __init__(self, inputs: dict[str, Any]) -> None:
        self.inputs = inputs


def sql_judged(live: dict[str, Any], applied: dict[str, Any] | None = None, **options: Any) -> tuple[Difference, ...]:
    resource = PostgresInstance(scope(**options), name="sql")
    desired = resource.desired(Inputs(SQL))  # type: ignore[arg-type]
    return resource.differences(desired, resource.view(live), applied)


def sql_differences(live: dict[str, Any], **options: Any) -> list[tuple[str, Any, Any]]:
    return [(d.field, d.have, d.want) for d in sql_judged(live, **options)]


def served(**settings: Any) -> dict[str, Any]:
    live = json.loads(json.dumps(postgres.instance_body(scope(), "sql", SQL)))
    live["settings"] |= {"settingsVersion": "3", "dataDiskSizeGb": "10", "pricingPlan": "PER_USE"} | settings
    live["settings"]["ipConfiguration"]["requireSsl"] = True
    return live


def test_the_instance_is_as_agreed() -> None:
    golden("postgres-instance", postgres.instance_body(scope(), "support-memory-x7k2-sql", SQL))


def test_production_has_a_standby() -> None:
    settings = postgres.instance_body(scope(profile="production"), "sql", SQL)["settings"]

    assert settings["availabilityType"] == "REGIONAL"
    assert settings["tier"] == "db-custom-2-7680"


def test_defaults_of_the_server_are_no_drift() -> None:
    assert sql_differences(served()) == []


def test_storage_that_grew_by_itself_is_no_drift() -> None:
    assert sql_differences(served(dataDiskSizeGb="25")) == []
    assert sql_differences(served(), postgres={"disk_gb": 40}) == [("postgres.disk_gb", 10, 40)]
    assert sql_judged(served(dataDiskSizeGb="25"), {"postgres.disk_gb": 12}, postgres={"disk_gb": 20}) == ()


def test_less_storage_than_before_is_forbidden_when_it_was_written_and_no_matter_of_a_profile() -> None:
    before = {"postgres.disk_gb": 20}
    (found,) = sql_judged(served(dataDiskSizeGb="25"), before, postgres={"disk_gb": 15})
    assert (found.field, found.have, found.want, found.effect) == ("postgres.disk_gb", 25, 15, Effect.FORBIDDEN)
    assert "larger" in (found.reason or "")
    assert sql_judged(served(dataDiskSizeGb="20"), before) == ()


def test_a_stopped_instance_is_to_be_started() -> None:
    assert sql_differences(served(activationPolicy="NEVER")) == [("settings.activationPolicy", "NEVER", "ALWAYS")]


def test_another_version_is_forbidden() -> None:
    (found,) = sql_judged(served(), postgres={"version": 16})

    assert (found.field, found.effect) == ("postgres.version", Effect.FORBIDDEN)


def test_a_patch_holds_what_changed_and_nothing_else() -> None:
    wanted = {
        "postgres.tier": "db-custom-2-7680",
        "postgres.disk_gb": 40,
        "settings.ipConfiguration.sslMode": "ENCRYPTED_ONLY",
        "settings.activationPolicy": "ALWAYS",
    }

    assert postgres.settings_patch(wanted) == {
        "tier": "db-custom-2-7680",
        "dataDiskSizeGb": "40",
        "ipConfiguration": {"sslMode": "ENCRYPTED_ONLY"},
        "activationPolicy": "ALWAYS",
    }


def test_all_authorities_are_trusted_in_a_stable_order() -> None:
    old, new = {"cert": "OLD\n", "createTime": "2025"}, {"cert": "NEW", "createTime": "2026"}

    assert pem({"certs": [new, old]}) == pem({"certs": [old, new]}) == "OLD\nNEW\n"


# -- Neo4j ------------------------------------------------------------------------------------------------------------


def items(body: dict[str, Any]) -> dict[str, str]:
    return {item["key"]: item["value"] for item in body["metadata"]["items"]}


def test_the_machine_is_as_agreed() -> None:
    body = neo4j_body.instance_body(scope(), "support-memory-x7k2-neo", MACHINE)
    assert items(body)["startup-script"] == neo4j_body.boot_script()

    for item in body["metadata"]["items"]:
        if item["key"] in ("startup-script", "memdeploy-generation"):
            item["value"] = "…"
    golden("neo4j-machine", body)


def test_the_machine_may_format_a_fresh_disk_only() -> None:
    fresh = items(neo4j_body.instance_body(scope(), "vm", MACHINE))
    known = items(neo4j_body.instance_body(scope(), "vm", {**MACHINE, "fresh": False}))

    assert fresh["memdeploy-format"] == fresh["memdeploy-device"] == "neo4j-4711"
    assert "memdeploy-format" not in known


def test_the_generation_names_one_configuration_of_one_boot() -> None:
    def generation(attempt: int = 0, **inputs: Any) -> str:
        return neo4j_body.metadata(scope(), {**MACHINE, **inputs}, attempt)["memdeploy-generation"]

    assert generation() == generation()
    assert generation() == generation(fresh=False)
    others = {generation(1), generation(address="10.71.0.6"), generation(image="x@sha256:1"), generation(disk_gb=50)}
    assert len({generation(), *others}) == 5


def test_a_change_of_metadata_keeps_what_others_set_and_what_the_insert_allowed() -> None:
    live = {"metadata": {"fingerprint": "f1", "items": [
        {"key": "ssh-keys", "value": "theirs"},
        {"key": "memdeploy-format", "value": "neo4j-4711"},
        {"key": "memdeploy-image", "value": "old"},
    ]}}  # fmt: skip

    body = neo4j_body.changed_metadata(live, {"memdeploy-image": "new"})

    assert body["fingerprint"] == "f1"
    assert {i["key"]: i["value"] for i in body["items"]} == {
        "ssh-keys": "theirs",
        "memdeploy-format": "neo4j-4711",
        "memdeploy-image": "new",
    }
    cleared = neo4j_body.without_format(live)
    assert [i["key"] for i in cleared["items"]] == ["memdeploy-image", "ssh-keys"]


@pytest.mark.parametrize(
    ("machine", "memory"),
    [
        ("e2-small", 2048),
        ("e2-medium", 4096),
        ("e2-standard-2", 8192),
        ("n2-highmem-4", 32768),
        ("e2-custom-2-5120", 5120),
        ("m3-ultramem-32", None),
    ],
)
def test_memory_of_machine_types(machine: str, memory: int | None) -> None:
    assert memory_mb(machine) == memory


def test_a_disk_can_only_be_made_larger() -> None:
    resource = Neo4jDisk(scope(neo4j={"disk_gb": 10}), name="d")
    desired = resource.desired(Inputs({"snapshots": "projects/p/regions/r/resourcePolicies/s"}))  # type: ignore[arg-type]
    live = {
        "sizeGb": "20",
        "labels": resource.scope.marker.labels,
        "resourcePolicies": ["https://www.googleapis.com/compute/v1/projects/p/regions/r/resourcePolicies/s"],
    }

    (found,) = resource.differences(desired, resource.view(live))

    assert (found.field, found.effect) == ("neo4j.disk_gb", Effect.FORBIDDEN)


def test_labels_of_others_stay_when_ours_are_brought() -> None:
    resource = PostgresInstance(scope(), name="sql")
    live = served(userLabels={"cost-center": "42"})
    desired = resource.desired(Inputs(SQL))  # type: ignore[arg-type]

    (found,) = resource.differences(desired, resource.view(live))
    wanted = postgres.settings_patch({found.field: postgres._beside_others(found, live)})

    assert wanted == {"userLabels": {"cost-center": "42", **scope().marker.labels}}


@pytest.mark.parametrize(
    ("machine", "count"), [("e2-medium", 2), ("e2-standard-8", 8), ("n2-custom-6-20480", 6), ("m3-ultramem-32", 2)]
)
def test_a_machines_cpus_count_against_the_quota(machine: str, count: int) -> None:
    assert cpus(machine) == count
