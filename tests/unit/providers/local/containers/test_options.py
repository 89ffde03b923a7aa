"""Options that cannot be had on this machine are refused, each with its reason; all others pass."""

from __future__ import annotations

from typing import Any

import pytest

from memdeploy.errors import Refused, UsageError
from memdeploy.providers.local.containers import options
from tests.unit.providers.local.containers.made import deployment


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"neo4j": {"mode": "sidecar"}}, "neo4j.mode"),
        ({"neo4j": {"mode": "cloud-run"}}, "neo4j.mode"),
        ({"neo4j": {"machine": "e2-medium"}}, "neo4j.machine"),
        ({"neo4j": {"disk_gb": 20}}, "neo4j.disk_gb"),
        ({"postgres": {"connectivity": "connector"}}, "postgres.connectivity"),
        ({"postgres": {"tier": "db-custom-1-3840"}}, "postgres.tier"),
        ({"postgres": {"disk_gb": 20}}, "postgres.disk_gb"),
        ({"service": {"instances": {"min": 0}}}, "service.instances.min"),
        ({"service": {"instances": {"min": 1, "max": 4}}}, "service.instances.max"),
        ({"model": {"key": {"secret": "projects/p/secrets/s"}}}, "model.key.secret"),
    ],
)
def test_refused(given: dict[str, Any], where: str) -> None:
    with pytest.raises(UsageError) as raised:
        options.check(deployment(**given))
    assert raised.value.where == where
    assert raised.value.suggestion


def test_several_are_told_at_once() -> None:
    with pytest.raises(Refused) as raised:
        options.check(deployment(neo4j={"machine": "e2-medium"}, postgres={"tier": "db-f1-micro"}))
    assert [cause.where for cause in raised.value.causes] == ["neo4j.machine", "postgres.tier"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"service": {"instances": {"min": 3, "max": 3}, "cpu": "2", "memory": "2Gi"}},
        {"postgres": {"version": 16, "connectivity": "private", "deletion_protection": "locked"}},
        {"neo4j": {"mode": "external", "uri": "bolt://10.0.0.9:7687", "password": {"env": "NEO"}}},
    ],
)
def test_accepted(given: dict[str, Any]) -> None:
    options.check(deployment(**given))
