"""A journal is bound to one cloud, real or rehearsed, for life."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memdeploy.errors import UsageError
from memdeploy.lifecycle.rehearsing import FOLDER, leave, stage
from memdeploy.lifecycle.request import Request
from memdeploy.rehearsal import process
from memdeploy.state.deployments import Deployments


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    process.stop(tmp_path / FOLDER / "gcp")


def test_without_a_rehearsal_it_is_the_real_cloud(root: Path) -> None:
    with stage(Request("up"), "gcp", None, root, {}) as found:
        assert (found.binding, found.target) == ("real", None)
    assert not (root / FOLDER).exists()


def test_a_real_deployment_is_never_rehearsed(root: Path) -> None:
    with (
        pytest.raises(UsageError) as raised,
        stage(Request("destroy", rehearse=True, backing="none"), "gcp", "real", root, {}),
    ):
        pytest.fail("it was let through")
    assert raised.value.code == "binding"


def test_a_rehearsed_deployment_never_meets_another_cloud(root: Path) -> None:
    with pytest.raises(UsageError) as raised, stage(Request("destroy", backing="none"), "gcp", "another", root, {}):
        pytest.fail("it was let through")
    assert raised.value.code == "binding"


def test_a_rehearsal_without_containers_ends_with_its_command_and_keeps_its_id(root: Path) -> None:
    request = Request("up", rehearse=True, backing="none")
    with stage(request, "gcp", None, root, {}) as first:
        assert process.running(root / FOLDER / "gcp") is not None
    assert process.running(root / FOLDER / "gcp") is None
    with stage(Request("status"), "gcp", first.binding, root, {}) as again:
        assert again.binding == first.binding


def test_it_ends_with_the_last_of_those_who_use_it(root: Path) -> None:
    """Of two commands at once the one that started it may well end first: its user has another terminal."""
    request, ours = Request("up", rehearse=True, backing="none"), root / FOLDER / "gcp"
    first, second = stage(request, "gcp", None, root, {}), stage(request, "gcp", None, root, {})
    assert first.__enter__() == second.__enter__()
    leave(Deployments(root))  # a destroy of nothing, beside an `up` that has no journal yet
    assert process.running(ours) is not None
    first.__exit__(None, None, None)
    assert process.running(ours) is not None
    second.__exit__(None, None, None)
    assert process.running(ours) is None


@pytest.mark.parametrize("entirely", [False, True])
def test_one_that_nobody_uses_is_left(root: Path, entirely: bool) -> None:
    ours = root / FOLDER / "gcp"
    process.start(ours)
    leave(Deployments(root), entirely=entirely)
    assert process.running(ours) is None
    assert ours.exists() is not entirely


@pytest.mark.parametrize("endpoint", ["http://203.0.113.9:80", "https://127.0.0.1:1", "http://example.com"])
def test_an_endpoint_is_on_loopback(root: Path, endpoint: str) -> None:
    with pytest.raises(UsageError), stage(Request("up"), "gcp", None, root, {"MEMDEPLOY_GCP_ENDPOINT": endpoint}):
        pytest.fail("it was let through")
