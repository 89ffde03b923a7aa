"""Options that containers of this machine cannot satisfy: refused when they are set, with what to do instead."""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.config.model import Connectivity, Deployment, Neo4jMode
from memdeploy.errors import Refused, UsageError

_SIZES = "Leave it out: sizes come from --profile, and of MemMachine from service.cpu and service.memory."


def check(deployment: Deployment) -> None:
    """Raises `UsageError` for one, `Refused` with all its causes for several."""
    found = list(_problems(deployment))
    if len(found) == 1:
        raise found[0]
    if found:
        raise Refused.for_all(found)


def _problems(deployment: Deployment) -> Iterable[UsageError]:
    yield from _of_neo4j(deployment)
    yield from _of_postgres(deployment)
    yield from _of_service(deployment)
    if deployment.model.key.secret is not None:
        yield _refused("model.key.secret", "there is no store of secrets but the deployment's own folder",
                       "Name an environment variable or a file in model.key.")  # fmt: skip


def _of_neo4j(deployment: Deployment) -> Iterable[UsageError]:
    neo4j = deployment.neo4j
    if neo4j.mode in (Neo4jMode.SIDECAR, Neo4jMode.CLOUD_RUN):
        yield _refused("neo4j.mode", f"{neo4j.mode} is for Google Cloud: here Neo4j has a container and a volume",
                       "Leave it out, or use external for a Neo4j of your own.")  # fmt: skip
    if neo4j.machine is not None:
        yield _refused("neo4j.machine", "there are no machine types here", _SIZES)
    if neo4j.disk_gb is not None:
        yield _refused("neo4j.disk_gb", "a volume has the engine's disk and no size of its own", "Leave it out.")
    if neo4j.mode is Neo4jMode.EXTERNAL and neo4j.password.secret is not None:
        yield _refused("neo4j.password.secret", "there is no store of secrets but the deployment's own folder",
                       "Name an environment variable or a file in neo4j.password.")  # fmt: skip


def _of_postgres(deployment: Deployment) -> Iterable[UsageError]:
    postgres = deployment.postgres
    if postgres.connectivity is not Connectivity.PRIVATE:
        yield _refused("postgres.connectivity", f"{postgres.connectivity} is for Google Cloud", "Leave it out.")
    if postgres.tier is not None:
        yield _refused("postgres.tier", "there are no tiers here", _SIZES)
    if postgres.disk_gb is not None:
        yield _refused("postgres.disk_gb", "a volume has the engine's disk and no size of its own", "Leave it out.")


def _of_service(deployment: Deployment) -> Iterable[UsageError]:
    """Nothing scales by itself here: `min` containers run."""
    instances = deployment.service.instances
    if instances.min == 0:
        yield _refused("service.instances.min", "nobody would start a container when a call comes",
                       "Set it to 1 or more.")  # fmt: skip
    if instances.max is not None and instances.max != (instances.min or 1):
        yield _refused("service.instances.max", "there is nobody who adds containers by load",
                       "Leave it out; service.instances.min says how many run.")  # fmt: skip


def _refused(where: str, why: str, suggestion: str) -> UsageError:
    return UsageError(f"{where} cannot be had on this machine: {why}", code="not-local", where=where,
                      suggestion=suggestion)  # fmt: skip
