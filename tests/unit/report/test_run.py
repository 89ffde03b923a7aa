"""A run as its events tell it."""

from __future__ import annotations

import functools

import pytest

from memdeploy.engine.events import Event, EventKind
from memdeploy.report import lines
from memdeploy.report.run import RunView, fold, remaining, waits_for
from tests.unit.report.samples import HEAD, START, STEPS, event, run_so_far


def view(*events: Event) -> RunView:
    return functools.reduce(fold, events, RunView())


def test_phases_follow_the_events() -> None:
    found = view(*run_so_far())

    assert {s.name: s.phase for s in found.steps.values()} == {
        "preflight": "done", "secrets": "done", "postgres": "running", "service": "waiting", "verify": "waiting",
    }  # fmt: skip
    assert found.settled == 2


def test_a_waiting_step_says_for_what() -> None:
    found = view(*run_so_far())

    assert waits_for(found, found.steps["service"]) == "waits for postgres"
    assert waits_for(found, found.steps["verify"]) == "waits for service"


def test_running_needs_are_named_first_and_no_more_than_two() -> None:
    steps = [{"name": n, "needs": []} for n in "abcd"] + [{"name": "z", "needs": ["a", "b", "c", "d"]}]
    found = view(
        event(EventKind.RUN_STARTED, 0, steps=steps), event(EventKind.STEP_STARTED, 1, "c", title="", seconds=1.0)
    )

    assert waits_for(found, found.steps["z"]) == "waits for c, a and 2 more"


def test_what_is_left_is_the_longest_path() -> None:
    found = view(*run_so_far())

    assert remaining(found, START + 109.5) == pytest.approx(320 + 60 + 15)


def test_a_step_that_takes_longer_than_usual_is_not_done_in_no_time() -> None:
    assert remaining(view(*run_so_far()), START + 5000) == pytest.approx(42 + 60 + 15)


def test_usual_lengths_say_nothing_in_a_rehearsal() -> None:
    started = event(EventKind.RUN_STARTED, 0, steps=STEPS, **{**HEAD, "rehearsal": "k3v9x2"})

    assert remaining(view(started), START) is None
    assert "left" not in lines.footer(view(started), START + 5)


def test_the_footer_counts_and_promises() -> None:
    assert lines.footer(view(*run_so_far()), START + 109.5) == (
        "2/5 · 1m48s · about 7 min left · Ctrl-C is safe, `memdeploy up` continues"
    )


def test_the_time_that_somebody_takes_to_answer_is_not_counted() -> None:
    asked = view(*run_so_far()[:2])
    assert lines.footer(asked, START + 3600).startswith("0/5 · about")

    begun = fold(asked, event(EventKind.STEP_STARTED, 3600, "preflight", title="", seconds=5.0))
    assert "3.0s" in lines.footer(begun, START + 3603)


def test_the_cost_is_said_with_the_plan_when_the_header_had_none() -> None:
    told = {"create": 1, "cost_per_month": 80.3, "prices": "2026-11"}

    assert lines.plan(told, {"deployment": "x"}).endswith("0 to remove; about $80/month (prices 2026-11)")
    assert "$" not in lines.plan(told, HEAD)


def test_the_footer_after_a_signal() -> None:
    found = view(*run_so_far(), event(EventKind.STOPPING, 20, signal="SIGINT"))

    assert "stopping: waiting for calls in flight" in lines.footer(found, START + 20)


def test_failures_and_skips() -> None:
    found = view(
        *run_so_far(),
        event(EventKind.STEP_FAILED, 99, "postgres", code="quota", message="no quota", suggestion=None, seconds=89.5),
        event(EventKind.STEP_SKIPPED, 99, "service", because="postgres"),
    )

    assert found.steps["postgres"].phase == "failed"
    assert lines.detail(found, found.steps["postgres"]) == "no quota"
    assert lines.detail(found, found.steps["service"]) == "skipped because of postgres"


def test_a_step_that_nobody_announced_is_shown_too() -> None:
    found = view(event(EventKind.STEP_STARTED, 0, "final.backup", title="", seconds=9.0))

    assert found.steps["final.backup"].phase == "running"


def test_folding_never_changes_what_was_known() -> None:
    before = view(*run_so_far())
    fold(before, event(EventKind.STEP_FINISHED, 400, "postgres", action="created", seconds=390.0, summary=""))

    assert before.steps["postgres"].phase == "running"
