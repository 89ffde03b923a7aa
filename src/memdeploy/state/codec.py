"""Records of steps as JSON. Empty fields are left out; keys that a later version of the same schema added are handed
back beside the record, so that writing it again loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Intent, Operation

_FIELDS = frozenset(
    "kind identity status holds_data outputs applied notes intents error attempts seconds".split()  # noqa: SIM905
)


def record_to_json(record: StepRecord) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": record.kind, "status": str(record.status)}
    optional = {
        "identity": dict(record.identity),
        "holds_data": record.holds_data,
        "notes": dict(record.notes),
        "intents": [_intent_to_json(intent) for intent in record.intents],
        "attempts": record.attempts,
        "seconds": record.seconds,
    }
    data.update({key: value for key, value in optional.items() if value})
    if record.error is not None:
        data["error"] = record.error
    for key, fields in (("outputs", record.outputs), ("applied", record.applied)):
        if fields is not None:
            data[key] = dict(fields)
    return data


def record_from_json(name: str, data: Mapping[str, Any]) -> tuple[StepRecord, dict[str, Any]]:
    """The record and the keys this version does not know. Raises KeyError, TypeError or ValueError on damage."""
    record = StepRecord(
        name=name,
        kind=data["kind"],
        identity=dict(data.get("identity", {})),
        status=Status(data["status"]),
        holds_data=bool(data.get("holds_data", False)),
        outputs=_optional(data.get("outputs")),
        applied=_optional(data.get("applied")),
        notes=dict(data.get("notes", {})),
        intents=tuple(_intent_from_json(item) for item in data.get("intents", ())),
        error=data.get("error"),
        attempts=int(data.get("attempts", 0)),
        seconds=float(data.get("seconds", 0.0)),
    )
    return record, {key: value for key, value in data.items() if key not in _FIELDS}


def _intent_to_json(intent: Intent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": intent.id,
        "verb": intent.verb,
        "target": intent.target,
        "request_id": intent.request_id,
        "token": intent.token,
    }
    if intent.operation is not None:
        data["operation"] = intent.operation.to_json()
    return data


def _intent_from_json(data: Mapping[str, Any]) -> Intent:
    operation = data.get("operation")
    return Intent(
        data["id"], data["verb"], data["target"], data["request_id"], data["token"],
        operation=None if operation is None else Operation.from_json(operation),
    )  # fmt: skip


def _optional(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if value is None else dict(value)
