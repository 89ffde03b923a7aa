"""Whether a container answers, from what the engine says and what its own check says now."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient

from memdeploy.providers.local.containers.found import Found, look

OURS = {"memdeploy-role": "postgres"}


class Api:
    """One container, and how its health check ends."""

    def __init__(self, attrs: dict[str, Any], code: int | None) -> None:
        self.attrs, self.code, self.ran = attrs, code, 0

    def inspect_container(self, name: str) -> dict[str, Any]:
        return self.attrs

    def exec_create(self, container: str, argv: list[str]) -> dict[str, str]:
        self.ran += 1
        assert argv == ["pg_isready"]
        return {"Id": "1"}

    def exec_start(self, exec_id: str) -> bytes:
        return b""

    def exec_inspect(self, exec_id: str) -> dict[str, int | None]:
        return {"ExitCode": self.code}


def attrs(status: str = "running", health: str = "starting", labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "Id": "1", "Name": "/pg", "State": {"Status": status, "ExitCode": 0, "Health": {"Status": health}},
        "Config": {"Labels": OURS if labels is None else labels, "Healthcheck": {"Test": ["CMD", "pg_isready"]}},
    }  # fmt: skip


def found(api: Api) -> Found:
    seen = look(cast(DockerClient, SimpleNamespace(api=api)), "pg")
    assert seen is not None
    return seen


@pytest.mark.parametrize(
    ("health", "code", "answers", "starting"),
    [
        ("starting", 0, True, False),
        ("starting", 1, False, True),
        ("unhealthy", 1, False, False),
        ("unhealthy", 0, True, False),
        ("starting", None, False, True),
    ],
)
def test_what_the_engine_does_not_call_healthy_is_asked_now(
    health: str, code: int | None, answers: bool, starting: bool
) -> None:
    api = Api(attrs(health=health), code)
    seen = found(api)
    assert (seen.answers, seen.starting, api.ran) == (answers, starting, 1)


def test_what_is_healthy_or_does_not_run_is_not_asked() -> None:
    healthy, stopped = Api(attrs(health="healthy"), 1), Api(attrs(status="exited"), 0)
    assert (found(healthy).answers, found(stopped).answers) == (True, False)
    assert (healthy.ran, stopped.ran) == (0, 0)


def test_nothing_is_run_in_a_container_that_is_not_ours() -> None:
    api = Api(attrs(labels={}), 1)
    found(api)
    assert api.ran == 0


def test_podmans_word_for_an_end() -> None:
    assert found(Api(attrs(status="stopped"), 0)).status == "exited"
