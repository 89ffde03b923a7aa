"""What was found of a deployment whose journal was lost, and what nobody could tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report import lines
from memdeploy.report.layout import Hanging
from memdeploy.report.marks import Marks
from memdeploy.report.results import parts
from memdeploy.report.text import clean, counted


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    found = [*(data.get("recovered") or ()), *(data.get("shared") or ())]
    name = clean(data.get("deployment", ""))
    title = f"{marks.done} {lines.deployment(data)}: {counted(len(found), 'step')} recovered"
    rows: list[RenderableType] = [Text(title, style="bold green")]
    if found:
        rows.append(parts.pairs([(clean(item["step"]), clean(item["status"])) for item in found]))
    if data.get("copy"):
        rows.append(Text(f"What was there before: {clean(data['copy'])}"))
    rows.extend(_said(data))
    after = (
        f"`memdeploy plan --name {name}` shows what differs, `up` brings it about; `destroy` wants --confirm {name}."
    )
    return [*rows, Hanging(Text(after, style="dim"), "  ")]


def _said(data: Mapping[str, Any]) -> list[RenderableType]:
    told: list[RenderableType] = []
    for path, value in (data.get("assumed") or {}).items():
        text = (
            f"{clean(path)} is taken to be {clean(str(value))}: nothing that is there tells it. Check it before `up`."
        )
        told.append(Text(text, style="yellow"))
    again: Sequence[str] = data.get("asked_again") or ()
    if again:
        text = (
            f"What was given for {', '.join(map(clean, again))} cannot be compared any more: an `up` that is given it"
            " stores it once more, and without it what is stored stays."
        )
        told.append(Text(text, style="dim"))
    foreign: Sequence[str] = data.get("foreign") or ()
    if foreign:
        told.append(Text(f"Somebody else's, left alone: {', '.join(map(clean, foreign))}", style="yellow"))
    return told
