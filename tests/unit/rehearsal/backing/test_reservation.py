"""Spaces are held by processes: one has it, the next takes another, and nothing stays when a process ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from ipaddress import IPv4Network
from types import SimpleNamespace
from typing import Any

import pytest

from memdeploy.rehearsal.backing import addresses
from memdeploy.rehearsal.backing.engine import BackingError
from memdeploy.rehearsal.backing.networks import Networks
from memdeploy.rehearsal.backing.reservation import reserve

SPACE = IPv4Network("10.98.0.0/15")
HOLDER = f"""
import sys
from ipaddress import IPv4Network
from memdeploy.rehearsal.backing.reservation import reserve
held = reserve(IPv4Network("{SPACE}"))
print("held" if held else "taken", flush=True)
sys.stdin.read()
"""


def test_a_space_is_given_once_and_is_free_again_when_its_holder_was_killed() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert reserve(SPACE) is None
    holder.kill()
    holder.communicate()
    again = reserve(SPACE)
    assert again is not None
    assert again.space == SPACE
    again.release()


class Engine:
    """An engine that has networks, some of them this rehearsal's."""

    def __init__(self, own: list[str], others: list[str]) -> None:
        self._own = [_network(cidr) for cidr in own]
        self.client = SimpleNamespace(
            networks=SimpleNamespace(list=lambda: [*self._own, *(_network(cidr) for cidr in others)])
        )

    def lock(self, name: str) -> Any:
        return threading.RLock()

    def networks(self) -> list[Any]:
        return self._own


def _network(cidr: str) -> Any:
    return SimpleNamespace(attrs={"IPAM": {"Config": [{"Subnet": cidr}]}})


@pytest.fixture(autouse=True)
def no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "host_routes", list)


def test_two_rehearsals_without_networks_get_two_spaces_and_keep_them() -> None:
    one, two = (Networks(Engine([], [])) for _ in range(2))  # type: ignore[arg-type]
    first, second = one.free_space(), two.free_space()
    assert first != second
    assert (one.free_space(), two.free_space()) == (first, second)


def test_the_space_of_last_time_is_kept_with_the_networks_in_it() -> None:
    made = Networks(Engine(["10.212.0.0/16", "10.213.0.0/24"], ["10.70.0.0/16"]))  # type: ignore[arg-type]
    assert made.free_space("10.212.0.0/15") == "10.212.0.0/15"


def test_a_space_that_somebody_else_took_meanwhile_is_given_up() -> None:
    made = Networks(Engine([], ["10.212.9.0/24"]))  # type: ignore[arg-type]
    assert made.free_space("10.212.0.0/15") != "10.212.0.0/15"


def test_a_machine_without_a_free_space_is_told_so() -> None:
    with pytest.raises(BackingError, match="/15"):
        Networks(Engine([], ["10.0.0.0/8"])).free_space()  # type: ignore[arg-type]
