"""All steps of a deployment on Google Cloud, in groups; docs/architecture.md has the same as a table.

Pure: from a scope to a `Graph`. `seconds` are usual durations, for the critical path and for 'about 4 min left'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from memdeploy.config.model import Connectivity, Deployment, KeySource, Neo4jMode
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Outage, Ref, Step
from memdeploy.providers.gcp import grants, kinds, modes
from memdeploy.providers.gcp.registry import REMOTE, STANDARD
from memdeploy.providers.gcp.scope import Scope

ACCOUNTS: Mapping[str, tuple[str, str]] = {
    "account.run": ("run", "MemMachine"),
    "account.neo4j": ("neo", "Neo4j's machine"),
    "account.build": ("bld", "image builds"),
    "account.verifier": ("vrf", "verification"),
}
DATABASE = "memmachine"
SHARED = ("shared.registry", "shared.hub", "shared.network", "shared.range", "shared.peering")
IMAGE_GRANTS = ("grants.registry", "grants.hub", "grants.project")


class Builder:
    """Makes steps of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.names = scope.names
        self.vm = modes.vm(scope.deployment)
        self.sidecar = modes.sidecar(scope.deployment)
        self.external = modes.external(scope.deployment)
        self.connector = modes.connector(scope.deployment)
        self.networked = modes.network(scope.deployment)

    def step(self, name: str, kind: str, identity: Mapping[str, Any], title: str, **rest: Any) -> Step:
        resource = kinds.make(self.scope, kind, identity)
        return Step(name=name, resource=resource, identity=dict(identity), title=title, **rest)

    def grant(self, name: str, on: str, thing: str, title: str, bindings: Mapping[str, Any], **rest: Any) -> Step:
        """`bindings`: role -> list of members or of references to them."""
        identity = {"on": on, "name": thing}
        return self.step(name, "iam.grants", identity, title, inputs={"bindings": bindings}, seconds=3.0, **rest)

    # -- what everything stands on -----------------------------------------------------------------------------------

    def ground(self) -> Iterable[Step]:
        yield self.step("preflight", "preflight", {}, "Preflight", seconds=6.0, transient=True)
        yield self.step(
            "apis", "serviceusage.services", {}, "Google APIs", needs=("preflight",), seconds=40.0, permanent=True
        )

    def shared(self, *needs: str) -> Iterable[Step]:
        """Fixed names, one set for a project and region, in a journal of their own."""
        n = self.names
        own: dict[str, Any] = {"scope": "shared", "needs": needs}
        images, hub = {"name": n.shared, "mode": STANDARD}, {"name": n.shared_hub, "mode": REMOTE}
        network, addresses = {"name": n.shared}, {"name": n.shared_range}
        link = {"network": Ref("shared.network", "link")}
        yield self.step(
            "shared.registry", "artifactregistry.repository", images, "Image repository", seconds=12.0, **own
        )
        yield self.step(
            "shared.hub", "artifactregistry.repository", hub, "Copies of public images", seconds=12.0, **own
        )
        if needs and not self.networked:
            return
        yield self.step("shared.network", "compute.network", network, "Network", seconds=25.0, **own)
        yield self.step(
            "shared.range", "compute.globalAddress", addresses, "Address range", inputs=link, seconds=10.0, **own
        )
        if needs and self.connector:
            return
        yield self.step(
            "shared.peering",
            "servicenetworking.connection",
            {"network": n.shared, "range": n.shared_range},
            "Private services access",
            inputs={**link, "range": Ref("shared.range", "name"), "project_number": self._number(needs)},
            seconds=60.0,
            **own,
        )

    def _number(self, needs: tuple[str, ...]) -> Any:
        """In `destroy --shared` there is no preflight: the journal's network path is used."""
        return Ref("preflight", "project_number") if needs else None

    def accounts(self) -> Iterable[Step]:
        for name, (role, title) in ACCOUNTS.items():
            if name == "account.neo4j" and not self.vm:
                continue
            full = f"{title} of {self.scope.deployment.name}"
            identity = {"account_id": self.names.own(role), "title": full}
            yield self.step(name, "iam.serviceAccount", identity, f"Account for {title}", needs=("apis",), seconds=8.0)

    def network(self) -> Iterable[Step]:
        if not self.networked:
            return
        link = Ref("shared.network", "link")
        yield self.step(
            "network.subnet", "compute.subnetwork", {"name": self.names.own("net")}, "Subnet",
            inputs={"network": link, "space": Ref("shared.range", "space")}, seconds=20.0,
            outlives=() if self.connector else ("postgres.instance",),  # it proves that the network is in use
        )  # fmt: skip
        if not self.vm:
            return
        yield self.step(
            "network.firewall", "compute.firewall", {"name": self.names.own("bolt")}, "Firewall rule for Bolt",
            inputs={
                "network": link,
                "cidr": Ref("network.subnet", "cidr"),
                "account": Ref("account.neo4j", "email"),
            },
            seconds=10.0,
        )  # fmt: skip

    # -- secrets and rights ------------------------------------------------------------------------------------------

    def secrets(self) -> Iterable[Step]:
        kind, identity = self._given(self.scope.deployment.model.source, "secretmanager.modelKey", "key")
        yield self.step("secret.model", kind, identity, "Model key", needs=("apis",), seconds=4.0)
        yield self._generated("secret.postgres", "pg", "PostgreSQL password")
        run, neo4j = Ref("account.run", "member"), Ref("account.neo4j", "member")
        yield self._readers("model", identity["name"].partition("/versions/")[0], [run])
        yield self._readers("postgres", self.names.own("pg"), [run])
        if self.vm:
            yield self._generated("secret.neo4j", "neo", "Neo4j password")
            yield self.step(
                "secret.tls", "secretmanager.tls", {"name": self.names.own("tls")}, "Neo4j certificate",
                inputs={"address": Ref("neo4j.address", "address")}, needs=("apis",), seconds=5.0,
            )  # fmt: skip
            yield self._readers("neo4j", self.names.own("neo"), [run, neo4j])
            yield self._readers("tls", self.names.own("tls"), [neo4j])
        if self.external:
            yield from self._external(run)
        if self.sidecar:
            yield self._generated("secret.sidecar", "side", "Password of the Neo4j beside MemMachine")
            yield self._readers("sidecar", self.names.own("side"), [run])

    def _external(self, run: Ref) -> Iterable[Step]:
        """A secret of its own: the machine's password stays with its disk, whichever mode is next."""
        source = self.scope.deployment.neo4j.password
        kind, identity = self._given(source, "secretmanager.neo4jPassword", "ext")
        yield self.step("secret.external", kind, identity, "Password of your Neo4j", needs=("apis",), seconds=4.0)
        yield self._readers("external", identity["name"].partition("/versions/")[0], [run])

    def _generated(self, name: str, role: str, title: str) -> Step:
        own = {"name": self.names.own(role)}
        return self.step(name, "secretmanager.generated", own, title, needs=("apis",), seconds=4.0)

    def _given(self, source: KeySource | None, kind: str, role: str) -> tuple[str, dict[str, str]]:
        """The user's own secret, or one of ours with the value that was given."""
        if source is not None and source.secret:
            return "secretmanager.referenced", {"name": source.secret}
        return kind, {"name": self.names.own(role)}

    def _readers(self, what: str, thing: str, members: list[Ref]) -> Step:
        """Per secret, and a step of its own: kept secrets lose the accounts that are removed."""
        return self.grant(
            f"grants.{what}", "secret", thing, f"Readers of the {what} secret",
            {grants.ACCESS_SECRET: members}, needs=(f"secret.{what}",),
        )  # fmt: skip

    def image_grants(self) -> Iterable[Step]:
        build, neo4j = Ref("account.build", "member"), Ref("account.neo4j", "member")
        readers = [build, neo4j] if self.vm else [build]
        yield self.grant(
            "grants.registry", "repository", self.names.shared, "Writer of images",
            {grants.WRITE_IMAGES: [build]}, needs=("shared.registry",),
        )  # fmt: skip
        yield self.grant(
            "grants.hub", "repository", self.names.shared_hub, "Readers of public images",
            {grants.READ_IMAGES: readers}, needs=("shared.hub",),
        )  # fmt: skip
        yield self.grant(
            "grants.project", "project", self.scope.project, "Writers of logs", {grants.WRITE_LOGS: readers}
        )
        if self.connector:
            yield self.grant(
                "grants.sql", "project", self.scope.project, "Client of Cloud SQL",
                {grants.CONNECT_SQL: [Ref("account.run", "member")]},
            )  # fmt: skip

    # -- databases ---------------------------------------------------------------------------------------------------

    def postgres(self) -> Iterable[Step]:
        name = self.names.own("sql")
        of_instance = {
            "instance": Ref("postgres.instance", "name"),
            "running": Ref("postgres.instance", "running"),
        }
        place = {"network": Ref("shared.network", "link"), "range": Ref("shared.range", "name")}
        yield self.step(
            "postgres.instance", "sql.instance", {"name": name}, "Cloud SQL",
            inputs={} if self.connector else place, needs=("apis",) if self.connector else ("shared.peering",),
            seconds=420.0, holds_data=True, outage=Outage("MemMachine answers no call", 180.0),
            keeps=(
                "postgres.database", "postgres.user", "secret.postgres", "image",
                *(() if self.connector else ("shared.peering", "network.subnet")),
            ),
        )  # fmt: skip
        if not self.connector:  # the connector checks the instance by itself
            yield self._authority(name)
        child = {"instance": name, "name": DATABASE}
        yield self.step("postgres.database", "sql.database", child, "Database", inputs=of_instance, seconds=6.0)
        yield self.step(
            "postgres.user", "sql.user", child, "Database user",
            inputs={**of_instance, "password": Ref("secret.postgres", "secret")},
            needs=("postgres.database",),  # an instance does one operation at a time, and refuses a second
            seconds=6.0,
        )  # fmt: skip

    def _authority(self, name: str) -> Step:
        return self.step(
            "postgres.authority", "sql.authority", {"instance": name}, "Cloud SQL's certificate authorities",
            inputs={"instance": Ref("postgres.instance", "name")}, seconds=2.0,
        )  # fmt: skip

    def neo4j(self) -> Iterable[Step]:
        if self.vm or self.sidecar:
            yield self.step(
                "neo4j.image", "neo4j.image", {}, "Neo4j's image",
                inputs={"registry_uri": Ref("shared.hub", "registry_uri")}, seconds=10.0,
            )  # fmt: skip
        if self.vm:
            yield from self._machine()

    def _machine(self) -> Iterable[Step]:
        n = self.names
        subnet = Ref("network.subnet", "link")
        yield self.step(
            "neo4j.address", "compute.address", {"name": n.own("neo")}, "Address for Neo4j",
            inputs={"subnet": subnet}, seconds=8.0,
        )  # fmt: skip
        yield self.step(
            "neo4j.snapshots", "compute.snapshots", {"name": n.own("snap")}, "Snapshot schedule",
            needs=("apis",), seconds=5.0,
        )  # fmt: skip
        yield self.step(
            "neo4j.disk", "compute.disk", {"name": n.own("data")}, "Neo4j's disk",
            inputs={"snapshots": Ref("neo4j.snapshots", "link")}, seconds=10.0, holds_data=True,
            keeps=(
                "neo4j.snapshots", "neo4j.image", "neo4j.address", "secret.neo4j", "secret.tls", "network.subnet",
                "image",
            ),
        )  # fmt: skip
        yield self.step(
            "neo4j.vm", "compute.vm", {"name": n.own("neo")}, "Neo4j",
            inputs={
                "disk": Ref("neo4j.disk", "link"),
                "disk_id": Ref("neo4j.disk", "id"),
                "disk_gb": Ref("neo4j.disk", "disk_gb"),
                "fresh": Ref("neo4j.disk", "fresh"),
                "address": Ref("neo4j.address", "address"),
                "subnet": subnet,
                "cidr": Ref("network.subnet", "cidr"),
                "account": Ref("account.neo4j", "email"),
                "password": Ref("secret.neo4j", "secret"),
                "tls": Ref("secret.tls", "secret"),
                "image": Ref("neo4j.image", "reference"),
            },
            needs=("grants.neo4j", "grants.tls", "grants.hub", "network.firewall"), seconds=110.0,
            outage=Outage("memories cannot be stored or found", 150.0),
        )  # fmt: skip

    # -- MemMachine --------------------------------------------------------------------------------------------------

    def image(self) -> Iterable[Step]:
        yield self.step(
            "image", "memmachine.image", {"name": self.names.base}, "MemMachine's image",
            inputs={
                "registry_uri": Ref("shared.registry", "registry_uri"),
                "hub_uri": Ref("shared.hub", "registry_uri"),
                "account": Ref("account.build", "email"),
            },
            needs=IMAGE_GRANTS, seconds=200.0,
        )  # fmt: skip

    def _container(self) -> dict[str, Any]:
        """What the container needs, in the job and in the service alike."""
        return {
            "image": Ref("image", "reference"),
            "account": Ref("account.run", "email"),
            "postgres_database": Ref("postgres.database", "name"),
            "postgres_user": Ref("postgres.user", "name"),
            "postgres_password": Ref("secret.postgres", "secret"),
            "model_key": Ref("secret.model", "secret"),
            **self._way_out(),
            **self._way_to_postgres(),
            **self._way_to_neo4j(),
        }

    def _way_out(self) -> dict[str, Any]:
        if not self.networked:
            return {}
        return {"network": Ref("shared.network", "link"), "subnet": Ref("network.subnet", "link")}

    def _way_to_postgres(self) -> dict[str, Any]:
        if self.connector:
            return {"postgres_connection": Ref("postgres.instance", "connection")}
        return {
            "postgres_address": Ref("postgres.instance", "address"),
            "postgres_authority": Ref("postgres.authority", "pem"),
        }

    def _way_to_neo4j(self) -> dict[str, Any]:
        if self.external:
            return {"neo4j_password": Ref("secret.external", "secret")}
        if self.sidecar:
            return {
                "neo4j_password": Ref("secret.sidecar", "secret"), "neo4j_image": Ref("neo4j.image", "reference"),
            }  # fmt: skip
        return {
            "neo4j_address": Ref("neo4j.vm", "address"),
            "neo4j_certificate": Ref("secret.tls", "certificate"),
            "neo4j_password": Ref("secret.neo4j", "secret"),
        }

    def _readable(self) -> tuple[str, ...]:
        neo4j = "grants.external" if self.external else "grants.sidecar" if self.sidecar else "grants.neo4j"
        return ("grants.model", "grants.postgres", neo4j, *(("grants.sql",) if self.connector else ()))

    def memmachine(self) -> Iterable[Step]:
        readable = self._readable()
        databases = {"created": Ref("postgres.instance", "created")}
        if self.vm:
            databases |= {
                "disk": Ref("neo4j.disk", "name"), "disk_id": Ref("neo4j.disk", "id"), "vm": Ref("neo4j.vm", "name"),
            }  # fmt: skip
        yield self.step(
            "prepare", "run.prepare", {"name": self.names.own("prep")}, "Prepare the databases",
            inputs={**self._container(), **databases}, needs=readable, seconds=75.0,
        )  # fmt: skip
        yield self.step(
            "access", "run.access", {"name": self.names.own("api")}, "Who may call",
            inputs={
                "image": Ref("image", "reference"),
                "account": Ref("account.run", "email"),
                "verifier": Ref("account.verifier", "email"),
            },
            seconds=45.0,
        )  # fmt: skip
        yield self.step(
            "service", "run.service", {"name": self.names.own("api")}, "MemMachine",
            inputs={**self._container(), **self._after_prepare()}, needs=(*readable, "access"), seconds=60.0,
        )  # fmt: skip

    def _after_prepare(self) -> dict[str, Any]:
        """A service that runs is moved when the databases are ready for it. The first revision is made beside that:
        its instances wait for the databases by themselves."""
        runs = "service" in self.scope.context.records
        return {"prepare": Ref("prepare", "key")} if runs else {}

    def verification(self) -> Iterable[Step]:
        caller = Ref("preflight", "caller")
        yield self.grant(
            "caller", "account", self.names.account_email("vrf"), "Right to verify",
            {grants.MINT_ID_TOKENS: [caller]}, needs=("account.verifier",),
        )  # fmt: skip
        yield self.step(
            "verify", "verify", {}, "Store and find a memory",
            inputs={"uri": Ref("service", "uri"), "verifier": Ref("account.verifier", "email")},
            needs=("access", "caller", "prepare"), seconds=25.0, transient=True,
        )  # fmt: skip


def deployment(scope: Scope) -> Graph:
    """All steps of `up`, the shared ones included."""
    b = Builder(scope)
    return Graph(
        [
            *b.ground(),
            *b.shared("apis"),
            *b.accounts(),
            *b.network(),
            *b.secrets(),
            *b.image_grants(),
            *b.postgres(),
            *b.neo4j(),
            *b.image(),
            *b.verification(),
            *b.memmachine(),
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
    return Graph(list(Builder(scope).shared()))
