"""Which deployment a command means when nobody names one."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdeploy.errors import AnswerNeeded, NoSuchDeployment
from memdeploy.lifecycle import naming
from memdeploy.state.deployments import Deployments
from memdeploy.state.journal import DeploymentStatus


def made(root: Path, *names: str, status: DeploymentStatus | None = None) -> Deployments:
    deployments = Deployments(root)
    for name in names:
        place = deployments.create(name, provider="gcp", identity={}, binding="real", configuration={})
        if status:
            with place.acquire("up") as lease:
                place.write(lease).update(status=status)
    return deployments


def test_the_named_one(tmp_path: Path) -> None:
    assert naming.choose("third", made(tmp_path, "first", "second"), may_create=False) == "third"


def test_the_only_one(tmp_path: Path) -> None:
    assert naming.choose(None, made(tmp_path, "first"), may_create=True) == "first"


def test_of_several_none(tmp_path: Path) -> None:
    with pytest.raises(AnswerNeeded, match="first, second"):
        naming.choose(None, made(tmp_path, "first", "second"), may_create=True)


def test_what_was_destroyed_counts_where_it_is_asked_for_and_none_lives(tmp_path: Path) -> None:
    deployments = made(tmp_path, "first", status=DeploymentStatus.DESTROYED)
    assert naming.choose(None, deployments, may_create=False, destroyed=True) == "first"
    with pytest.raises(NoSuchDeployment):
        naming.choose(None, deployments, may_create=False)
    made(tmp_path, "second", status=DeploymentStatus.DESTROYED)
    with pytest.raises(AnswerNeeded, match="first, second"):
        naming.choose(None, deployments, may_create=False, destroyed=True)
    made(tmp_path, "third")
    assert naming.choose(None, deployments, may_create=False, destroyed=True) == "third"


def test_none_yet(tmp_path: Path) -> None:
    assert naming.choose(None, Deployments(tmp_path), may_create=True) == naming.DEFAULT
    with pytest.raises(NoSuchDeployment):
        naming.choose(None, Deployments(tmp_path), may_create=False)


def test_one_that_was_destroyed_is_none(tmp_path: Path) -> None:
    deployments = made(tmp_path, "first", status=DeploymentStatus.DESTROYED)
    assert naming.existing("first", deployments) is None
    assert naming.choose(None, deployments, may_create=True) == naming.DEFAULT
    with pytest.raises(NoSuchDeployment):
        naming.required("first", deployments)
