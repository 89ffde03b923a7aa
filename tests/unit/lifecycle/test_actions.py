"""From what was seen to what is planned, and what is refused."""

from __future__ import annotations

import pytest

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Status
from memdeploy.engine.step import Difference, Effect, Observed, Outage, State, Unknown
from memdeploy.errors import Foreign, Refused
from memdeploy.lifecycle import actions, orphans
from tests.unit.lifecycle.toys import record, step


def planned(seen: Observed) -> actions.Action:
    return actions.actions(Graph([step("a")]), {"a": seen}, orphans.Orphans(), Graph([]), {})[0]


def difference(effect: Effect) -> Difference:
    return Difference("service.instances.max", 4, 7, effect, "because")


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (Observed(State.ABSENT), "create"),
        (Observed(State.PENDING), "change"),
        (Observed(State.BROKEN), "change"),
        (Observed(State.FOREIGN), "foreign"),
        (Observed(State.UNREADABLE), "unreadable"),
        (Observed(State.PRESENT), "unchanged"),
        (Observed(State.PRESENT, unknown=(Unknown("b", "x"),)), "may-change"),
        (Observed(State.DIFFERENT, (difference(Effect.IN_PLACE),)), "change"),
        (Observed(State.DIFFERENT, (difference(Effect.RESTART),)), "change"),
        (Observed(State.DIFFERENT, (difference(Effect.REPLACE),)), "replace"),
        (Observed(State.DIFFERENT, (difference(Effect.REPLACE), difference(Effect.FORBIDDEN))), "forbidden"),
    ],
)
def test_each_state_has_its_word(seen: Observed, word: str) -> None:
    assert planned(seen)["action"] == word


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ([Effect.IN_PLACE], False),
        ([Effect.IN_PLACE, Effect.RESTART], True),
        ([Effect.RESTART, Effect.FORBIDDEN], False),  # it will not come to that
    ],
)
def test_a_restart_says_what_does_not_answer(effects: list[Effect], said: bool) -> None:
    seen = Observed(State.DIFFERENT, tuple(difference(effect) for effect in effects))
    graph = Graph([step("a", outage=Outage("nothing is found", 90.0))])
    action = actions.actions(graph, {"a": seen}, orphans.Orphans(), Graph([]), {})[0]
    assert action.get("restart") == ({"unreachable": "nothing is found", "seconds": 90.0} if said else None)
    assert "restart" not in planned(seen)


def test_a_change_names_path_old_new_and_effect() -> None:
    change = planned(Observed(State.DIFFERENT, (difference(Effect.IN_PLACE),)))["changes"]
    assert change == [{"path": "service.instances.max", "old": 4, "new": 7, "effect": "in-place", "reason": "because"}]


def test_what_depends_on_the_unknown_names_the_step() -> None:
    assert planned(Observed(State.PRESENT, unknown=(Unknown("b", "x"), Unknown("b", "y"))))["depends_on"] == ["b"]


def test_an_absence_needs_no_reason() -> None:
    assert "reason" not in planned(Observed(State.ABSENT, reason="the API is off"))


def test_transient_steps_are_not_planned() -> None:
    assert actions.actions(Graph([step("v", transient=True)]), {}, orphans.Orphans(), Graph([]), {}) == []


def test_what_left_the_graph_is_removed_unless_it_holds_data_or_data_needs_it() -> None:
    every = Graph([
        step("a"), step("password"), step("old"), step("never"),
        step("disk", holds_data=True, keeps=("password",)), step("vm", "disk"),
    ])  # fmt: skip
    known = [record("a"), record("vm"), record("disk", holds_data=True), record("password")]
    records = {r.name: r for r in [*known, record("old", Status.REMOVED), record("never", Status.PENDING)]}
    left = orphans.find(Graph([step("a")]), every, records, delete_data=False)
    assert left == orphans.Orphans(data=("disk",), kept=("password",), stateless=("vm",))
    planned = actions.actions(Graph([]), {}, left, every, {"disk": 3.5, "vm": 24.5, "elsewhere": 1.0})
    assert {entry["step"]: entry["action"] for entry in planned} == {
        "vm": "remove",
        "disk": "orphan",
        "password": "kept",
    }
    assert actions.cost_at_rest(planned) == 3.5
    everything = orphans.find(Graph([step("a")]), every, records, delete_data=True)
    assert set(everything.stateless) == {"vm", "disk", "password"}


def test_only_changes_are_pending() -> None:
    assert not actions.pending([planned(Observed(State.PRESENT))])
    assert actions.pending([planned(Observed(State.ABSENT))])


def test_foreign_and_forbidden_are_refused_whatever_is_replaced() -> None:
    foreign = actions.refusals([planned(Observed(State.FOREIGN, reason="not ours"))], frozenset({"a"}))
    assert isinstance(foreign[0], Foreign)
    assert foreign[0].where == "a"
    forbidden = planned(Observed(State.DIFFERENT, (difference(Effect.FORBIDDEN),)))
    refused = actions.refusals([forbidden], frozenset({"a"}))
    assert isinstance(refused[0], Refused)
    assert "cannot change from 4 to 7: because" in refused[0].message


def test_a_replacement_needs_its_flag() -> None:
    replacing = planned(Observed(State.DIFFERENT, (difference(Effect.REPLACE),)))
    refused = actions.refusals([replacing], frozenset())
    assert refused[0].code == "replace-needed"
    assert "--replace a" in str(refused[0].suggestion)
    assert actions.refusals([replacing], frozenset({"a"})) == []
