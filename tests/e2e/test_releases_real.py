"""A deployment of each older release on the rehearsed cloud, with real servers; the newest's: test_product_real.py."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from memdeploy.memmachine import releases
from tests.e2e.product import serve

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(1800)]

UP = ("up", "--yes", "--provider", "gcp", "--project", "proj-1")
TEXT = "The pilot of Vlissingen wears a yellow oilskin."
OLDER = [version for version in releases.deployable() if version != releases.DEFAULT]


@pytest.mark.parametrize("release", OLDER)
def test_it_is_deployed_stores_and_finds_and_is_changed_by_no_other_release(tmp_path: Path, release: str) -> None:
    live = serve(tmp_path, docker.from_env(timeout=120))
    try:
        found = live.memdeploy(*UP, "--release", release).data
        assert (found["release"], found["verified"]) == (release, "real")
        assert live.psql("SELECT version_num FROM alembic_version") == releases.find(release).schema_head
        live.remember("proof", TEXT)
        refused = live.memdeploy("up", "--yes", "--release", releases.DEFAULT, expect=3).json
        assert [error["code"] for error in refused["errors"]] == ["upgrade-needed"]
        assert TEXT in live.recall("proof", "What does the pilot wear?")
        assert live.memdeploy("verify").data["verified"] == "real"
    finally:
        live.cloud.ask("POST", "/_rehearsal/reset")
        live.cloud.stop()
    assert live.left() == {"containers": [], "networks": [], "volumes": []}
