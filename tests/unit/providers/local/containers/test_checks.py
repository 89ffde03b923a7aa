"""What an engine and a machine must be, from what they say of themselves."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from memdeploy.providers.base import Verdict
from memdeploy.providers.local.containers import checks
from memdeploy.providers.local.containers.checks import Facts
from tests.unit.providers.local.containers.made import scope

#: As engines answered GET /info; only what is looked at.
DOCKER: dict[str, Any] = {
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "OSType": "linux", "Architecture": "x86_64", "NCPU": 2,
    "MemTotal": 24 * 1024**3, "MemoryLimit": True, "CpuCfsQuota": True, "DockerRootDir": "/nowhere/docker",
    "SecurityOptions": ["name=seccomp,profile=default"],
}  # fmt: skip
ROOTLESS = {
    **DOCKER, "MemoryLimit": False, "CpuCfsQuota": False, "SecurityOptions": ["name=seccomp", "name=rootless"],
}  # fmt: skip
SOCKET = "http+docker://localhost"


def found(
    check: Any, info: dict[str, Any] = DOCKER, api: str = "1.41", url: str = SOCKET, **options: Any
) -> list[tuple[str, Verdict]]:
    return [(one.code, one.verdict) for one in check(Facts(scope(**options), info, api, url))]


OK = [("ok", Verdict.PASSED)]


def test_an_engine_of_this_machine_that_is_new_enough() -> None:
    assert found(checks.engine) == OK
    assert found(checks.engine, url="http://127.0.0.1:2375") == OK
    assert found(checks.engine, ROOTLESS) == OK


@pytest.mark.parametrize(
    ("info", "api", "url", "code"),
    [
        (DOCKER, "1.41", "http://10.0.0.9:2375", "engine-elsewhere"),
        (DOCKER, "1.41", "http+docker://ssh", "engine-elsewhere"),
        (DOCKER, "1.40", SOCKET, "engine-too-old"),
        ({**DOCKER, "OSType": "windows"}, "1.41", SOCKET, "engine-not-linux"),
    ],
)
def test_other_engines_are_refused(info: dict[str, Any], api: str, url: str, code: str) -> None:
    assert found(checks.engine, info, api, url) == [(code, Verdict.FAILED)]


def test_processors_that_packages_are_made_for() -> None:
    for name in ("x86_64", "aarch64"):
        assert found(checks.architecture, {**DOCKER, "Architecture": name}) == OK
    assert found(checks.architecture, {**DOCKER, "Architecture": "riscv64"}) == [
        ("architecture-unknown", Verdict.FAILED)
    ]


def test_an_engine_that_cannot_limit_is_a_warning() -> None:
    assert found(checks.limits) == OK
    assert found(checks.limits, ROOTLESS) == [("no-limits", Verdict.WARNING)]


@pytest.mark.parametrize(
    ("gib", "expected"),
    [(24.0, OK), (3.0, [("little-memory", Verdict.WARNING)]), (1.5, [("too-little-memory", Verdict.FAILED)])],
)
def test_memory_for_all_servers(gib: float, expected: list[tuple[str, Verdict]]) -> None:
    assert found(checks.memory, {**DOCKER, "MemTotal": int(gib * 1024**3)}) == expected


def test_more_instances_need_more_memory() -> None:
    info = {**DOCKER, "MemTotal": 5 * 1024**3}
    assert found(checks.memory, info) == OK
    assert found(checks.memory, info, service={"instances": {"min": 8}}) == [("little-memory", Verdict.WARNING)]


def test_an_engine_in_a_virtual_machine_does_not_show_its_disk(tmp_path: Path) -> None:
    facts = Facts(scope(tmp_path), DOCKER, "1.41", SOCKET)
    assert [one.verdict for one in checks.disk(facts)] == [Verdict.PASSED, Verdict.PASSED]


@pytest.mark.parametrize(("room", "code"), [(100 << 20, "disk-full"), (2 << 30, "disk-small"), (50 << 30, "ok")])
def test_room_on_the_engines_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: int, code: str) -> None:
    monkeypatch.setattr(checks, "free_bytes", lambda path: room)
    first, _ = checks.disk(Facts(scope(tmp_path), DOCKER, "1.41", SOCKET))
    assert first.code == code


def test_a_key_that_is_needed_and_not_given() -> None:
    assert found(checks.model_key) == OK  # the offline model asks for none
    assert found(checks.model_key, model={"provider": "openai"}) == [("model-key-missing", Verdict.FAILED)]


def test_a_free_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    place = {"runtime": "docker", "port": port, "folder": "/nowhere"}
    assert found(checks.port, local=place) == OK
