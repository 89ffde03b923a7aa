"""What is refused is refused before the first change, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

#: Where the APIs that tell are on: where they are off, enabling them is the first thing that can be refused.
WORLD = """\
projects:
  - id: proj-1
    number: 123456789012
    billing: true
    enabled: [cloudresourcemanager.googleapis.com, cloudbilling.googleapis.com]
    deny: [cloudsql.instances.create, compute.disks.create]
  - id: proj-2
    number: 223456789012
    billing: false
    enabled: [cloudresourcemanager.googleapis.com, cloudbilling.googleapis.com]
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Rehearsed]:
    world = tmp_path / "world.yaml"
    world.write_text(WORLD)
    served = Rehearsed.serve(tmp_path / "cloud", world=world)
    yield served
    served.stop()


def untouched(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    assert [r for r in cloud.requests() if r["mutates"]] == []
    assert not list(memdeploy.state.glob("[a-z]*")), "a deployment that was never begun was remembered"


def test_missing_permissions_are_all_named(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    refused = memdeploy(*UP, expect=3)
    text = refused.json["errors"][0]["message"]
    assert "cloudsql.instances.create" in text
    assert "compute.disks.create" in text
    untouched(memdeploy, cloud)


def test_a_project_without_billing(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    refused = memdeploy("up", "--yes", "--provider", "gcp", "--project", "proj-2", expect=3)
    assert "billing" in refused.json["errors"][0]["message"]
    untouched(memdeploy, cloud)


def test_a_project_that_does_not_exist(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    refused = memdeploy("up", "--yes", "--provider", "gcp", "--project", "nobodys-proj", expect=3)
    assert "nobodys-proj" in refused.json["errors"][0]["message"]
    untouched(memdeploy, cloud)


def test_without_a_terminal_the_flag_is_named(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    unanswered = memdeploy("up", "--provider", "gcp", "--project", "proj-1", expect=4)
    assert "--yes" in unanswered.json["errors"][0]["suggestion"]
    untouched(memdeploy, cloud)


def test_without_credentials_nothing_is_looked_up_twice(tmp_path: Path) -> None:
    memdeploy = Memdeploy(tmp_path, {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")})
    refused = memdeploy("up", "--yes", "--provider", "gcp", "--project", "acme-prod-1", expect=3)
    error = refused.json["errors"][0]
    assert error["step"] == "preflight"
    assert "OPENAI_API_KEY" in error["message"]
    assert not list(memdeploy.state.glob("[a-z]*"))


def test_finish_needs_a_destroy_that_was_begun(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    nobody = memdeploy("destroy", "--finish", expect=8)
    assert nobody.json["errors"][0]["code"] == "no-deployment"
