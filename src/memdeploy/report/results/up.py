"""The summary of `up`: where it is, how it is called, whether a memory was really stored, what to run next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report import lines
from memdeploy.report.marks import Marks
from memdeploy.report.results import parts, plan
from memdeploy.report.text import clean, counted, duration, joined, money

_VERIFIED = {
    "real": "a memory was stored, found and removed again",
    "simulated": "simulated: the API alone was rehearsed, no server ran, no memory was stored",
}

#: Actions that `up` refuses a plan for.
_REFUSED = ("replace", "forbidden", "foreign", "unreadable")


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    if not data.get("url"):
        return _not_done(data, marks)
    return [
        Text(""),
        _title(data, marks),
        parts.pairs(
            (
                ("url", parts.address(data["url"], data)),
                ("call it", Text("\n").join(Text(line) for line in _calls(data))),
                ("verified", _VERIFIED.get(str(data.get("verified")), clean(data.get("verified") or "not verified"))),
                ("release", _release(data)),
                ("access", clean(data.get("access") or "")),
                ("took", _took(data)),
                ("cost", _cost(data)),
                ("pending", Text("\n").join(Text(clean(item)) for item in data.get("pending") or ())),
                ("next", f"{_command('status', data)}\n{_command('destroy', data)}"),
            )
        ),
        *parts.warnings(data, marks),
    ]


def _title(data: Mapping[str, Any], marks: Marks) -> Text:
    """Up is what was verified; a service that runs and keeps no memory is not."""
    good = data.get("verified") in _VERIFIED
    words = "is up" if good else "runs, but is not verified"
    title = joined((f"{clean(data.get('deployment', ''))} {words}", lines.rehearsal(data)), f" {marks.dot} ")
    return Text(f"{marks.done if good else marks.warning} {title}", style="bold green" if good else "bold yellow")


def _calls(data: Mapping[str, Any]) -> list[str]:
    """The command lines that call the service; the provider's own words in `data.call` come first. Behind a rehearsal
    of the API alone there is nothing worth calling."""
    if data.get("verified") == "simulated":
        return ["nothing real listens there: a stand-in answers, and only while the rehearsal runs"]
    given = data.get("call")
    if isinstance(given, str):
        return [clean(given)]
    if given:
        return [clean(line) for line in given]
    return [f"curl {clean(data['url']).rstrip('/')}/api/v2/health"]


def _not_done(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    """A plan that was refused, or one that nobody agreed to (and has just seen), or a run that stopped early."""
    if isinstance(data.get("plan"), Mapping):
        actions: Sequence[Mapping[str, Any]] = data["plan"].get("actions") or ()
        refused = any(action.get("action") in _REFUSED for action in actions)
        return [*(plan.table(data["plan"], marks) if refused else []), Text("Nothing was changed.")]
    steps: Sequence[Mapping[str, Any]] = data.get("steps") or ()
    done = sum(1 for step in steps if step.get("status") in ("done", "created", "updated", "unchanged", "adopted"))
    return [Text(f"{done} of {counted(len(steps), 'step')} done.")] if steps else []


def _release(data: Mapping[str, Any]) -> str:
    return f"MemMachine {clean(data['release'])}" if data.get("release") else ""


def _took(data: Mapping[str, Any]) -> str:
    seconds = data.get("seconds")
    if not isinstance(seconds, int | float):
        return ""
    steps = [step for step in data.get("steps") or () if isinstance(step.get("seconds"), int | float)]
    slowest = sorted(steps, key=lambda step: -step["seconds"])[:3]
    named = ", ".join(f"{clean(s.get('name', ''))} {duration(s['seconds'])}" for s in slowest if s["seconds"] >= 0.05)
    resumed = "went on from an earlier run" if data.get("resumed") else ""
    return joined((duration(seconds), f"longest: {named}" if named else "", resumed), "; ")


def _cost(data: Mapping[str, Any]) -> str:
    cost = money(data.get("cost_per_month"), data.get("prices"))
    return f"{cost} in the real cloud; the rehearsal costs nothing" if cost and data.get("rehearsal") else cost


def _command(word: str, data: Mapping[str, Any]) -> str:
    return f"memdeploy {word} --name {clean(data['deployment'])}" if data.get("deployment") else f"memdeploy {word}"
