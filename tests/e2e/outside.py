"""A Neo4j of somebody's own, outside of the rehearsed cloud: a plain container at an address of this machine that both
the command line and the service's container reach. TLS with a certificate that nobody vouches for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker import DockerClient
from docker.models.containers import Container

from tests.e2e.certificates import self_signed
from tests.e2e.stack import LABEL, NEO4J, put, wait_for

PASSWORD = "out/side@:{}$1 %23?"


@dataclass(frozen=True)
class Outside:
    container: Container
    address: str
    port: int

    def uri(self, scheme: str = "bolt+ssc") -> str:
        return f"{scheme}://{self.address}:{self.port}"

    def cypher(self, query: str, **values: Any) -> list[dict[str, Any]]:
        from neo4j import GraphDatabase

        with GraphDatabase.driver(self.uri(), auth=("neo4j", PASSWORD)) as driver:
            records, _, _ = driver.execute_query(query, parameters_=values)
            return [record.data() for record in records]

    def answers(self) -> bool:
        from neo4j import GraphDatabase
        from neo4j.exceptions import DriverError

        try:
            with GraphDatabase.driver(self.uri(), auth=("neo4j", PASSWORD)) as driver:
                driver.verify_connectivity()
        except DriverError:
            return False
        return True

    def ready(self) -> Outside:
        wait_for(self.answers, "Neo4j outside", 90)
        return self


@contextmanager
def outside(engine: DockerClient) -> Iterator[Outside]:
    """Published at the gateway of a network of its own: an address of this machine that no other reaches. It starts
    while others do; `ready` waits for it. Nothing of it is left at the end."""
    labels = {LABEL: secrets.token_hex(4)}
    network = engine.networks.create(f"memdeploy-outside-{labels[LABEL]}", labels=labels)
    try:
        network.reload()
        address = str(network.attrs["IPAM"]["Config"][0]["Gateway"]).partition("/")[0]
        container = _create(engine, labels, str(network.name), address)
        try:
            yield _started(container, address)
        finally:
            container.remove(force=True, v=True)
    finally:
        network.remove()


def _create(engine: DockerClient, labels: dict[str, str], network: str, address: str) -> Container:
    key, certificate = self_signed(address)
    policy = "NEO4J_dbms_ssl_policy_bolt_"
    container = engine.containers.create(
        NEO4J,
        labels=labels,
        network=network,
        ports={"7687/tcp": (address, None)},
        environment={
            "NEO4J_AUTH_FILE": "/auth/neo4j", "NEO4J_server_bolt_tls__level": "REQUIRED",
            "NEO4J_server_memory_pagecache_size": "64m",
            f"{policy}enabled": "true", f"{policy}base__directory": "/tls", f"{policy}private__key": "private.key",
            f"{policy}public__certificate": "public.crt", f"{policy}client__auth": "NONE",
        },
    )  # fmt: skip
    put(container, "/", {
        "auth/neo4j": (f"neo4j/{PASSWORD}".encode(), 0o400, 7474),
        "tls/private.key": (key, 0o600, 7474),
        "tls/public.crt": (certificate, 0o644, 7474),
    })  # fmt: skip
    return container


def _started(container: Container, address: str) -> Outside:
    container.start()
    container.reload()
    port = int(container.attrs["NetworkSettings"]["Ports"]["7687/tcp"][0]["HostPort"])
    return Outside(container, address, port)
