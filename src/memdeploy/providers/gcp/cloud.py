"""`providers.base.Cloud` for Google Cloud. Opening one does no I/O and loads no SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from memdeploy.config.model import Access, Deployment, Neo4jMode
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Operation, OperationStatus, Resource, Step
from memdeploy.errors import CloudError, MemdeployError, Refused, UsageError
from memdeploy.providers.base import Context, LogLine, LogQuery, PriceLine, Role
from memdeploy.providers.gcp import (
    costs,
    endpoint,
    errors,
    graph,
    kinds,
    markers,
    modes,
    operations,
    permissions,
    prices,
)
from memdeploy.providers.gcp.scope import Scope
from memdeploy.secret import Secret

_BOLT = (
    "Neo4j cannot be a Cloud Run service: its front end passes HTTP and WebSockets on port 443 only, and Bolt, which"
    " MemMachine speaks to Neo4j, is neither. Its disk would also be lost at every restart."
)


def open_cloud(context: Context) -> GoogleCloud:
    """Raises `UsageError` or `Refused` for what this provider cannot do."""
    check(context.deployment)
    project = context.deployment.gcp.project
    if project is None:
        raise UsageError(
            "no Google Cloud project is named",
            code="project-missing",
            suggestion="Give it with --project, MEMDEPLOY_GCP_PROJECT, or gcp.project in memdeploy.yaml.",
        )
    return GoogleCloud(Scope.open(context, project))


def check(deployment: Deployment) -> None:
    mode = deployment.neo4j.mode
    if mode is Neo4jMode.CLOUD_RUN:
        raise Refused(
            _BOLT,
            code="neo4j-on-cloud-run",
            where="neo4j.mode",
            suggestion="Use `mode: vm` (the default: a small machine with a disk of its own, no external address).",
        )


class GoogleCloud:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    @property
    def target(self) -> str:
        return f"gcp {self.scope.project}/{self.scope.region}"

    @property
    def shared_key(self) -> str:
        return f"gcp-{self.scope.project}-{self.scope.region}"

    @property
    def shared_marker(self) -> str:
        return markers.of_shared(self.scope.region).id

    @property
    def proof_of_use(self) -> tuple[str, ...]:
        """Its subnet; without a network of ours its image."""
        return ("network.subnet",) if modes.network(self.scope.deployment) else ("image",)

    @property
    def examiner(self) -> str:
        return "prepare"

    @property
    def remedies(self) -> Mapping[str, str]:
        """Without its note of the version the user's password is set again."""
        return {"postgres-password": "postgres.user"}

    def classify(self, error: Exception) -> CloudError | None:
        return errors.classify(error)

    def poll(self, operation: Operation) -> OperationStatus:
        return operations.poll(self.scope.clients, operation)

    def graph(self) -> Graph:
        return graph.deployment(self.scope)

    def everything(self) -> Graph:
        return graph.everything(self.scope)

    def shared_graph(self) -> Graph:
        return graph.shared(self.scope)

    def doctor(self, *, check_model: bool) -> Step:
        from memdeploy.providers.gcp.preflight import Doctor

        return Step("doctor", Doctor(self.scope, check_model=check_model), title="Doctor", transient=True)

    def traces(self, *, thorough: bool) -> Step:
        from memdeploy.providers.gcp import traces

        return traces.step(self.scope, thorough=thorough)

    def settings(self) -> Step:
        from memdeploy.providers.gcp import settings

        return settings.step(self.scope)

    def role(self) -> Role:
        return permissions.role(self.scope)

    @property
    def components(self) -> tuple[str, ...]:
        from memdeploy.providers.gcp import logs

        return tuple(name for name in logs.COMPONENTS if name not in self.absent_components)

    @property
    def absent_components(self) -> Mapping[str, str]:
        from memdeploy.providers.gcp import logs

        return logs.absent(self.scope)

    def logs(self, query: LogQuery) -> Sequence[LogLine]:
        from memdeploy.providers.gcp import logs

        return logs.read(self.scope, query)

    def dumping(self, folder: Path) -> Graph:
        raise _later("backup")

    def loading(self, folder: Path) -> Graph:
        raise _later("restore")

    def tool(self, word: str, arguments: Sequence[str] = ()) -> Step:
        raise _later(word)

    def why(self, step: str, outputs: Mapping[str, Mapping[str, Any]]) -> MemdeployError | None:
        from memdeploy.providers.gcp.service import why

        return why(self.scope) if step == "service" else None

    def rebuild(self, kind: str, identity: Mapping[str, Any]) -> Resource:
        return kinds.make(self.scope, kind, identity)

    def health(self, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        from memdeploy.providers.gcp import health

        uri = outputs.get("service", {}).get("uri")
        verifier = outputs.get("account.verifier", {}).get("email")
        if not uri or not verifier:
            return {"health": "unknown", "reason": "there is no service yet"}
        return health.ask(self.scope, uri, verifier)

    def endpoints(self, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        uri = outputs.get("service", {}).get("uri")
        known = {
            "url": uri,
            "audience": uri,
            "mcp_url": f"{uri}/mcp" if uri else None,
            "project": self.scope.project,
            "region": self.scope.region,
            "service": outputs.get("service", {}).get("name"),
            "verifier": outputs.get("account.verifier", {}).get("email"),
            "image": outputs.get("image", {}).get("reference"),
            "postgres_instance": outputs.get("postgres.instance", {}).get("name"),
            "neo4j_vm": outputs.get("neo4j.vm", {}).get("name"),
        }
        return {name: value for name, value in known.items() if value is not None}

    def how_to_call(self, outputs: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        uri = outputs["service"]["uri"].rstrip("/")
        if self.scope.deployment.service.access is Access.PUBLIC_UNAUTHENTICATED:
            return (f"curl {uri}/api/v2/health",)
        if self.scope.context.rehearsal is not None:
            return (f"memdeploy verify --name {self.scope.deployment.name}   (mints an identity token and calls it)",)
        verifier = outputs["account.verifier"]["email"]
        return (
            "TOKEN=$(gcloud auth print-identity-token --include-email "
            f"--impersonate-service-account={verifier} --audiences={uri})",
            f'curl -H "Authorization: Bearer $TOKEN" {uri}/api/v2/health',
        )

    def identity_tokens(self, outputs: Mapping[str, Mapping[str, Any]]) -> Callable[[], Secret] | None:
        from memdeploy.providers.gcp.verify import mint

        if self.scope.deployment.service.access is Access.PUBLIC_UNAUTHENTICATED:
            return None
        uri, verifier = outputs["service"]["uri"], outputs["account.verifier"]["email"]
        return lambda: mint(self.scope.clients, uri, verifier)

    def warnings(self) -> tuple[str, ...]:
        from memdeploy.providers.gcp import access

        deployment = self.scope.deployment
        found = (access.warning(deployment), *modes.warnings(deployment), endpoint.warning(deployment))
        return tuple(text for text in found if text)

    @property
    def prices_of(self) -> str:
        return prices.PRICES_OF

    def price_lines(self) -> Sequence[PriceLine]:
        return costs.lines(self.scope.deployment, self.scope.context.records)

    def live_price_lines(self) -> tuple[Sequence[PriceLine], Sequence[str]]:
        from memdeploy.providers.gcp import catalog

        deployment = self.scope.deployment
        rates, said = catalog.rates(self.scope.clients, self.scope.region, costs.used(deployment))
        return costs.lines(deployment, self.scope.context.records, rates), said

    def not_priced(self, *, live: bool = False) -> str:
        return costs.not_included(self.scope.deployment, live=live)

    def kept_costs(self) -> Mapping[str, float]:
        return costs.kept(self.scope.deployment, self.scope.context.records)


def _later(what: str) -> UsageError:
    return UsageError(
        f"{what} of a deployment on Google Cloud is not in this version",
        code="not-in-this-version",
        suggestion="Cloud SQL takes daily backups by itself, and the machine's disk has daily snapshots.",
    )
