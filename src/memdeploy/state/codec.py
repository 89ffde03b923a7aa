"""Records of steps as JSON. Empty fields are left out; keys that a later version of the same schema added are handed
back beside the record, so that writing it again loses nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Intent, Operation

_DIGITS = 19
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
    """The record and the keys this version does not know. Raises KeyError, TypeError or ValueError on damage: what is
    read has the kinds that everything else relies on."""
    record = StepRecord(
        name=name,
        kind=checked(data["kind"], str),
        identity=checked(data.get("identity", {}), dict),
        status=Status(data["status"]),
        holds_data=checked(data.get("holds_data", False), bool),
        outputs=_optional(data.get("outputs"), dict),
        applied=_optional(data.get("applied"), dict),
        notes=checked(data.get("notes", {}), dict),
        intents=tuple(_intent_from_json(item) for item in checked(data.get("intents", []), list)),
        error=_optional(data.get("error"), str),
        attempts=checked(data.get("attempts", 0), int),
        seconds=float(checked(data.get("seconds", 0.0), int, float)),
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
    operation = _optional(data.get("operation"), dict)
    for key in ("id", "verb", "target", "request_id", "token"):
        checked(data[key], str)
    for key in () if operation is None else ("service", "name"):
        checked(operation[key], str)
    return Intent(
        data["id"], data["verb"], data["target"], data["request_id"], data["token"],
        operation=None if operation is None else Operation.from_json(operation),
    )  # fmt: skip


def checked(value: Any, *kinds: type) -> Any:
    """The value, which is of one of these kinds exactly (truth is no number). Raises TypeError."""
    if type(value) not in kinds:
        raise TypeError(f"a {type(value).__name__} in the place of a {kinds[-1].__name__}")
    return value


def _optional(value: Any, kind: type) -> Any:
    return None if value is None else checked(value, kind)


def strict_json(data: bytes | str) -> Any:
    """As `json.loads`, but for numbers that no JSON has and those that nothing here could be: ValueError."""
    return json.loads(data, parse_constant=_no_number, parse_float=_number, parse_int=_integer)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _number(text: str) -> float:
    found = float(text)
    return found if math.isfinite(found) else _no_number(text[:20])


def _integer(text: str) -> int:
    return int(text) if len(text) < _DIGITS else _no_number(text[:20])
