"""MemMachine: its image, its databases' preparation, its service, and the proof that it stores memories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memdeploy.engine.step import Ref, Step
from memdeploy.providers.gcp import grants
from memdeploy.providers.gcp.graph.builder import Builder

IMAGE_GRANTS = ("grants.registry", "grants.hub", "grants.project")


def image(b: Builder) -> Iterable[Step]:
    yield b.step(
        "image", "memmachine.image", {"name": b.names.base}, "MemMachine's image",
        inputs={
            "registry_uri": Ref("shared.registry", "registry_uri"),
            "hub_uri": Ref("shared.hub", "registry_uri"),
            "account": Ref("account.build", "email"),
        },
        needs=IMAGE_GRANTS, seconds=200.0,
    )  # fmt: skip


def memmachine(b: Builder) -> Iterable[Step]:
    readable = _readable(b)
    databases = {"created": Ref("postgres.instance", "created")}
    if b.vm:
        databases |= {
            "disk": Ref("neo4j.disk", "name"), "disk_id": Ref("neo4j.disk", "id"), "vm": Ref("neo4j.vm", "name"),
        }  # fmt: skip
    yield b.step(
        "prepare", "run.prepare", {"name": b.names.own("prep")}, "Prepare the databases",
        inputs={**_container(b), **databases}, needs=readable, seconds=75.0,
    )  # fmt: skip
    yield b.step(
        "access", "run.access", {"name": b.names.own("api")}, "Who may call",
        inputs={
            "image": Ref("image", "reference"),
            "account": Ref("account.run", "email"),
            "verifier": Ref("account.verifier", "email"),
        },
        seconds=45.0,
    )  # fmt: skip
    yield b.step(
        "service", "run.service", {"name": b.names.own("api")}, "MemMachine",
        inputs={**_container(b), **_after_prepare(b)}, needs=(*readable, "access"), seconds=60.0,
    )  # fmt: skip


def _container(b: Builder) -> dict[str, Any]:
    """What the container needs, in the job and in the service alike."""
    return {
        "image": Ref("image", "reference"),
        "account": Ref("account.run", "email"),
        "postgres_database": Ref("postgres.database", "name"),
        "postgres_user": Ref("postgres.user", "name"),
        "postgres_password": Ref("secret.postgres", "secret"),
        "model_key": Ref("secret.model", "secret"),
        **_way_out(b),
        **_way_to_postgres(b),
        **_way_to_neo4j(b),
    }


def _way_out(b: Builder) -> dict[str, Any]:
    if not b.networked:
        return {}
    return {"network": Ref("shared.network", "link"), "subnet": Ref("network.subnet", "link")}


def _way_to_postgres(b: Builder) -> dict[str, Any]:
    if b.connector:
        return {"postgres_connection": Ref("postgres.instance", "connection")}
    return {
        "postgres_address": Ref("postgres.instance", "address"),
        "postgres_authority": Ref("postgres.authority", "pem"),
    }


def _way_to_neo4j(b: Builder) -> dict[str, Any]:
    if b.external:
        return {"neo4j_password": Ref("secret.external", "secret")}
    if b.sidecar:
        return {
            "neo4j_password": Ref("secret.sidecar", "secret"), "neo4j_image": Ref("neo4j.image", "reference"),
        }  # fmt: skip
    return {
        "neo4j_address": Ref("neo4j.vm", "address"),
        "neo4j_certificate": Ref("secret.tls", "certificate"),
        "neo4j_password": Ref("secret.neo4j", "secret"),
    }


def _readable(b: Builder) -> tuple[str, ...]:
    neo4j = "grants.external" if b.external else "grants.sidecar" if b.sidecar else "grants.neo4j"
    return ("grants.model", "grants.postgres", neo4j, *(("grants.sql",) if b.connector else ()))


def _after_prepare(b: Builder) -> dict[str, Any]:
    """A service that runs is moved when the databases are ready for it. The first revision is made beside that:
    its instances wait for the databases by themselves."""
    runs = "service" in b.scope.context.records
    return {"prepare": Ref("prepare", "key")} if runs else {}


def verification(b: Builder) -> Iterable[Step]:
    caller = Ref("preflight", "caller")
    yield b.grant(
        "caller", "account", b.names.account_email("vrf"), "Right to verify",
        {grants.MINT_ID_TOKENS: [caller]}, needs=("account.verifier",),
    )  # fmt: skip
    yield b.step(
        "verify", "verify", {}, "Store and find a memory",
        inputs={"uri": Ref("service", "uri"), "verifier": Ref("account.verifier", "email")},
        needs=("access", "caller", "prepare"), seconds=25.0, transient=True,
    )  # fmt: skip
