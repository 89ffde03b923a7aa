"""The backing without an engine offers all that a backing offers, and claims nothing."""

from __future__ import annotations

import inspect

import pytest

from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import Backing

METHODS = [name for name, _ in inspect.getmembers(Backing, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_the_protocol_is_there_with_its_parameters(name: str) -> None:
    wanted = inspect.signature(getattr(Backing, name)).parameters
    have = inspect.signature(getattr(NoBacking, name)).parameters
    assert list(have) == list(wanted)


def test_it_claims_no_server() -> None:
    backing = NoBacking()
    assert backing.name == "none"
    assert backing.registry() is None
    assert "url" not in backing.service_state("projects/p/locations/r/services/s/revisions/s-1").result
    assert backing.build_state("projects/p/locations/r/builds/b").result == {}
