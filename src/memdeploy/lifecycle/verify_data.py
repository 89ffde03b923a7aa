"""`memdeploy verify --data`: every memory counted on both sides. MemMachine stores in one database, then in the other;
an outage between leaves half of a memory, which is listed for ever and never found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.graph import Graph
from memdeploy.errors import ExitCode, Unhealthy
from memdeploy.lifecycle import dataruns
from memdeploy.lifecycle.changing import change
from memdeploy.lifecycle.outcome import seconds_since
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result, error_entry
from memdeploy.lifecycle.verify import service_url


def verify_data(request: Request, sink: Sink) -> Result:
    """Exit 7 when memories are half stored (with --repair: when some are still). Under the lease: nobody upgrades or
    restores meanwhile."""
    with change(request, sink) as changing:
        opened = changing.session
        start = opened.clock.boottime()
        url = service_url(opened)
        counted = opened.cloud.tool("count")
        opened.begin(Graph([counted]))
        found = dataruns.counts(changing)
        repaired: Mapping[str, Any] | None = None
        if request.repair and not found["consistent"]:
            step = opened.cloud.tool("repair")
            repaired = dataruns.must(changing, Graph([step])).step(step.name).outputs
            found = dataruns.counts(changing)
        data = {**opened.header(), "url": url, "data": found, "seconds": seconds_since(opened.clock, start)}
        data |= {"repaired": dict(repaired)} if repaired is not None else {}
        wrong = not found["consistent"]
        code = ExitCode.UNHEALTHY if wrong else ExitCode.DONE
        opened.tell(
            EventKind.RUN_FINISHED, status="error" if wrong else "success", exit_code=int(code), seconds=data["seconds"]
        )
        if not wrong:
            return Result("verify", "success", code, data)
        return Result("verify", "error", code, data, [error_entry(_half(found["total"], request))])


def _half(total: Mapping[str, int], request: Request) -> Unhealthy:
    half, stray, loose = total["half"], total["stray"], total["loose"]
    parts = (
        f"{half} stored, but never found by a search" if half else "",
        f"{stray} found by searches, but not stored" if stray else "",
        f"{loose} parts that belong to no memory" if loose else "",
    )
    tried = "These cannot be stored whole: their other half is nowhere."
    return Unhealthy(
        f"memories are stored in one database only: {', '.join(part for part in parts if part)}",
        code="half-stored", where="count",
        suggestion=tried if request.repair else "Add --repair to store them whole.",
    )  # fmt: skip
