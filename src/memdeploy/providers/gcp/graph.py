"""All steps of a deployment on Google Cloud, in groups; docs/architecture.md has the same as a table.

Pure: from a scope to a `Graph`. `seconds` are usual durations, for the critical path and for 'about 4 min left'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from memdeploy.config.model import KeySource
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Ref, Step
from memdeploy.providers.gcp import grants, kinds
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
SECRETS = ("model", "postgres", "neo4j", "tls")


class Builder:
    """Makes steps of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.names = scope.names

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
        yield self.step("shared.network", "compute.network", network, "Network", seconds=25.0, **own)
        yield self.step(
            "shared.range", "compute.globalAddress", addresses, "Address range", inputs=link, seconds=10.0, **own
        )
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
            full = f"{title} of {self.scope.deployment.name}"
            identity = {"account_id": self.names.own(role), "title": full}
            yield self.step(name, "iam.serviceAccount", identity, f"Account for {title}", needs=("apis",), seconds=8.0)

    def network(self) -> Iterable[Step]:
        link = Ref("shared.network", "link")
        yield self.step(
            "network.subnet", "compute.subnetwork", {"name": self.names.own("net")}, "Subnet",
            inputs={"network": link, "space": Ref("shared.range", "space")}, seconds=20.0,
        )  # fmt: skip
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
        kind, identity = self._model_key(self.scope.deployment.model.key)
        yield self.step("secret.model", kind, identity, "Model key", needs=("apis",), seconds=4.0)
        for name, role, title in (
            ("secret.postgres", "pg", "PostgreSQL password"),
            ("secret.neo4j", "neo", "Neo4j password"),
        ):
            own = {"name": self.names.own(role)}
            yield self.step(name, "secretmanager.generated", own, title, needs=("apis",), seconds=4.0)
        yield self.step(
            "secret.tls", "secretmanager.tls", {"name": self.names.own("tls")}, "Neo4j certificate",
            inputs={"address": Ref("neo4j.address", "address")}, needs=("apis",), seconds=5.0,
        )  # fmt: skip
        yield from self._secret_grants(identity["name"])

    def _model_key(self, key: KeySource) -> tuple[str, dict[str, str]]:
        if key.secret:
            return "secretmanager.referenced", {"name": key.secret}
        return "secretmanager.modelKey", {"name": self.names.own("key")}

    def _secret_grants(self, model: str) -> Iterable[Step]:
        """Per secret, and steps of their own: kept secrets lose the accounts that are removed."""
        run, neo4j = Ref("account.run", "member"), Ref("account.neo4j", "member")
        for what, thing, readers in (
            ("model", model.partition("/versions/")[0], [run]),
            ("postgres", self.names.own("pg"), [run]),
            ("neo4j", self.names.own("neo"), [run, neo4j]),
            ("tls", self.names.own("tls"), [neo4j]),
        ):
            yield self.grant(
                f"grants.{what}", "secret", thing, f"Readers of the {what} secret",
                {grants.ACCESS_SECRET: readers}, needs=(f"secret.{what}",),
            )  # fmt: skip

    def image_grants(self) -> Iterable[Step]:
        build, neo4j = Ref("account.build", "member"), Ref("account.neo4j", "member")
        yield self.grant(
            "grants.registry", "repository", self.names.shared, "Writer of images",
            {grants.WRITE_IMAGES: [build]}, needs=("shared.registry",),
        )  # fmt: skip
        yield self.grant(
            "grants.hub", "repository", self.names.shared_hub, "Readers of public images",
            {grants.READ_IMAGES: [build, neo4j]}, needs=("shared.hub",),
        )  # fmt: skip
        yield self.grant(
            "grants.project", "project", self.scope.project, "Writers of logs", {grants.WRITE_LOGS: [build, neo4j]}
        )

    # -- databases ---------------------------------------------------------------------------------------------------

    def postgres(self) -> Iterable[Step]:
        name = self.names.own("sql")
        of_instance = {
            "instance": Ref("postgres.instance", "name"),
            "running": Ref("postgres.instance", "running"),
        }
        yield self.step(
            "postgres.instance", "sql.instance", {"name": name}, "Cloud SQL",
            inputs={"network": Ref("shared.network", "link"), "range": Ref("shared.range", "name")},
            needs=("shared.peering", "network.subnet"), seconds=420.0, holds_data=True,
            keeps=(
                "postgres.database", "postgres.user", "secret.postgres", "shared.peering", "network.subnet", "image",
            ),
        )  # fmt: skip
        yield self.step(
            "postgres.authority", "sql.authority", {"instance": name}, "Cloud SQL's certificate authorities",
            inputs={"instance": Ref("postgres.instance", "name")}, seconds=2.0,
        )  # fmt: skip
        child = {"instance": name, "name": DATABASE}
        yield self.step(
            "postgres.database", "sql.database", child, "Database", inputs=of_instance, seconds=6.0
        )  # fmt: skip
        yield self.step(
            "postgres.user", "sql.user", child, "Database user",
            inputs={**of_instance, "password": Ref("secret.postgres", "secret")}, seconds=6.0,
        )  # fmt: skip

    def neo4j(self) -> Iterable[Step]:
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
            "neo4j.image", "neo4j.image", {}, "Neo4j's image",
            inputs={"registry_uri": Ref("shared.hub", "registry_uri")}, seconds=10.0,
        )  # fmt: skip
        yield self.step(
            "neo4j.vm", "compute.vm", {"name": n.own("neo")}, "Neo4j",
            inputs={
                "disk": Ref("neo4j.disk", "link"),
                "disk_id": Ref("neo4j.disk", "id"),
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
            "network": Ref("shared.network", "link"),
            "subnet": Ref("network.subnet", "link"),
            "postgres_address": Ref("postgres.instance", "address"),
            "postgres_authority": Ref("postgres.authority", "pem"),
            "postgres_database": Ref("postgres.database", "name"),
            "postgres_user": Ref("postgres.user", "name"),
            "postgres_password": Ref("secret.postgres", "secret"),
            "neo4j_address": Ref("neo4j.vm", "address"),
            "neo4j_certificate": Ref("secret.tls", "certificate"),
            "neo4j_password": Ref("secret.neo4j", "secret"),
            "model_key": Ref("secret.model", "secret"),
        }

    def memmachine(self) -> Iterable[Step]:
        readable = ("grants.model", "grants.postgres", "grants.neo4j")
        databases = {
            "created": Ref("postgres.instance", "created"),
            "disk": Ref("neo4j.disk", "name"),
            "disk_id": Ref("neo4j.disk", "id"),
            "vm": Ref("neo4j.vm", "name"),
        }
        yield self.step(
            "prepare", "run.prepare", {"name": self.names.own("prep")}, "Prepare the databases",
            inputs={**self._container(), **databases}, needs=readable, seconds=75.0,
        )  # fmt: skip
        yield self.step(
            "service", "run.service", {"name": self.names.own("api")}, "MemMachine",
            inputs={**self._container(), "prepare": Ref("prepare", "key")}, needs=readable, seconds=60.0,
        )  # fmt: skip
        yield self.step(
            "access", "run.access", {"name": self.names.own("api")}, "Who may call",
            inputs={"service": Ref("service", "name"), "verifier": Ref("account.verifier", "email")}, seconds=3.0,
        )  # fmt: skip

    def verification(self) -> Iterable[Step]:
        caller = Ref("preflight", "caller")
        yield self.grant(
            "caller", "account", self.names.account_email("vrf"), "Right to verify",
            {grants.MINT_ID_TOKENS: [caller]}, needs=("account.verifier",),
        )  # fmt: skip
        yield self.step(
            "verify", "verify", {}, "Store and find a memory",
            inputs={"uri": Ref("service", "uri"), "verifier": Ref("account.verifier", "email")},
            needs=("access", "caller"), seconds=25.0, transient=True,
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


def shared(scope: Scope) -> Graph:
    """The steps of `destroy --shared`."""
    return Graph(list(Builder(scope).shared()))
