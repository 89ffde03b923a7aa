"""The journal that is changed is the one that stands when the lease is ours, not the one that was looked at before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memdeploy.errors import NoSuchDeployment
from memdeploy.lifecycle.changing import change
from memdeploy.lifecycle.request import Request
from memdeploy.state.deployments import Deployments, Place
from memdeploy.state.lease import Lease


@pytest.mark.parametrize(("command", "may_create"), [("up", True), ("destroy", False)])
def test_what_was_destroyed_while_it_was_waited_for_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, may_create: bool
) -> None:
    """Its id and its suffix have ended: the names of what was deleted may be reserved for days."""
    deployments = Deployments(tmp_path)
    deployments.create("toys", provider="gcp", identity={}, binding="real", configuration={})
    acquire = Place.acquire

    def after_a_destroy(place: Place, *about: Any, **more: Any) -> Lease:
        with acquire(place, "destroy") as lease:
            place.write(lease).update(status="destroyed")
        return acquire(place, *about, **more)

    monkeypatch.setattr(Place, "acquire", after_a_destroy)
    request = Request(command=command, name="toys", state=str(tmp_path), wait=True)
    with pytest.raises(NoSuchDeployment, match="meanwhile"), change(request, lambda event: None, may_create=may_create):
        raise AssertionError
    assert deployments.open("toys").leases().holder() is None
