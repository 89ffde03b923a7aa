"""All steps of a deployment in containers of this machine, in groups. Pure: from a scope to a `Graph`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from memdeploy.config.model import Deployment, ModelProvider, Neo4jMode
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Outage, Ref, Step
from memdeploy.providers.local import kinds
from memdeploy.providers.local.containers import dumps, pausing
from memdeploy.providers.local.containers.environment import NEO4J, POSTGRES, external, offline
from memdeploy.providers.local.containers.service import Service
from memdeploy.providers.local.containers.tool import Tool
from memdeploy.providers.local.scope import Scope

POSTGRES_IMAGE = "pgvector/pgvector:pg{version}"
NEO4J_IMAGE = "neo4j:5.26-community"
UNREACHABLE = "memories cannot be stored or found"


class Builder:
    """Makes steps of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.external = external(scope.deployment)
        self.offline = offline(scope.deployment)

    def step(self, name: str, kind: str, identity: Mapping[str, Any], title: str, **rest: Any) -> Step:
        resource = kinds.make(self.scope, kind, identity)
        return Step(name=name, resource=resource, identity=dict(identity), title=title, **rest)

    def own(self, role: str) -> dict[str, str]:
        return {"name": self.scope.own(role)}

    def ground(self) -> Iterable[Step]:
        yield self.step("preflight", "local.enginePreflight", {}, "Preflight", seconds=1.0, transient=True)
        yield self.step(
            "folder", "local.folder", {"path": str(self.scope.folder)}, "Folder", needs=("preflight",), seconds=0.1
        )
        yield self.step("network", "local.network", self.own("net"), "Network", needs=("preflight",), seconds=0.5)

    def secrets(self) -> Iterable[Step]:
        common: dict[str, Any] = {"needs": ("folder",), "seconds": 0.2}
        yield self.step("secret.model", "local.modelKey", {"name": "model"}, "Model key", **common)
        yield self.step(
            "secret.postgres", "local.generatedSecret", {"name": "postgres"}, "PostgreSQL password", **common
        )
        if self.external:
            yield self.step(
                "secret.external", "local.neo4jPassword", {"name": "external"}, "Password of your Neo4j", **common
            )
        else:
            yield self.step("secret.neo4j", "local.generatedSecret", {"name": "neo4j"}, "Neo4j password", **common)

    def volumes(self) -> Iterable[Step]:
        version = self.scope.deployment.postgres.version
        yield self._volume("postgres", "pg", f"PostgreSQL {version}", "PostgreSQL's data")
        if not self.external:
            yield self._volume("neo4j", "neo", "Neo4j 5", "Neo4j's data")

    def _volume(self, server: str, role: str, holds: str, title: str) -> Step:
        return self.step(
            f"{server}.volume", "local.volume", {**self.own(role), "holds": holds}, title,
            needs=("preflight",), seconds=0.2, holds_data=True,
            keeps=("folder", f"secret.{server}", "image"),
        )  # fmt: skip

    def images(self) -> Iterable[Step]:
        name = POSTGRES_IMAGE.format(version=self.scope.deployment.postgres.version)
        yield self._image("postgres", name, "PostgreSQL's image")
        if not self.external:
            yield self._image("neo4j", NEO4J_IMAGE, "Neo4j's image")
        yield self.step(
            "image", "local.image", {"name": self.scope.base}, "MemMachine's image", needs=("preflight",), seconds=90.0
        )

    def _image(self, server: str, name: str, title: str) -> Step:
        """`permanent`: it is everybody's, and stays."""
        return self.step(
            f"{server}.image", "local.serverImage", {"image": name}, title, needs=("preflight",), seconds=20.0,
            permanent=True,
        )  # fmt: skip

    def _network(self) -> dict[str, Any]:
        return {"network": Ref("network", "name"), "network_id": Ref("network", "id")}

    def databases(self) -> Iterable[Step]:
        yield self.step(
            "postgres.server", "local.postgres", self.own("pg"), "PostgreSQL",
            inputs={
                **self._network(),
                "image": Ref("postgres.image", "reference"),
                "volume": Ref("postgres.volume", "name"),
                "volume_id": Ref("postgres.volume", "id"),
                "password": Ref("secret.postgres", "secret"),
            },
            seconds=4.0, outage=Outage("MemMachine answers no call", 10.0),
        )  # fmt: skip
        if self.external:
            return
        yield self.step(
            "neo4j.server", "local.neo4j", self.own("neo"), "Neo4j",
            inputs={
                **self._network(),
                "image": Ref("neo4j.image", "reference"),
                "volume": Ref("neo4j.volume", "name"),
                "password": Ref("secret.neo4j", "secret"),
            },
            seconds=20.0, outage=Outage(UNREACHABLE, 30.0),
        )  # fmt: skip

    def _container(self) -> dict[str, Any]:
        return {
            **self._network(),
            "image": Ref("image", "reference"),
            "postgres_password": Ref("secret.postgres", "secret"),
            "neo4j_password": Ref("secret.external" if self.external else "secret.neo4j", "secret"),
            "model_key": Ref("secret.model", "secret"),
        }

    def memmachine(self) -> Iterable[Step]:
        servers = ("postgres.server", *(() if self.external else ("neo4j.server",)))
        model = ("model.server",) if self.offline else ()
        if self.offline:
            yield self.step(
                "model.server", "local.modelServer", self.own("mod"), "Offline model",
                inputs={**self._network(), "image": Ref("image", "reference")}, seconds=1.0,
                outage=Outage(UNREACHABLE, 5.0),
            )  # fmt: skip
        volumes = {"postgres": Ref("postgres.volume", "id")}
        volumes |= {} if self.external else {"neo4j": Ref("neo4j.volume", "id")}
        yield self.step(
            "prepare", "local.prepare", self.own("prep"), "Prepare the databases",
            inputs={**self._container(), "databases": volumes}, needs=(*servers, *model), seconds=10.0,
        )  # fmt: skip
        yield self.step(
            "service", "local.service", self.own("api"), "MemMachine",
            inputs=self._container(), needs=("prepare",), seconds=10.0,
            outage=Outage("MemMachine answers no call", 15.0),
        )  # fmt: skip
        yield self.step(
            "verify", "local.verify", {}, "Store and find a memory", inputs={"uri": Ref("service", "uri")},
            seconds=4.0, transient=True,
        )  # fmt: skip


def deployment(scope: Scope) -> Graph:
    """All steps of `up`."""
    b = Builder(scope)
    return Graph(
        [*b.ground(), *b.secrets(), *b.volumes(), *b.images(), *b.databases(), *b.memmachine()]
    )  # fmt: skip


def everything(scope: Scope) -> Graph:
    """The steps of `deployment`, and those of other configurations: a journal may hold them."""
    others = [step for other in _other_modes(scope.deployment) for step in deployment(scope.of(other))]
    known = {step.name: step for step in [*others, *deployment(scope)]}
    return Graph(list(known.values()))


def _other_modes(now: Deployment) -> Iterable[Deployment]:
    """The larger last: what it says of a step counts before what a smaller one says."""
    somewhere = {"mode": Neo4jMode.EXTERNAL, "uri": now.neo4j.uri or "neo4j+s://unknown.invalid"}
    model = now.model.model_copy(update={"provider": ModelProvider.OFFLINE})
    for neo4j in (somewhere, {"mode": Neo4jMode.VM, "uri": None}):
        yield now.model_copy(update={"neo4j": now.neo4j.model_copy(update=neo4j), "model": model})


# -- copies ----------------------------------------------------------------------------------------------------------


def _transient(name: str, resource: Any, title: str, *needs: str, seconds: float = 10.0) -> Step:
    return Step(name=name, resource=resource, title=title, needs=needs, seconds=seconds, transient=True)


def dumping(scope: Scope, folder: Path) -> Graph:
    return _copying(scope, "dump", "Copy", dumps.DumpPostgres, dumps.DumpNeo4j, folder)


def loading(scope: Scope, folder: Path) -> Graph:
    return _copying(scope, "load", "Replace", dumps.LoadPostgres, dumps.LoadNeo4j, folder)


def _copying(scope: Scope, word: str, title: str, postgres: Any, neo4j: Any, folder: Path) -> Graph:
    """A Neo4j of somebody else is no part of it: it has backups of its own."""
    tables, databases = postgres(scope, scope.own("pg"), folder), [POSTGRES]
    parts = [_transient(f"{word}.postgres", tables, f"{title} PostgreSQL's data", "service.stop")]
    if not external(scope.deployment):
        graph = neo4j(scope, scope.own(word), folder)
        databases.append(NEO4J)
        parts.append(_transient(f"{word}.neo4j", graph, f"{title} Neo4j's data", "service.stop", seconds=45.0))
    stop = _transient("service.stop", pausing.Stop(scope, Service.role, databases), "Stop MemMachine")
    names = [part.name for part in parts]
    start = _transient("service.start", pausing.Start(scope, Service.role, databases), "Start MemMachine", *names)
    return Graph([stop, *parts, start])


def tool(scope: Scope, word: str, arguments: tuple[str, ...]) -> Step:
    return _transient(f"tool.{word}", Tool(scope, word, arguments), f"Run {word}")
