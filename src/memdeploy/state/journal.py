"""The journal of one deployment: a snapshot of all that is known of it. Never holds the value of a secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from memdeploy.engine.ledger import StepRecord
from memdeploy.errors import JournalError
from memdeploy.state.codec import record_from_json, record_to_json, strict_json

SCHEMA = 1
_SUM = "sum"
_END = 1e11  # seconds since the epoch; year 5138
REAL = "real"


class DeploymentStatus(StrEnum):
    """Of the whole deployment; what `list` shows."""

    NEW = "new"  # named, nothing touched
    DEPLOYING = "deploying"
    READY = "ready"
    FAILED = "failed"  # `up` goes on
    DESTROYING = "destroying"
    RETAINED = "retained"  # the data and what it needs stayed
    LEFTOVERS = "leftovers"  # `destroy --finish`
    DESTROYED = "destroyed"
    MIGRATING = "migrating"  # `upgrade` is under way: `up` may only go on or restore


@dataclass(frozen=True)
class Journal:
    """`binding` is `real` or the id of one rehearsal, fixed at birth. `identity` is what a flag may not contradict
    (project, region), `configuration` the resolved configuration as JSON, `facts` whatever else commands remember.
    `epoch` and `run` say who wrote it, `serial` counts writes and `transitions` what was recorded.
    `unknown` and `unknown_in_steps` are keys of a later version, kept as they were found."""

    id: str
    name: str
    suffix: str
    provider: str
    binding: str
    identity: Mapping[str, Any]
    configuration: Mapping[str, Any]
    created: float
    updated: float
    status: str = DeploymentStatus.NEW
    epoch: int = 1
    serial: int = 0
    transitions: int = 0
    run: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, StepRecord] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)
    unknown_in_steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def rehearsal(self) -> str | None:
        """The id of the rehearsal it is bound to; None when it is real."""
        return None if self.binding == REAL else self.binding

    def record(self, step: str) -> StepRecord:
        return self.steps.get(step) or StepRecord(step)

    def outputs(self) -> dict[str, Mapping[str, Any]]:
        """Step -> its outputs, of all steps that have any."""
        return {name: record.outputs for name, record in self.steps.items() if record.outputs is not None}


_PLAIN = (
    "id", "name", "suffix", "provider", "binding", "identity", "configuration", "created", "updated", "status",
    "epoch", "serial", "transitions", "run", "facts",
)  # fmt: skip
_REQUIRED = _PLAIN[:9]
_KINDS: Mapping[str, Any] = {
    **dict.fromkeys(("id", "name", "suffix", "provider", "binding", "status", "run"), str),
    **dict.fromkeys(("identity", "configuration", "facts", "steps"), dict),
    **dict.fromkeys(("created", "updated"), int | float),
    **dict.fromkeys(("epoch", "serial", "transitions"), int),
}


def encode(journal: Journal) -> bytes:
    """Raises TypeError when something in it is not plain JSON. Lone surrogates (bytes of a file's name that are no
    text) pass, here as in `json.loads`. `sum` is of all the rest: one flipped bit of a disk may name another resource,
    and read well."""
    data = {"schema": SCHEMA, **{key: getattr(journal, key) for key in _PLAIN}, **journal.unknown}
    data["steps"] = {
        name: {**record_to_json(record), **journal.unknown_in_steps.get(name, {})}
        for name, record in journal.steps.items()
    }
    body = _dumped(data)
    return b'{"%b":"%b",%b\n' % (_SUM.encode(), _sum(body).encode(), body[1:])


def _dumped(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")


def _sum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


def decode(data: bytes, where: str) -> Journal:
    """Raises `JournalError` naming the file when it is damaged or from a newer version: never an empty journal."""
    try:
        found = strict_json(data)
        schema = found["schema"]
        if isinstance(schema, int) and schema > SCHEMA:
            raise JournalError(
                f"{where} was written by a newer memdeploy (schema {schema}, this one knows {SCHEMA})",
                code="journal-newer",
                where=where,
                suggestion="Use the newer version, `pip install --upgrade memdeploy`.",
            )
        return _journal(_unchanged(found))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise JournalError(
            f"{where} is damaged: {_reason(error)}",
            code="journal-damaged",
            where=where,
            suggestion="Nothing was changed. `memdeploy recover` keeps a copy and writes it anew from what is there; or"
            " restore the file from one (an older snapshot may lie beside it).",
        ) from error


def _unchanged(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without its sum, which one that was written before there were sums has not; ValueError when it is another's."""
    rest = {key: value for key, value in found.items() if key != _SUM}
    if _SUM in found and found[_SUM] != _sum(_dumped(rest)):
        raise ValueError("it is not as it was written")
    return rest


def _journal(found: Mapping[str, Any]) -> Journal:
    missing = [key for key in (*_REQUIRED, "steps") if key not in found]
    if missing or type(found["schema"]) is not int or found["schema"] != SCHEMA:
        raise ValueError(f"{missing[0]!r} is missing" if missing else f"schema {found['schema']!r} is not known")
    for key, kind in _KINDS.items():
        if key in found and (not isinstance(found[key], kind) or isinstance(found[key], bool)):
            raise ValueError(f"{key!r} is a {type(found[key]).__name__}")
    if not all(0 <= found[key] < _END for key in ("created", "updated")):
        raise ValueError("a time is none of our time")
    steps: dict[str, StepRecord] = {}
    unknown_in_steps: dict[str, dict[str, Any]] = {}
    for name, item in found["steps"].items():
        steps[name], unknown = record_from_json(name, item)
        if unknown:
            unknown_in_steps[name] = unknown
    return Journal(
        **{key: found[key] for key in _PLAIN if key in found},
        steps=steps,
        unknown={key: value for key, value in found.items() if key not in {*_PLAIN, "schema", "steps"}},
        unknown_in_steps=unknown_in_steps,
    )


def _reason(error: Exception) -> str:
    """Without the file's content, which an error of the JSON module may quote."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON from line {error.lineno}, column {error.colno}"
    return f"{type(error).__name__}: {error}"
