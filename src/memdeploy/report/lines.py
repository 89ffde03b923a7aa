"""Lines of a run, for the live screen and for plain output: header, plan, a step, the footer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.report.run import RunView, StepView, remaining, waits_for
from memdeploy.report.text import about, clean, duration, joined, money

_SHARED = "_shared"
SAFE = "Ctrl-C is safe, `memdeploy {command}` continues"


def header(facts: Mapping[str, Any]) -> str:
    """`support-memory · gcp acme-prod-1/europe-west1 · MemMachine 0.4.0 · standard · about $86/month`."""
    own = facts.get("deployment") != _SHARED
    release = facts.get("release") if own else None
    return joined(
        (
            deployment(facts),
            clean(facts.get("target") or facts.get("provider") or ""),
            f"MemMachine {clean(release)}" if release else "",
            clean(facts.get("profile") or "") if own else "",
            rehearsal(facts),
            money(facts.get("cost_per_month"), facts.get("prices")),
        )
    )


def deployment(facts: Mapping[str, Any]) -> str:
    """Its name; what deployments share has none that a person knows."""
    name = facts.get("deployment") or ""
    return "what deployments share" if name == _SHARED else clean(name)


def rehearsal(facts: Mapping[str, Any]) -> str:
    """`REHEARSAL 4f2k…`; empty for the real cloud."""
    value = facts.get("rehearsal")
    if not value:
        return ""
    return "REHEARSAL" if value is True else f"REHEARSAL {clean(value)}"


def plan(data: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> str:
    """`Plan: 24 to create, 0 to change, 0 to remove; about 9 min`, and the cost when the header (`facts`) had none."""
    counts = data.get("counts") if isinstance(data.get("counts"), Mapping) else data
    assert isinstance(counts, Mapping)
    numbers = ", ".join(f"{counts.get(word, 0)} to {word}" for word in ("create", "change", "remove"))
    maybe = f", {counts['may_change']} may change" if counts.get("may_change") else ""
    seconds = data.get("seconds")
    time = f"; about {about(seconds)}" if isinstance(seconds, int | float) and seconds > 0 else ""
    real = " in the real cloud" if time and rehearsal(facts or data) else ""
    known = facts is None or facts.get("cost_per_month") is not None
    cost = "" if known else money(data.get("cost_per_month"), data.get("prices"))
    return joined((f"Plan: {numbers}{maybe}{time}{real}", cost), "; ")


def detail(view: RunView, step: StepView) -> str:
    """What stands behind a step's time."""
    if step.phase == "waiting":
        return waits_for(view, step)
    text = clean(step.text)
    if step.phase == "done" and step.action in ("unchanged", "kept", "removed", "adopted", "updated"):
        return text if text and step.action == "unchanged" else joined((step.action, text), ": ")
    if step.phase == "skipped":
        return joined(("skipped", text), " ")
    if step.phase == "running":
        long = step.usual >= 60 and not view.facts.get("rehearsal")
        return joined((text, f"usually {about(step.usual)}" if long else ""), ", ")
    return text


def elapsed(step: StepView, now: float) -> str:
    if step.phase == "running":
        return duration(now - (step.started if step.started is not None else now))
    return duration(step.seconds) if step.phase in ("done", "failed") else ""


def footer(view: RunView, now: float) -> str:
    """`21/24 · 6m12s · about 4 min left · Ctrl-C is safe, …`."""
    left = remaining(view, now)
    return joined(
        (
            f"{view.settled}/{len(view.steps)}" if view.steps else "",
            duration(now - view.started) if view.started is not None else "",
            f"about {about(left)} left" if left and not view.stopping else "",
            safety(view),
        )
    )


def safety(view: RunView) -> str:
    command = clean(view.facts.get("command") or "")
    changes = command in ("up", "destroy")
    if view.stopping:
        return "stopping: waiting for calls in flight" + (f"; `memdeploy {command}` continues later" if changes else "")
    return SAFE.format(command=command) if changes else "Ctrl-C is safe"
