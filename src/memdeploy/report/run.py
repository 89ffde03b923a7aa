"""A run as its events tell it so far. Pure: `fold` takes what is known and one event, and gives what is known then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from memdeploy.engine.events import Event, EventKind

_RETRY_WORDS = 100

Phase = Literal["waiting", "running", "done", "failed", "skipped"]


@dataclass(frozen=True)
class StepView:
    """`text` is the newest progress line, at the end the summary or the error. `usual` in seconds."""

    name: str
    phase: Phase = "waiting"
    needs: tuple[str, ...] = ()
    usual: float = 5.0
    started: float | None = None
    seconds: float = 0.0
    action: str = ""
    text: str = ""


@dataclass(frozen=True)
class RunView:
    """`facts`: RUN_STARTED's data without the steps. `started` and `now`: seconds since the epoch."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] | None = None
    steps: Mapping[str, StepView] = field(default_factory=lambda: MappingProxyType({}))
    started: float | None = None
    stopping: str | None = None
    finished: bool = False

    def of(self, *phases: Phase) -> list[StepView]:
        return [step for step in self.steps.values() if step.phase in phases]

    @property
    def settled(self) -> int:
        return len(self.of("done", "failed", "skipped"))


def fold(view: RunView, event: Event) -> RunView:
    data = event.data
    match event.kind:
        case EventKind.RUN_STARTED:
            return _started(view, event)
        case EventKind.PLAN_READY:
            return replace(view, plan=data, started=None)  # somebody may be asked now: time counts from the first step
        case EventKind.RUN_FINISHED:
            return replace(view, finished=True)
        case EventKind.STOPPING:
            return replace(view, stopping=str(data.get("signal") or "stopped"))
        case EventKind.STEP_STARTED:
            usual = _number(data.get("seconds"), _step(view, event).usual)
            begun = view if view.started is not None else replace(view, started=event.at)
            return _with(begun, event, phase="running", started=event.at, usual=usual, text="")
        case EventKind.STEP_PROGRESS:
            return _with(view, event, text=str(data.get("text") or ""))
        case EventKind.STEP_RETRY:
            return _with(view, event, text=retry_text(data))
        case EventKind.STEP_FINISHED:
            return _ended(view, event, "done", str(data.get("summary") or ""), str(data.get("action") or ""))
        case EventKind.STEP_FAILED:
            return _ended(view, event, "failed", str(data.get("message") or data.get("code") or ""))
        case EventKind.STEP_SKIPPED:
            return _ended(view, event, "skipped", f"because of {data.get('because')}" if data.get("because") else "")
        case _:
            return view


def retry_text(data: Mapping[str, Any]) -> str:
    """`again in 4.0s: 503 Service Unavailable`. What passes by itself needs no more than its first words."""
    wait = _number(data.get("wait"), 0.0)
    why = str(data.get("message") or data.get("kind") or "no answer")
    return f"again in {wait:.1f}s: {why if len(why) <= _RETRY_WORDS else why[: _RETRY_WORDS - 1] + '…'}"


def waits_for(view: RunView, step: StepView) -> str:
    """The needs that are not done yet, the running ones first."""
    open_needs = [view.steps[n] for n in step.needs if n in view.steps and view.steps[n].phase != "done"]
    names = [n.name for n in sorted(open_needs, key=lambda n: n.phase != "running")]
    if not names:
        return ""
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"waits for {', '.join(names[:2])}{more}"


def remaining(view: RunView, now: float) -> float | None:
    """Seconds along the longest path that is left; None while nothing is known, or when the usual lengths (those of
    the real cloud) say nothing because this is a rehearsal."""
    if not view.steps or view.facts.get("rehearsal"):
        return None
    known: dict[str, float] = {}
    return max((_path(view, name, now, known) for name in view.steps), default=0.0)


def _path(view: RunView, name: str, now: float, known: dict[str, float]) -> float:
    if name not in known:
        step = view.steps[name]
        known[name] = 0.0  # also ends a cycle, which the engine would have refused
        before = max((_path(view, need, now, known) for need in step.needs if need in view.steps), default=0.0)
        known[name] = before + _left(step, now)
    return known[name]


def _left(step: StepView, now: float) -> float:
    if step.phase == "waiting":
        return step.usual
    if step.phase != "running":
        return 0.0
    # A step that takes longer than usual is not done in no time: a tenth of its length is always left.
    return max(step.usual - (now - (step.started or now)), step.usual / 10)


def _started(view: RunView, event: Event) -> RunView:
    facts = {key: value for key, value in event.data.items() if key != "steps"}
    steps = event.data.get("steps")
    listed = steps if isinstance(steps, list | tuple) else ()
    views = dict(view.steps)
    for item in listed:
        step = _listed(item)
        views[step.name] = step
    started = view.started if view.started is not None else event.at
    return replace(view, facts={**view.facts, **facts}, steps=MappingProxyType(views), started=started)


def _listed(item: object) -> StepView:
    if not isinstance(item, Mapping):
        return StepView(str(item))
    needs = tuple(str(need) for need in item.get("needs") or ())
    return StepView(str(item.get("name")), needs=needs, usual=_number(item.get("seconds"), 5.0))


def _step(view: RunView, event: Event) -> StepView:
    name = event.step or ""
    return view.steps.get(name) or StepView(name)


def _with(view: RunView, event: Event, **changes: Any) -> RunView:
    if not event.step:
        return view
    step = replace(_step(view, event), **changes)
    return replace(view, steps=MappingProxyType({**view.steps, step.name: step}))


def _ended(view: RunView, event: Event, phase: Phase, text: str, action: str = "") -> RunView:
    started = _step(view, event).started
    measured = event.at - started if started is not None else 0.0
    seconds = _number(event.data.get("seconds"), measured)
    return _with(view, event, phase=phase, text=text, action=action, seconds=seconds)


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
