"""What `up` would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report import lines
from memdeploy.report.layout import Hanging
from memdeploy.report.marks import Marks
from memdeploy.report.results import costs, parts
from memdeploy.report.text import about, clean, counted, joined, money

#: action -> sign, style, words
_ACTIONS = {
    "create": ("+", "green", ""),
    "change": ("~", "yellow", ""),
    "replace": ("±", "red", "has to be made again"),
    "remove": ("-", "red", ""),
    "forbidden": ("!", "red", "cannot change"),
    "orphan": ("!", "yellow", ""),
    "kept": ("=", "dim", "kept from before"),
    "unchanged": ("=", "dim", ""),
    "may-change": ("?", "yellow", "may change"),
    "foreign": ("!", "red", "exists already and is not ours"),
    "unreadable": ("!", "red", "cannot be read"),
}


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    return [
        *parts.heading(data),
        Text(lines.plan(data)),
        *table(data, marks),
        *costs.render(data),
        *parts.warnings(data, marks),
    ]


def table(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    """The plan step by step, as `up` shows it before it asks. What stays is shown where there is a reason to tell, and
    anything else to do."""
    actions: Sequence[Mapping[str, Any]] = data.get("actions") or ()
    busy = [action for action in actions if action.get("action") != "unchanged"]
    shown = [action for action in actions if action in busy or (busy and action.get("reason"))]
    width = max((len(clean(action.get("step", ""))) for action in shown), default=0)
    return [*(block for action in shown for block in _action(action, width, marks)), *_unchanged(actions)]


def _action(action: Mapping[str, Any], width: int, marks: Marks) -> list[RenderableType]:
    sign, style, words = _ACTIONS.get(str(action.get("action")), ("?", "yellow", clean(action.get("action"))))
    step = clean(action.get("step", ""))
    first = Text.assemble((f"  {sign} ", style), f"{step:<{width}}  ")
    cost = money(action.get("cost_per_month"))
    note = joined((words, _depends(action), _reason(action), _how(action, step), _restart(action), cost), ", ")
    found: list[RenderableType] = [Hanging(Text(note or clean(action.get("title") or ""), style="dim"), first)]
    if action.get("changes"):
        found.append(parts.changes(action["changes"], marks))
    return found


def _depends(action: Mapping[str, Any]) -> str:
    needs = action.get("depends_on") or ()
    if action.get("action") != "may-change" or not needs:
        return ""
    return f"depends on {', '.join(clean(need) for need in needs)}"


def _reason(action: Mapping[str, Any]) -> str:
    return clean(action.get("reason") or "")


def _how(action: Mapping[str, Any], step: str) -> str:
    return f"needs --replace {step}" if action.get("action") == "replace" else ""


def _restart(action: Mapping[str, Any]) -> str:
    """What does not answer meanwhile, said before anybody is asked."""
    found = action.get("restart")
    if not isinstance(found, Mapping):
        return ""
    return f"restarts: {clean(found.get('unreachable') or '')} for about {about(found.get('seconds') or 0)}"


def _unchanged(actions: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    number = Counter(str(action.get("action")) for action in actions)["unchanged"]
    if not number:
        return []
    everything = number == len(actions)
    text = f"Nothing to do: {counted(number, 'step')} as wanted." if everything else f"  {number} unchanged"
    return [Text(text, style="" if everything else "dim")]
