"""Fixtures with real containers: one stack a session. Without an engine or an image: a failure in CI, else a skip."""

from __future__ import annotations

import os
from collections.abc import Iterator

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from tests.e2e.stack import IMAGES, Stack, running


def unavailable(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; tests/rig/up brings both")
    pytest.skip(f"{reason}; tests/rig/up brings both")


@pytest.fixture(scope="session")
def engine() -> docker.DockerClient:
    """An engine that answers and holds the rig's images."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except DockerException:
        unavailable("no container engine answers")
    for name in IMAGES:
        try:
            client.images.get(name)
        except ImageNotFound:
            unavailable(f"image {name} is not there")
    return client


@pytest.fixture(scope="session")
def stack(engine: docker.DockerClient) -> Iterator[Stack]:
    """PostgreSQL, Neo4j and the offline model, running; Neo4j's password is `stack.neo4j_password`."""
    yield from running(Stack(engine))


@pytest.fixture(scope="session")
def other_stack(engine: docker.DockerClient) -> Iterator[Stack]:
    """A second set of servers, for what is carried from one deployment to another."""
    yield from running(Stack(engine))
