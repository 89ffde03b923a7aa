"""`release:` in a deployment: what is built, what is refused, and that a refusal leaves everything as it is."""

from __future__ import annotations

import json

import pytest

from memdeploy.memmachine import releases
from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed


@pytest.mark.parametrize("release", ["0.3.9", "0.2.6"])
def test_an_older_release_is_built_and_kept(memdeploy: Memdeploy, cloud: Rehearsed, release: str) -> None:
    assert memdeploy(*UP, "--release", release).data["release"] == release
    [build] = cloud.ask("GET", "/cloudbuild/v1/projects/proj-1/locations/us-central1/builds")["builds"]
    assert f"RELEASE={release}" in json.dumps(build["steps"][-1]["args"])
    assert memdeploy("up", "--yes").data["release"] == release  # as it was made, whatever the default is by now
    since = cloud.last_request()
    refused = memdeploy("up", "--yes", "--release", releases.DEFAULT, expect=3).json
    assert [error["code"] for error in refused["errors"]] == ["upgrade-needed"]
    assert [request for request in cloud.requests(since) if request["mutates"]] == []


@pytest.mark.parametrize(
    ("release", "code", "expect", "nearest"),
    [("0.1.10", "release-not-deployable", 3, "0.2.6"), ("0.3.5", "unknown-release", 2, "0.3.9")],
)
def test_another_is_refused_before_anything_is_asked(
    memdeploy: Memdeploy, cloud: Rehearsed, release: str, code: str, expect: int, nearest: str
) -> None:
    since = cloud.last_request()
    for command in (("plan", *UP[2:]), UP):
        [error] = memdeploy(*command, "--release", release, expect=expect).json["errors"]
        assert error["code"] == code
        assert nearest in error["suggestion"]
    assert [request for request in cloud.requests(since) if not request["path"].startswith("/_rehearsal")] == []
    checked = memdeploy("doctor", *UP[2:], "--release", release, expect=expect).json
    assert code in [error["code"] for error in checked["errors"]]
