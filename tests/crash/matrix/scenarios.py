"""The commands whose every change is crossed with every crash point, and what comes before them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

UP = ("up", "--yes", "--provider", "gcp", "--project", "proj-1")
AGAIN = ("up", "--yes")
DESTROY = ("destroy", "--yes")
ALL_OF_IT = (*DESTROY, "--delete-data")
SHARED = ("destroy", "--shared", "--yes")
EXTERNAL = ("--neo4j", "external", "--neo4j-uri", "bolt+s://127.0.0.1:1")
CONNECTOR = ("--postgres-connectivity", "connector")
SIDECAR = ("--neo4j", "sidecar")
CHANGES = (
    "--label", "team=support", "--chat-model", "gpt-4o", "--postgres-tier", "db-custom-2-7680",
    "--postgres-disk-gb", "20", "--neo4j-machine", "e2-standard-2", "--neo4j-disk-gb", "40",
    "--postgres-deletion-protection", "off", "--neo4j-deletion-protection", "off",
    "--max-instances", "3", "--access", "invokers", "--invoker", "user:ann@example.com",
)  # fmt: skip
PEERING = "projects/proj-1/global/networks/memdeploy-us-central1/peerings/servicenetworking-googleapis-com"
GIVEN = {"NEO4J_PASSWORD": "of-their-own-server"}

#: They look, check or are switched on for good, and change nothing that could be lost or doubled.
LOOKING = frozenset({"preflight", "traces", "verify", "postgres.authority", "neo4j.image"})
#: Nobody takes them back: something else may use them.
PERMANENT = frozenset({"apis"})
#: They go with what they are part of.
PARTS = frozenset({"access", "postgres.user", "postgres.database"})
KEPT = frozenset({
    "apis", "shared.registry", "shared.hub", "shared.network", "shared.range", "shared.peering", "network.subnet",
    "image", "neo4j.address", "neo4j.snapshots", "neo4j.disk", "secret.neo4j", "secret.tls", "secret.postgres",
    "postgres.database", "postgres.user",
})  # fmt: skip
CHANGED = frozenset({
    "postgres.instance", "neo4j.disk", "neo4j.vm", "secret.tls", "secret.neo4j", "secret.postgres", "secret.model",
    "prepare", "access", "service",
})  # fmt: skip

LEFT = frozenset({
    "account.neo4j", "grants.external", "grants.hub", "grants.neo4j", "grants.project", "grants.tls", "neo4j.vm",
    "network.firewall", "prepare", "secret.external", "service",
})  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """`line` is run after all of `before`. Of its changes only those count that the scenario `beyond` has not: those
    of other steps, other verbs, or of steps that need something else there.

    `quiet`: the steps of the command that change nothing; every other one must. Or `changed`: the steps that change
    something; every other one must not."""

    provider: str
    command: str
    line: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    beyond: str | None = None
    quiet: frozenset[str] = LOOKING
    changed: frozenset[str] | None = None
    then: tuple[tuple[str, ...], ...] = ()
    "What is run after the killed one, in place of the same again."
    gone: bool = False
    "After that nothing of it may be left; of what would have been kept there may be less."
    held: str = ""
    "What the cloud keeps busy for days, as the command finds it."
    shards: int = 1
    slow: bool = False

    def changing(self, steps: Collection[str]) -> set[str]:
        """Of these steps of the command, those that must change something."""
        return set(self.changed) if self.changed is not None else set(steps) - self.quiet


SCENARIOS: Mapping[str, Scenario] = {
    "up": Scenario("gcp", "up", UP, shards=6),
    "up-external": Scenario(
        "gcp, external, connector", "up", (*UP, *EXTERNAL, *CONNECTOR), beyond="up", quiet=LOOKING - {"neo4j.image"}
    ),
    "up-sidecar": Scenario("gcp, sidecar", "up", (*UP, *SIDECAR), beyond="up"),
    "up-kept": Scenario("gcp, kept", "up", UP, before=(UP, DESTROY), beyond="up", quiet=LOOKING | KEPT),
    "change": Scenario("gcp", "up, other settings", (*AGAIN, *CHANGES), before=(UP,), changed=CHANGED, shards=2),
    "change-mode": Scenario(
        "gcp", "up, another mode", (*AGAIN, *EXTERNAL), before=(UP,), beyond="up", changed=LEFT, shards=2
    ),
    "destroy": Scenario("gcp", "destroy", DESTROY, before=(UP,), quiet=LOOKING | {"access", "neo4j.disk"}, shards=3),
    "destroy-all": Scenario("gcp", "destroy --delete-data", ALL_OF_IT, before=(UP,), quiet=LOOKING | PARTS, shards=4),
    "destroy-external": Scenario(
        "gcp, external, connector", "destroy --delete-data", ALL_OF_IT, before=((*UP, *EXTERNAL, *CONNECTOR),),
        beyond="destroy-all", quiet=LOOKING | PARTS,
    ),
    "destroy-sidecar": Scenario(
        "gcp, sidecar", "destroy --delete-data", ALL_OF_IT, before=((*UP, *SIDECAR),),
        beyond="destroy-all", quiet=LOOKING | PARTS,
    ),
    "up-destroyed": Scenario("gcp", "up, then destroy", UP, then=(ALL_OF_IT, SHARED), gone=True, shards=6, slow=True),
    "destroy-up": Scenario(
        "gcp", "destroy, then up", DESTROY, before=(UP,), then=(AGAIN,), quiet=LOOKING | {"access", "neo4j.disk"},
        shards=3, slow=True,
    ),
    "destroy-shared": Scenario("gcp", "destroy --shared", SHARED, before=(UP, ALL_OF_IT)),
    "destroy-held": Scenario(
        "gcp, peering in use", "destroy --shared", SHARED, before=(UP, ALL_OF_IT), beyond="destroy-shared", held=PEERING
    ),
}  # fmt: skip
