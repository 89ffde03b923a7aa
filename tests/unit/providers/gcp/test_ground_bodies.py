"""Request bodies as golden files: what is sent to make each thing that everything stands on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memdeploy.providers.gcp.accounts import Account
from memdeploy.providers.gcp.network import Firewall, Network, Range, Subnet
from memdeploy.providers.gcp.registry import REMOTE, STANDARD, Repository
from tests.unit.providers.gcp.test_graph import cloud

GOLDEN = json.loads((Path(__file__).parent / "golden" / "ground.json").read_text())
LINK = "projects/proj-1/global/networks/memdeploy-us-central1"


def bodies() -> dict[str, Any]:
    scope = cloud().scope
    names = scope.names
    rule = {"network": LINK, "cidr": "10.71.0.0/24", "account": names.account_email("neo")}
    return {
        "account": Account(scope, names.own("run"), "MemMachine of demo").body(),
        "firewall": Firewall(scope, names.own("bolt")).body(rule),
        "hub": Repository(scope, names.shared_hub, REMOTE).body(),
        "network": Network(scope, names.shared).body(),
        "range": Range(scope, names.shared_range).body(LINK),
        "registry": Repository(scope, names.shared, STANDARD).body(),
        "subnet": Subnet(scope, names.own("net")).body(LINK, "10.71.0.0/24"),
    }


@pytest.mark.parametrize("name", sorted(bodies()))
def test_bodies(name: str) -> None:
    assert bodies()[name] == GOLDEN[name]


def test_nothing_golden_is_left_over() -> None:
    assert sorted(GOLDEN) == sorted(bodies())
