"""Whose an image is, with a real engine: the last deployment that has a name for it takes it along."""

from __future__ import annotations

import io
from collections.abc import Iterator

import docker
import pytest
from docker.errors import ImageNotFound

from memdeploy.providers.local.containers.image import LABEL, SHARED, Image
from tests.unit.providers.local.containers.made import scope

pytestmark = pytest.mark.engine

TAG = "test-of-images"
OWN, OTHER = f"memdeploy/trial-x7k2:{TAG}", f"memdeploy/other-x7k2:{TAG}"


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=60)
    yield client
    for name in (OWN, OTHER, f"{SHARED}:{TAG}"):
        if there(client, name):
            client.images.remove(name)


def there(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def built(client: docker.DockerClient, *names: str, label: bool = True) -> str:
    recipe = f"FROM python:3.12-slim-trixie\nLABEL about={TAG}\n"
    labels = {LABEL: TAG} if label else {}
    image, _ = client.images.build(fileobj=io.BytesIO(recipe.encode()), labels=labels, tag=names[0], rm=True)
    for name in names[1:]:
        image.tag(name)
    return str(image.id)


def forget() -> None:
    image = Image(scope(), "trial-x7k2")
    for tag in image._tags():
        image._forget(tag)


def test_the_last_name_takes_the_image_along(engine: docker.DockerClient) -> None:
    identity = built(engine, f"{SHARED}:{TAG}", OWN)
    forget()
    assert not there(engine, identity)


def test_another_deployment_keeps_it(engine: docker.DockerClient) -> None:
    identity = built(engine, f"{SHARED}:{TAG}", OWN, OTHER)
    forget()
    assert not there(engine, OWN)
    assert engine.images.get(f"{SHARED}:{TAG}").id == identity


def test_a_container_keeps_it(engine: docker.DockerClient) -> None:
    identity = built(engine, f"{SHARED}:{TAG}", OWN)
    holder = engine.containers.create(identity, ["true"])
    try:
        forget()
        assert not there(engine, OWN)
        assert there(engine, f"{SHARED}:{TAG}")
    finally:
        holder.remove()


def test_an_image_that_was_not_built_by_us_only_loses_our_name(engine: docker.DockerClient) -> None:
    built(engine, f"{SHARED}:{TAG}", OWN, label=False)
    forget()
    assert not there(engine, OWN)
    assert there(engine, f"{SHARED}:{TAG}")
