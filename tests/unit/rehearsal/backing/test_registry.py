"""The loopback registry: what its container is made from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from memdeploy.rehearsal.backing.engine import Engine
from memdeploy.rehearsal.backing.images import Background, Images
from memdeploy.rehearsal.backing.registry import Registry
from tests.support.refusing import engine


def test_it_is_published_on_loopback_alone() -> None:
    """It asks nobody who they are, and takes what anybody pushes."""
    with engine() as (client, sent):
        own = SimpleNamespace(
            client=client, volume=lambda *_: "data", name=lambda *_: "registry", labels=lambda *_, **more: more
        )
        images = SimpleNamespace(fetch=lambda name: None)
        registry = Registry(cast(Engine, own), cast(Images, images), cast(Background, None))
        with pytest.raises(Exception, match="invalid environment"):
            registry._create()
    [asked] = sent
    bound: dict[str, Any] = asked["HostConfig"]["PortBindings"]
    assert list(bound) == ["5000/tcp"]
    assert [one["HostIp"] for several in bound.values() for one in several] == ["127.0.0.1"]
    assert asked["HostConfig"].get("NetworkMode") != "host"
