"""What became of an upgrade, and where its backup is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import archives, parts
from memdeploy.report.text import clean


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    name, after = clean(data.get("deployment") or ""), clean(data.get("to") or "")
    if data.get("into"):
        return _carried(data, marks)
    if data.get("from") == data.get("to"):
        return [Text(f"{marks.done} {name} runs MemMachine {after} already")]
    if not data.get("archive"):
        return []
    moved = data.get("changed")
    title = Text(
        f"{marks.done if moved else marks.failed} {name}: {_said(data)}", style=f"bold {'green' if moved else 'red'}"
    )
    rows = (("url", parts.address(data.get("url"), data)), archives.archive(data), archives.holds(data))
    back = [Text("`memdeploy rollback` returns to what was before.", style="dim")] if moved else []
    return [Text(""), title, parts.pairs(rows), *back]


def _said(data: Mapping[str, Any]) -> str:
    before, after = clean(data.get("from") or ""), clean(data.get("to") or "")
    if data.get("unfinished"):
        return f"between MemMachine {before} and {after}"
    return f"MemMachine {after}" if data.get("changed") else f"still MemMachine {before}"


def _carried(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    """A migration: what was carried where, and what to do with the old one."""
    carried = data.get("carried")
    if not data.get("changed") or not isinstance(carried, Mapping):
        return []
    old, new = clean(data.get("deployment") or ""), clean(data["into"])
    title = Text(f"{marks.done} {new}: MemMachine {clean(data.get('to') or '')}", style="bold green")
    proof = f"{carried.get('compared')} memories, equal field by field; {carried.get('found')} of"
    rows = (
        ("url", parts.address(data.get("url"), data)),
        ("holds", f"{proof} {carried.get('sampled')} searched found"),
    )
    kept = f"{old} rests with its data: `memdeploy destroy --name {old} --delete-data` removes it."
    return [Text(""), title, parts.pairs(rows), Text(kept, style="dim")]
