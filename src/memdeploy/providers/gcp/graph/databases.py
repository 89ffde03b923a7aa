"""PostgreSQL and Neo4j."""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.engine.step import Outage, Ref, Step
from memdeploy.providers.gcp.graph.builder import Builder

DATABASE = "memmachine"


def postgres(b: Builder) -> Iterable[Step]:
    name = b.names.own("sql")
    of_instance = {
        "instance": Ref("postgres.instance", "name"),
        "running": Ref("postgres.instance", "running"),
    }
    place = {"network": Ref("shared.network", "link"), "range": Ref("shared.range", "name")}
    yield b.step(
        "postgres.instance", "sql.instance", {"name": name}, "Cloud SQL",
        inputs={} if b.connector else place, needs=("apis",) if b.connector else ("shared.peering",),
        seconds=420.0, holds_data=True, outage=Outage("MemMachine answers no call", 180.0),
        keeps=(
            "postgres.database", "postgres.user", "secret.postgres", "image",
            *(() if b.connector else ("shared.peering", "network.subnet")),
        ),
    )  # fmt: skip
    if not b.connector:  # the connector checks the instance by itself
        yield _authority(b, name)
    child = {"instance": name, "name": DATABASE}
    yield b.step("postgres.database", "sql.database", child, "Database", inputs=of_instance, seconds=6.0)
    yield b.step(
        "postgres.user", "sql.user", child, "Database user",
        inputs={**of_instance, "password": Ref("secret.postgres", "secret")},
        needs=("postgres.database",),  # an instance does one operation at a time, and refuses a second
        seconds=6.0,
    )  # fmt: skip


def _authority(b: Builder, name: str) -> Step:
    return b.step(
        "postgres.authority", "sql.authority", {"instance": name}, "Cloud SQL's certificate authorities",
        inputs={"instance": Ref("postgres.instance", "name")}, seconds=2.0,
    )  # fmt: skip


def neo4j(b: Builder) -> Iterable[Step]:
    if b.vm or b.sidecar:
        yield b.step(
            "neo4j.image", "neo4j.image", {}, "Neo4j's image",
            inputs={"registry_uri": Ref("shared.hub", "registry_uri")}, seconds=10.0,
        )  # fmt: skip
    if b.vm:
        yield from _machine(b)


def _machine(b: Builder) -> Iterable[Step]:
    n = b.names
    subnet = Ref("network.subnet", "link")
    yield b.step(
        "neo4j.address", "compute.address", {"name": n.own("neo")}, "Address for Neo4j",
        inputs={"subnet": subnet}, seconds=8.0,
    )  # fmt: skip
    yield b.step(
        "neo4j.snapshots", "compute.snapshots", {"name": n.own("snap")}, "Snapshot schedule",
        needs=("apis",), seconds=5.0,
    )  # fmt: skip
    yield b.step(
        "neo4j.disk", "compute.disk", {"name": n.own("data")}, "Neo4j's disk",
        inputs={"snapshots": Ref("neo4j.snapshots", "link")}, seconds=10.0, holds_data=True,
        keeps=(
            "neo4j.snapshots", "neo4j.image", "neo4j.address", "secret.neo4j", "secret.tls", "network.subnet",
            "image",
        ),
    )  # fmt: skip
    yield b.step(
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
