"""What the benchmarks compute; what they measure is theirs to measure."""

from __future__ import annotations

import pytest
from benchmarks.critical_path import Step, attributed, length, longest
from benchmarks.nothing import together
from benchmarks.served import Operation
from benchmarks.versus_guide import Run

STEPS = {
    "apis": Step("serviceusage.services", frozenset(), ()),
    "network": Step("compute.network", frozenset({"net"}), ("apis",)),
    "sql": Step("sql.instance", frozenset({"db"}), ("network",)),
    "user": Step("sql.user", frozenset({"memmachine"}), ("sql",)),
    "image": Step("memmachine.image", frozenset({"image"}), ("apis",)),
    "verify": Step("", frozenset(), ("user", "image")),
}


def operation(method: str, target: str, seconds: float = 1.0, start: float = 0.0) -> Operation:
    return Operation(f"operations/{method}", method, target, start, seconds)


def test_the_longest_chain_is_the_critical_path() -> None:
    lengths = {"apis": 2.0, "network": 2.0, "sql": 48.0, "user": 0.3, "image": 30.0, "verify": 0.0}
    seconds, chain = longest(STEPS, lengths)
    assert seconds == pytest.approx(52.3)
    assert chain == ("apis", "network", "sql", "user")


def test_an_operation_belongs_to_the_step_that_manages_its_target() -> None:
    begun = [
        operation("sql.users.insert", "projects/p/instances/db"),
        operation("sql.instances.insert", "projects/p/instances/db"),
        operation("compute.networks.insert", "projects/p/global/networks/net"),
    ]
    assert {name: [o.method for o in own] for name, own in attributed(begun, STEPS).items()} == {
        "user": ["sql.users.insert"],
        "sql": ["sql.instances.insert"],
        "network": ["compute.networks.insert"],
    }


def test_an_operation_of_nobody_is_not_left_out() -> None:
    with pytest.raises(LookupError, match="no step manages"):
        attributed([operation("compute.networks.insert", "projects/p/global/networks/another")], STEPS)


def test_what_one_request_began_runs_at_once_and_the_rest_in_turn() -> None:
    own = [operation("a", "x", 0.8, 5.0), operation("b", "x", 4.5, 5.0), operation("c", "x", 1.0, 9.0)]
    assert length(own, "run.prepare", frozenset(), "prepare", scale=0.1) == pytest.approx(5.5)


def test_what_the_cloud_imposes_afterwards_counts_for_what_was_made() -> None:
    assert length([], "iam.grants", frozenset({"caller"}), "caller", scale=0.1) == pytest.approx(9.0)
    assert length([], "iam.grants", frozenset(), "caller", scale=0.1) == 0.0
    enabled = [operation("serviceusage.services.batchEnable", "projects/p", 2.0)]
    assert length(enabled, "serviceusage.services", frozenset(), "apis", scale=0.1) == pytest.approx(6.5)


def test_exchanges_under_way_at_once_are_counted() -> None:
    exchanges = [{"at": 0.0, "seconds": 2.0}, {"at": 1.0, "seconds": 2.0}, {"at": 3.0, "seconds": 1.0}]
    assert together(exchanges) == 2


def test_the_databases_own_time_is_not_compared() -> None:
    assert Run(whole=57.0, database=48.0).beyond == 9.0
