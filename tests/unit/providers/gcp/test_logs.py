"""Whose lines a filter takes, as the query language reads it."""

from __future__ import annotations

from typing import Any

import pytest

from memdeploy.providers.gcp import logs
from memdeploy.rehearsal.rules.logging import matches

from .bodies import scope

SIDECAR = {"neo4j": {"mode": "sidecar"}}


def entry(kind: str, *, labels: dict[str, str] | None = None, **resource: str) -> dict[str, Any]:
    return {"resource": {"type": kind, "labels": resource}, "labels": labels or {}}


def of_service(container: str | None = None) -> dict[str, Any]:
    labels = {"container_name": container} if container else {}
    return entry("cloud_run_revision", labels=labels, service_name="support-memory-x7k2-api")


ENTRIES = {
    "service": of_service(),
    "prepare": entry("cloud_run_job", job_name="support-memory-x7k2-prep"),
    "postgres": entry("cloudsql_database", database_id="proj-1:support-memory-x7k2-sql"),
    "build": entry("build", labels={"build_tags": "memdeploy,memdeploy-abcdef123456-77aa"}),
    "neo4j": entry("gce_instance", labels={"instance_name": "support-memory-x7k2-neo"}),
    "another build": entry("build", labels={"build_tags": "memdeploy-zzzzzz123456-77aa"}),
    "another service": entry("cloud_run_revision", service_name="support-memory-aaaa-api"),
}


@pytest.mark.parametrize("component", logs.COMPONENTS)
def test_a_component_takes_its_own_lines_and_no_others(component: str) -> None:
    chosen = logs.filters(scope(), component)
    assert chosen is not None
    assert [name for name, found in ENTRIES.items() if matches(found, chosen)] == [component]


def test_a_sidecar_speaks_from_the_second_container_of_the_service() -> None:
    said = {name: of_service(name) for name in ("memmachine", "neo4j")} | {"the system": of_service()}
    by = {
        component: [
            name for name, found in said.items() if matches(found, str(logs.filters(scope(**SIDECAR), component)))
        ]
        for component in ("service", "neo4j")
    }
    assert by == {"service": ["memmachine", "the system"], "neo4j": ["neo4j"]}
    assert logs.absent(scope(**SIDECAR)) == {}


def test_an_external_neo4j_is_said_to_be_elsewhere() -> None:
    external = scope(neo4j={"mode": "external", "uri": "neo4j+s://x.example"})
    assert "a server of yours" in logs.absent(external)["neo4j"]
