"""Conditions: `state` and three kinds of reason in v2, `status` and one CamelCase reason in v1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
_STATUS = {"CONDITION_SUCCEEDED": "True", "CONDITION_FAILED": "False"}
_REASONS = ("reason", "revisionReason", "executionReason")


def shown(condition: Json, *, kind: str = "") -> dict[str, Any]:
    """One condition of v2; `kind` replaces its type."""
    made: dict[str, Any] = {
        "type": kind or condition["type"],
        "status": _STATUS.get(str(condition.get("state")), "Unknown"),
        "lastTransitionTime": condition.get("lastTransitionTime"),
        "message": condition.get("message"),
        "reason": next((_camel(str(condition[key])) for key in _REASONS if condition.get(key)), None),
    }
    if condition.get("severity") in ("WARNING", "INFO"):  # what is left out counts for readiness
        made["severity"] = str(condition["severity"]).capitalize()
    return {key: value for key, value in made.items() if value is not None}


def of_service(body: Json) -> list[dict[str, Any]]:
    """Ready, ConfigurationsReady and RoutesReady (ServiceStatus.conditions). What no condition of its own tells stands
    as the whole does."""
    terminal = body.get("terminalCondition") or {"type": "Ready", "state": "CONDITION_PENDING"}
    known = {str(one["type"]): one for one in body.get("conditions") or ()}
    parts = [known.get(kind) or {**terminal, "type": kind} for kind in ("ConfigurationsReady", "RoutesReady")]
    return [shown(terminal, kind="Ready"), *(shown(part) for part in parts)]


def of_revision(revision: Json, *, active: bool) -> list[dict[str, Any]]:
    ready = of_all(revision.get("conditions") or ())
    state = {"type": "Active", "status": "True" if active else "False", "severity": "Info"}
    return [*ready, {**state, **{key: one[key] for one in ready for key in ("lastTransitionTime",) if key in one}}]


def of_all(conditions: Sequence[Json]) -> list[dict[str, Any]]:
    return [shown(one) for one in conditions]


def _camel(reason: str) -> str:
    return "".join(word.capitalize() for word in reason.split("_"))
