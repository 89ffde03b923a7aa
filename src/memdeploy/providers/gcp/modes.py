"""What the modes of Neo4j and PostgreSQL mean for everything else. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from memdeploy.config.model import Connectivity, Deployment, Neo4jMode

SIDECAR = (
    "neo4j.mode sidecar is for trying out: Neo4j runs beside MemMachine in one instance and keeps nothing. Every memory"
    " is lost at each restart, each new revision and each maintenance of Cloud Run."
)
_PLAIN = frozenset({"bolt", "neo4j"})
_UNVERIFIED = frozenset({"bolt+ssc", "neo4j+ssc"})


def vm(deployment: Deployment) -> bool:
    return deployment.neo4j.mode is Neo4jMode.VM


def sidecar(deployment: Deployment) -> bool:
    return deployment.neo4j.mode is Neo4jMode.SIDECAR


def external(deployment: Deployment) -> bool:
    return deployment.neo4j.mode is Neo4jMode.EXTERNAL


def connector(deployment: Deployment) -> bool:
    return deployment.postgres.connectivity is Connectivity.CONNECTOR


def network(deployment: Deployment) -> bool:
    """Whether a network of ours is needed: for the machine, or for the database's private address."""
    return vm(deployment) or not connector(deployment)


def warnings(deployment: Deployment) -> Iterator[str]:
    if sidecar(deployment):
        yield SIDECAR
    if deployment.neo4j.uri is None:
        return
    parts = urlsplit(deployment.neo4j.uri)
    host = parts.hostname or ""
    if parts.scheme in _UNVERIFIED:
        yield f"neo4j.uri: {parts.scheme} takes any certificate, also that of somebody in between"
    if parts.scheme in _PLAIN and not private(host):
        yield (
            f"neo4j.uri: {parts.scheme} is not encrypted, and {host} is no private address: memories and password can"
            " be read on the way. Use bolt+s or neo4j+s."
        )
    if private(host) and not network(deployment):
        yield (
            f"neo4j.uri: {host} is a private address, and with postgres.connectivity connector there is no network of"
            " ours: MemMachine reaches public addresses only."
        )


def private(host: str) -> bool:
    """A private address as such; what a name stands for is not known here."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
