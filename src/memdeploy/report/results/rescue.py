"""What the tables were, and whether they were put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.text import clean

_STATES = {
    "healthy": "nothing to rescue: no later release has touched these databases",
    "new": "nothing to rescue: these are databases of 0.4.0 itself",
    "empty": "nothing to rescue: there are no tables of MemMachine",
    "other": "this is the state of another release, which rescue does not know",
}


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    found = data.get("found")
    if not isinstance(found, Mapping):
        return []
    name, state = clean(data.get("deployment") or ""), str(found.get("state"))
    if data.get("changed"):
        text = f"{marks.done} {name}: its tables are 0.3.9's again, {found.get('memories')} memories with them"
        return [Text(text, style="bold green")]
    return [Text(f"{name}: {_STATES[state]}")] if state in _STATES else []
