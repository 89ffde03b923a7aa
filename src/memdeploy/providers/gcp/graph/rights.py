"""Secrets, and who may read them; who may write images and logs."""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.config.model import KeySource
from memdeploy.engine.step import Ref, Step
from memdeploy.providers.gcp import grants
from memdeploy.providers.gcp.graph.builder import Builder


def secrets(b: Builder) -> Iterable[Step]:
    kind, identity = _given(b, b.scope.deployment.model.source, "secretmanager.modelKey", "key")
    yield b.step("secret.model", kind, identity, "Model key", needs=("apis",), seconds=4.0)
    yield _generated(b, "secret.postgres", "pg", "PostgreSQL password")
    run, neo4j = Ref("account.run", "member"), Ref("account.neo4j", "member")
    yield _readers(b, "model", identity["name"].partition("/versions/")[0], [run])
    yield _readers(b, "postgres", b.names.own("pg"), [run])
    if b.vm:
        yield _generated(b, "secret.neo4j", "neo", "Neo4j password")
        yield b.step(
            "secret.tls", "secretmanager.tls", {"name": b.names.own("tls")}, "Neo4j certificate",
            inputs={"address": Ref("neo4j.address", "address")}, needs=("apis",), seconds=5.0,
        )  # fmt: skip
        yield _readers(b, "neo4j", b.names.own("neo"), [run, neo4j])
        yield _readers(b, "tls", b.names.own("tls"), [neo4j])
    if b.external:
        yield from _external(b, run)
    if b.sidecar:
        yield _generated(b, "secret.sidecar", "side", "Password of the Neo4j beside MemMachine")
        yield _readers(b, "sidecar", b.names.own("side"), [run])


def _external(b: Builder, run: Ref) -> Iterable[Step]:
    """A secret of its own: the machine's password stays with its disk, whichever mode is next."""
    source = b.scope.deployment.neo4j.password
    kind, identity = _given(b, source, "secretmanager.neo4jPassword", "ext")
    yield b.step("secret.external", kind, identity, "Password of your Neo4j", needs=("apis",), seconds=4.0)
    yield _readers(b, "external", identity["name"].partition("/versions/")[0], [run])


def _generated(b: Builder, name: str, role: str, title: str) -> Step:
    own = {"name": b.names.own(role)}
    return b.step(name, "secretmanager.generated", own, title, needs=("apis",), seconds=4.0)


def _given(b: Builder, source: KeySource | None, kind: str, role: str) -> tuple[str, dict[str, str]]:
    """The user's own secret, or one of ours with the value that was given."""
    if source is not None and source.secret:
        return "secretmanager.referenced", {"name": source.secret}
    return kind, {"name": b.names.own(role)}


def _readers(b: Builder, what: str, thing: str, members: list[Ref]) -> Step:
    """Per secret, and a step of its own: kept secrets lose the accounts that are removed."""
    return b.grant(
        f"grants.{what}", "secret", thing, f"Readers of the {what} secret",
        {grants.ACCESS_SECRET: members}, needs=(f"secret.{what}",),
    )  # fmt: skip


def image_grants(b: Builder) -> Iterable[Step]:
    build, neo4j = Ref("account.build", "member"), Ref("account.neo4j", "member")
    readers = [build, neo4j] if b.vm else [build]
    yield b.grant(
        "grants.registry", "repository", b.names.shared, "Writer of images",
        {grants.WRITE_IMAGES: [build]}, needs=("shared.registry",),
    )  # fmt: skip
    yield b.grant(
        "grants.hub", "repository", b.names.shared_hub, "Readers of public images",
        {grants.READ_IMAGES: readers}, needs=("shared.hub",),
    )  # fmt: skip
    yield b.grant("grants.project", "project", b.scope.project, "Writers of logs", {grants.WRITE_LOGS: readers})
    if b.connector:
        yield b.grant(
            "grants.sql", "project", b.scope.project, "Client of Cloud SQL",
            {grants.CONNECT_SQL: [Ref("account.run", "member")]},
        )  # fmt: skip
