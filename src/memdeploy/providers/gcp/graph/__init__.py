"""All steps of a deployment on Google Cloud, in groups; docs/architecture.md has the same as a table.

Pure: from a scope to a `Graph`. `seconds` are usual durations, for the critical path and for 'about 4 min left'.
"""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.config.model import Connectivity, Deployment, Neo4jMode
from memdeploy.engine.graph import Graph
from memdeploy.providers.gcp.graph import databases, foundation, memmachine, rights
from memdeploy.providers.gcp.graph.builder import Builder
from memdeploy.providers.gcp.scope import Scope


def deployment(scope: Scope) -> Graph:
    """All steps of `up`, the shared ones included."""
    b = Builder(scope)
    return Graph(
        [
            *foundation.ground(b),
            *foundation.shared(b, "apis"),
            *foundation.accounts(b),
            *foundation.network(b),
            *rights.secrets(b),
            *rights.image_grants(b),
            *databases.postgres(b),
            *databases.neo4j(b),
            *memmachine.image(b),
            *memmachine.verification(b),
            *memmachine.memmachine(b),
        ]
    )


def everything(scope: Scope) -> Graph:
    """The steps of `deployment`, and those of the other modes that it has not: a journal may hold them."""
    now = deployment(scope)
    others = [step for other in _other_modes(scope.deployment) for step in deployment(scope.of(other))]
    known = {step.name: step for step in [*others, *now]}
    return Graph(list(known.values()))


def _other_modes(deployment: Deployment) -> Iterable[Deployment]:
    """The largest last: what it says of a step counts before what a smaller one says."""
    somewhere = {"mode": Neo4jMode.EXTERNAL, "uri": deployment.neo4j.uri or "neo4j+s://unknown.invalid"}
    connected = {"postgres": deployment.postgres.model_copy(update={"connectivity": Connectivity.CONNECTOR})}
    private = {"postgres": deployment.postgres.model_copy(update={"connectivity": Connectivity.PRIVATE})}
    for postgres in (connected, private):
        for neo4j in (somewhere, {"mode": Neo4jMode.SIDECAR, "uri": None}, {"mode": Neo4jMode.VM, "uri": None}):
            yield deployment.model_copy(update={**postgres, "neo4j": deployment.neo4j.model_copy(update=neo4j)})


def shared(scope: Scope) -> Graph:
    """The steps of `destroy --shared`."""
    return Graph(list(foundation.shared(Builder(scope))))
