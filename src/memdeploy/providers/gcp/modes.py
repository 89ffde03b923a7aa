"""What the modes of Neo4j and PostgreSQL mean for everything else. Pure."""

from __future__ import annotations

import ipaddress
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


def warning(deployment: Deployment) -> str | None:
    if sidecar(deployment):
        return SIDECAR
    uri = deployment.neo4j.uri
    if uri is None:
        return None
    parts = urlsplit(uri)
    if parts.scheme in _UNVERIFIED:
        return f"neo4j.uri: {parts.scheme} takes any certificate, also that of somebody in between"
    if parts.scheme in _PLAIN and not private(parts.hostname or ""):
        return (
            f"neo4j.uri: {parts.scheme} is not encrypted, and {parts.hostname} is no private address: memories and"
            " password can be read on the way. Use bolt+s or neo4j+s."
        )
    return None


def private(host: str) -> bool:
    """A private address as such; what a name stands for is not known here."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
