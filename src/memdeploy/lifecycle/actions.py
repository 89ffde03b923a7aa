"""What `up` would do, from what was seen: one action a step. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Difference, Effect, Observed, State, Step
from memdeploy.errors import Foreign, MemdeployError, Refused
from memdeploy.lifecycle.orphans import Orphans

Action = Mapping[str, Any]
"""{step, action, title, changes: [{path, old, new, effect}], restart: {unreachable, seconds}, depends_on: [step],
reason, cost_per_month}: the last of what stays although the configuration has it no more."""

_BY_STATE = {
    State.ABSENT: "create",
    State.PENDING: "change",
    State.BROKEN: "change",
    State.FOREIGN: "foreign",
    State.UNREADABLE: "unreadable",
}
_CHANGES = frozenset({"create", "change", "replace", "remove", "forbidden"})


def actions(
    graph: Graph, observed: Mapping[str, Observed], left: Orphans, every: Graph, costs: Mapping[str, float]
) -> list[Action]:
    """In graph order, transient steps left out; then what the journal knows and the graph no longer has. `costs`: what
    is kept at rest, step -> dollars a month."""
    seen = [_action(step, observed[step.name]) for step in graph if not step.transient]
    return [*seen, *_orphans(left, every, costs)]


def cost_at_rest(planned: Sequence[Action]) -> float:
    """Dollars a month of what left the configuration and stays."""
    return sum(float(action.get("cost_per_month", 0.0)) for action in planned)


def forbid(planned: list[Action], step: str, changes: Sequence[Difference]) -> list[Action]:
    """These changes belong to that step and can never be made: it is forbidden, whatever else it would be."""
    if not changes:
        return planned
    told = [change_entry(change) for change in changes]
    return [
        {**action, "action": "forbidden", "changes": [*told, *action.get("changes", ())]}
        if action["step"] == step
        else action
        for action in planned
    ]


def counts(planned: Sequence[Action]) -> dict[str, int]:
    """create, change, remove, unchanged, may_change: how many."""

    def many(*words: str) -> int:
        return sum(action["action"] in words for action in planned)

    return {
        "create": many("create"),
        "change": many("change", "replace"),
        "remove": many("remove"),
        "unchanged": many("unchanged"),
        "may_change": many("may-change"),
    }


def pending(planned: Sequence[Action]) -> bool:
    """Whether `up` has anything to do (`plan --exit-code`)."""
    return any(action["action"] in _CHANGES for action in planned)


def refusals(planned: Sequence[Action], replace: frozenset[str]) -> list[MemdeployError]:
    """Why `up` must not start: foreign things, forbidden changes, replacements that nobody asked for."""
    found = [_refusal(action, replace) for action in planned]
    return [error for error in found if error is not None]


def _action(step: Step, seen: Observed) -> Action:
    action = _word(seen)
    entry: dict[str, Any] = {"step": step.name, "action": action, "title": step.title or step.name}
    if seen.differences:
        entry["changes"] = [change_entry(difference) for difference in seen.differences]
    if step.outage is not None and action == "change" and _restarts(seen):
        entry["restart"] = asdict(step.outage)
    if seen.unknown:
        entry["depends_on"] = sorted({unknown.step for unknown in seen.unknown})
    if seen.reason and seen.state is not State.ABSENT:  # "not found", "its API is off": `create` says it all
        entry["reason"] = seen.reason
    return entry


def _restarts(seen: Observed) -> bool:
    return any(difference.effect is Effect.RESTART for difference in seen.differences)


def _word(seen: Observed) -> str:
    if seen.state in _BY_STATE:
        return _BY_STATE[seen.state]
    effects = {difference.effect for difference in seen.differences}
    if Effect.FORBIDDEN in effects:
        return "forbidden"
    if Effect.REPLACE in effects:
        return "replace"
    if seen.state is State.DIFFERENT:
        return "change"
    return "may-change" if seen.unknown else "unchanged"


def change_entry(difference: Difference) -> dict[str, Any]:
    entry = {
        "path": difference.field,
        "old": difference.have,
        "new": difference.want,
        "effect": str(difference.effect),
    }
    return {**entry, "reason": difference.reason} if difference.reason else entry


def _orphans(left: Orphans, every: Graph, costs: Mapping[str, float]) -> list[Action]:
    said = {
        "orphan": (left.data, "left the configuration; holds data, removed only with --delete-data"),
        "kept": (left.kept, "left the configuration; what stays needs it"),
        "remove": (left.stateless, "left the configuration; no longer needed"),
    }
    return [
        {"step": name, "action": word, "title": every[name].title or name, "reason": reason, **_cost(word, name, costs)}
        for word, (names, reason) in said.items()
        for name in names
    ]


def _cost(word: str, step: str, costs: Mapping[str, float]) -> dict[str, float]:
    return {"cost_per_month": costs[step]} if word != "remove" and step in costs else {}


def _refusal(action: Action, replace: frozenset[str]) -> MemdeployError | None:
    step = action["step"]
    if action["action"] == "foreign":
        return Foreign(
            action.get("reason") or f"{step} exists and does not belong to this deployment",
            where=step,
            suggestion="Remove or rename it, or choose another deployment name with --name.",
        )
    if action["action"] == "forbidden":
        change = next(c for c in action["changes"] if c["effect"] == Effect.FORBIDDEN)
        why = f": {change['reason']}" if change.get("reason") else ""
        return Refused(
            f"{change['path']} cannot change from {change['old']!r} to {change['new']!r}{why}",
            code="forbidden-change",
            where=step,
            suggestion=f"Set it back to {change['old']!r}, or deploy under another name.",
        )
    if action["action"] == "replace" and step not in replace:
        fields = ", ".join(c["path"] for c in action["changes"] if c["effect"] == Effect.REPLACE)
        return Refused(
            f"{action['title']} would have to be made again to change {fields}",
            code="replace-needed",
            where=step,
            suggestion=f"Run `memdeploy up --replace {step}` to allow that.",
        )
    return None
