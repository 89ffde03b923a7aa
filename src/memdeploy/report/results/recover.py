"""What was found of a deployment whose journal was lost, or of what it shares; and what nobody could tell."""

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
    own: Sequence[Mapping[str, Any]] = data.get("recovered") or ()
    found = [*own, *(data.get("shared") or ())]
    what = "" if own else " of what deployments share"
    title = f"{marks.done} {lines.deployment(data)}: {counted(len(found), 'step')}{what} recovered"
    rows: list[RenderableType] = [Text(title, style="bold green")]
    if found:
        rows.append(parts.pairs([(clean(item["step"]), clean(item["status"])) for item in found]))
    rows.extend(
        Text(f"What was there before{of}: {clean(data[key])}")
        for key, of in (("copy", ""), ("shared_copy", ", of what is shared"))
        if data.get(key)
    )
    rows.extend(_said(data))
    return [*rows, Hanging(Text(_after(clean(data.get("deployment", "")), bool(own)), style="dim"), "  ")]


def _after(name: str, own: bool) -> str:
    if not own:
        return "The deployment's own journal is as it was; run again what was refused."
    return f"`memdeploy plan --name {name}` shows what differs, `up` brings it about; `destroy` wants --confirm {name}."


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
