"""Which project and region `destroy --shared` is about, where nobody named one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from memdeploy.errors import AnswerNeeded, NoSuchDeployment
from memdeploy.lifecycle.destroy_shared import known
from memdeploy.lifecycle.request import Request
from memdeploy.state.deployments import Deployments
from memdeploy.state.journal import REAL

CLOUD = {"project": "proj-1", "region": "us-central1"}
HERE = {"runtime": "docker", "folder": None}


def made(root: Path, **identities: Mapping[str, str | None]) -> Deployments:
    found = Deployments(root)
    for name, identity in identities.items():
        provider = "local" if identity is HERE else "gcp"
        found.create(name, provider=provider, identity=identity, binding=REAL, configuration={})
    return found


def test_the_only_project_there_is_whatever_lives_on_this_machine(tmp_path: Path) -> None:
    found = known(Request("destroy"), made(tmp_path, first=CLOUD, second=CLOUD, mine=HERE))
    assert found is not None
    assert found.identity == CLOUD


def test_of_two_projects_none(tmp_path: Path) -> None:
    deployments = made(tmp_path, first=CLOUD, second={**CLOUD, "project": "proj-2"})
    with pytest.raises(AnswerNeeded, match="several projects") as raised:
        known(Request("destroy"), deployments)
    assert "--name first or --name second" in str(raised.value.suggestion)
    found = known(Request("destroy", name="second"), deployments)
    assert found is not None
    assert found.identity["project"] == "proj-2"


def test_on_this_machine_nothing_is_shared(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDeployment):
        known(Request("destroy"), made(tmp_path, mine=HERE))
