"""Profiles: sets of sizes. A size that the configuration leaves open (None) is the profile's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from memdeploy.config.model import Deployment, Profile


@dataclass(frozen=True)
class Sizes:
    """`postgres_regional`: a standby in another zone. `cpu` and `memory` are one instance's, in the forms that Cloud
    Run takes (`2`, `2Gi`). Sums a month stand in docs/configuration.md."""

    postgres_tier: str
    postgres_disk_gb: int
    postgres_regional: bool
    neo4j_machine: str
    neo4j_disk_gb: int
    instances_min: int
    instances_max: int
    cpu: str
    memory: str


PROFILES: Mapping[Profile, Sizes] = MappingProxyType(
    {
        # A trial: shared-core database without service level agreement, nothing runs while nobody asks.
        Profile.SMALL: Sizes("db-f1-micro", 10, False, "e2-small", 20, 0, 2, "1", "1Gi"),
        Profile.STANDARD: Sizes("db-custom-1-3840", 10, False, "e2-medium", 20, 0, 4, "2", "2Gi"),
        Profile.PRODUCTION: Sizes("db-custom-2-7680", 20, True, "e2-standard-2", 50, 1, 4, "2", "2Gi"),
    }
)


def sizes(deployment: Deployment) -> Sizes:
    """The sizes in force: what is set, else the profile's. A minimum above the profile's maximum raises that."""
    base = PROFILES[deployment.profile]
    postgres, neo4j, service = deployment.postgres, deployment.neo4j, deployment.service
    low = _either(service.instances.min, base.instances_min)
    high = _either(service.instances.max, base.instances_max)
    if service.instances.max is None:
        high = max(high, low)
    elif service.instances.min is None:
        low = min(low, high)
    return Sizes(
        postgres_tier=postgres.tier or base.postgres_tier,
        postgres_disk_gb=_either(postgres.disk_gb, base.postgres_disk_gb),
        postgres_regional=base.postgres_regional,
        neo4j_machine=neo4j.machine or base.neo4j_machine,
        neo4j_disk_gb=_either(neo4j.disk_gb, base.neo4j_disk_gb),
        instances_min=low,
        instances_max=high,
        cpu=service.cpu or base.cpu,
        memory=service.memory or base.memory,
    )


def _either(value: int | None, default: int) -> int:
    return default if value is None else value
