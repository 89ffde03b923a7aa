"""What is gone, what stays and costs, what the cloud still holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report import lines
from memdeploy.report.layout import Hanging
from memdeploy.report.marks import Marks
from memdeploy.report.results import parts
from memdeploy.report.text import clean, counted, joined, money

#: What only waits for something that is held goes with it; nobody holds it.
_WAITS = "waits for "


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    if "would_remove" in data:
        return _would(data)
    found: list[RenderableType] = [Text(""), _title(data, marks)]
    found.extend(_kept(data))
    found.extend(_block("Backups", (_backup(item) for item in data.get("backups") or ())))
    held = [item for item in data.get("leftovers") or () if not str(item.get("reason") or "").startswith(_WAITS)]
    found.extend(_block("The cloud still holds", (_leftover(item) for item in held)))
    if data.get("finish"):
        when = "In a minute or two (a rehearsal's hours are short)" if data.get("rehearsal") else "Later"
        found.append(Text(f"{when}: {clean(data['finish'])}", style="yellow"))
    return found


def _would(data: Mapping[str, Any]) -> list[RenderableType]:
    """Nothing was done yet: all that it would be about."""
    go, stay = data["would_remove"], data.get("would_keep") or ()
    return [
        Text(f"{lines.deployment(data)}: {counted(len(go), 'step')} would be removed", style="bold yellow"),
        *_block("Removed", (_named(item) for item in go)),
        *_block("Kept, with its data", (_named(item) for item in stay)),
    ]


def _named(item: Mapping[str, Any]) -> tuple[str, str]:
    return clean(item.get("step", "")), clean(item.get("what") or "")


def _title(data: Mapping[str, Any], marks: Marks) -> Text:
    removed = data.get("removed") or ()
    words = f"{counted(len(removed), 'step')} removed" if removed else "nothing was removed"
    name = lines.deployment(data)
    title = joined((joined((name, words), ": "), lines.rehearsal(data)), f" {marks.dot} ")
    return Text(f"{marks.done if removed else marks.warning} {title}", style="bold green" if removed else "bold yellow")


def _kept(data: Mapping[str, Any]) -> list[RenderableType]:
    kept = list(data.get("kept") or ())
    if not kept:
        return []
    total = sum(item["cost_per_month"] for item in kept if isinstance(item.get("cost_per_month"), int | float))
    cost = money(total) + (" in the real cloud" if data.get("rehearsal") else "") if total else ""
    title = joined(("Kept, with its data", cost), ": ")
    name = f" --name {clean(data['deployment'])}" if data.get("deployment") else ""
    after = f"`memdeploy up{name}` lives on with it; `memdeploy destroy{name} --delete-data` removes it."
    return [*_block(title, (_kept_item(item) for item in kept)), Hanging(Text(after, style="dim"), "  ")]


def _block(title: str, rows: Any) -> list[RenderableType]:
    listed = list(rows)
    return [Text(title), parts.pairs(listed)] if listed else []


def _kept_item(item: Mapping[str, Any]) -> tuple[str, str]:
    text = joined(
        (clean(item.get("what") or ""), money(item.get("cost_per_month")), clean(item.get("reason") or "")), ", "
    )
    return clean(item.get("step", "")), text or "kept"


def _backup(item: Mapping[str, Any]) -> tuple[str, str]:
    expires = f"until {clean(item['expires'])}" if item.get("expires") else "until deleted by hand"
    return clean(item.get("what", "")), joined((clean(item.get("where") or ""), expires), ", ")


def _leftover(item: Mapping[str, Any]) -> tuple[str, str]:
    until = f"until about {clean(item['until'])}" if item.get("until") else ""
    return clean(item.get("what", "")), joined((clean(item.get("reason") or ""), until), ", ") or "still there"
