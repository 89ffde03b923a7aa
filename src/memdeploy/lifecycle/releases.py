"""`memdeploy releases`: the tables of releases and of upgrades, as data."""

from __future__ import annotations

from typing import Any

from memdeploy.lifecycle.result import Result
from memdeploy.memmachine.releases import DEFAULT, RELEASES, Release
from memdeploy.memmachine.upgrades import Upgrade, table


def releases() -> Result:
    data = {
        "releases": [_release(release) for release in RELEASES.values()],
        "upgrades": [_upgrade(row) for row in table()],
    }
    return Result("releases", "success", data=data)


def _release(release: Release) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "version": release.version,
        "default": release.version == DEFAULT,
        "tested": release.tested,
        "deployable": release.undeployable is None,
        "upstream": release.upstream_image,
        "schema": release.schema_head,
        "api": release.api,
        "health": release.health_path,
        "uid": str(release.uid),
        "packages": [f"{package}=={release.version}" for package in release.packages],
        "drivers": list(release.drivers),
        "prepares": list(release.prepares),
        "without_neo4j": release.without_neo4j,
        "lacks": list(release.lacks),
    }
    return shown | ({"reason": release.undeployable} if release.undeployable else {})


def _upgrade(row: Upgrade) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "from": row.before,
        "to": row.after,
        "way": str(row.way),
        "keeps_data": row.keeps_data,
        "reason": row.reason,
        "tested": row.tested,
    }
    optional = {"suggestion": row.suggestion, "by_way_of": list(row.by_way_of)}
    return shown | {name: value for name, value in optional.items() if value}
