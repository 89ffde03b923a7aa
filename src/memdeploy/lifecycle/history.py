"""`memdeploy history`: the runs of a deployment that changed something, from the logs beside its journal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memdeploy.engine.events import EventKind
from memdeploy.errors import ExitCode, UsageError
from memdeploy.lifecycle import naming, where
from memdeploy.lifecycle.result import Result
from memdeploy.state.deployments import Place
from memdeploy.state.runs import read_log

_ENDED = {EventKind.STEP_FINISHED: "action", EventKind.STEP_FAILED: "code", EventKind.STEP_SKIPPED: "because"}


def history(state: str | None, name: str | None, run: str | None) -> Result:
    """`run` is a run's id or its beginning: then that run with its steps. Destroyed deployments have a history too."""
    deployments = where.deployments(state)
    place = deployments.open(naming.choose(name, deployments, may_create=False, destroyed=True))
    paths = [_chosen(place, run)] if run else place.runs().paths()
    runs = [_run(path, steps=run is not None) for path in paths]
    _mark_running(place, runs)
    return Result("history", "success", ExitCode.DONE, {**where.header(place.read()), "runs": runs})


def _chosen(place: Place, run: str) -> Path:
    found = [path for path in place.runs().paths() if path.stem.startswith(run)]
    if len(found) == 1:
        return found[0]
    raise UsageError(
        f"{'several runs begin' if found else 'no run begins'} with {run!r}",
        code="no-such-run",
        where=place.name,
        suggestion=f"`memdeploy history --name {place.name}` lists them.",
    )


def _run(path: Path, *, steps: bool) -> dict[str, Any]:
    """A run without an end was killed, or still goes on."""
    events = list(read_log(path))
    first = next((e for e in events if e.get("kind") == EventKind.RUN_STARTED), {})
    last = next((e for e in reversed(events) if e.get("kind") == EventKind.RUN_FINISHED), None)
    told: Mapping[str, Any] = first.get("data", {})
    entry: dict[str, Any] = {
        "run": path.stem,
        "command": told.get("command") or path.stem.split("-", 1)[-1].rsplit("-", 1)[0],
        "at": first.get("at") or (events[0].get("at") if events else None),
        "by": told.get("by"),
        "release": told.get("release"),
        "status": last["data"].get("status") if last else "unfinished",
        "exit_code": last["data"].get("exit_code") if last else None,
        "seconds": last["data"].get("seconds") if last else None,
    }
    if steps:
        entry["steps"] = [_step(e) for e in events if e.get("kind") in _ENDED]
    return entry


def _step(event: Mapping[str, Any]) -> dict[str, Any]:
    kind, data = EventKind(event["kind"]), event.get("data", {})
    outcome = data.get("action") if kind is EventKind.STEP_FINISHED else kind.removeprefix("step-")
    entry = {"name": event.get("step"), "status": outcome, "seconds": data.get("seconds")}
    why = data.get("message") if kind is EventKind.STEP_FAILED else data.get("because")
    return {**entry, "reason": why} if why else entry


def _mark_running(place: Place, runs: list[dict[str, Any]]) -> None:
    if runs and runs[0]["status"] == "unfinished" and place.leases().holder() is not None:
        runs[0]["status"] = "running"
