"""The journal that is changed is the one that stands when the lease is ours, not the one that was looked at before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memdeploy.errors import Locked, NoSuchDeployment, Refused
from memdeploy.lifecycle import changing
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


@pytest.mark.parametrize("seen_in_the_cloud", [False, True])
def test_of_two_that_begin_one_name_at_once_the_second_is_told_who_is_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen_in_the_cloud: bool
) -> None:
    """Neither had a journal when they looked; nor is what the first made meanwhile one whose journal is lost."""
    deployments, fields = Deployments(tmp_path), {"identity": {}, "binding": "real", "configuration": {}}
    leases: list[Lease] = []

    @contextmanager
    def drafting(*about: Any, **more: Any) -> Iterator[Any]:
        yield SimpleNamespace(journal=deployments.draft("toys", provider="gcp", **fields), deployments=deployments)

    def meanwhile(drafted: Any) -> None:
        leases.append(deployments.create("toys", provider="gcp", **fields).acquire("up"))
        if seen_in_the_cloud:
            raise Refused("a deployment toys is there already", code="journal-lost")

    monkeypatch.setattr(changing, "session", drafting)
    monkeypatch.setattr(changing, "refuse_lost", meanwhile)
    request = Request(command="up", name="toys", state=str(tmp_path))
    with (
        pytest.raises(Locked, match=f"`memdeploy up` of .*pid {os.getpid()} "),
        change(request, lambda event: None, may_create=True),
    ):
        raise AssertionError
    (lease,) = leases
    lease.check()  # nobody fenced it off
    lease.release()
