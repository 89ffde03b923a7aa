"""Everything that exists in the embedded cloud, with the marker that says whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from memdeploy.rehearsal.store import Row, Store

LABEL = "memdeploy"
DESCRIPTION = re.compile(r"memdeploy/(\S+)")
TAG = re.compile(r"memdeploy-([a-z0-9]{12}|shared-[a-z0-9-]+?)(?:-[0-9a-f]+)?")
# Bookkeeping of rules, no resources of a cloud.
INTERNAL = frozenset({"Hold", "LogEntry"})


def resources(store: Store) -> list[dict[str, Any]]:
    rows = [row for row in store.everything() if row.type not in INTERNAL and not row.hidden.get("deleted")]
    own = {(row.service, row.name): _own_marker(row) for row in rows}
    return [_shown(row, own) for row in rows]


def _shown(row: Row, own: Mapping[tuple[str, str], str | None]) -> dict[str, Any]:
    return {
        "service": row.service,
        "type": row.type,
        "name": row.name,
        "state": _state(row),
        "labels": labels(row),
        "marker": own[row.service, row.name] or _inherited(row, own),
    }


def labels(row: Row) -> Mapping[str, str]:
    settings = row.body.get("settings") or {}
    found: Mapping[str, str] = row.body.get("labels") or settings.get("userLabels") or {}
    return found


def _own_marker(row: Row) -> str | None:
    label = labels(row).get(LABEL)
    if label:
        return label
    for text in _descriptions(row):
        found = DESCRIPTION.search(text)
        if found:
            return found[1]
    for tag in row.body.get("tags") or () if isinstance(row.body.get("tags"), list) else ():
        found = TAG.fullmatch(tag)
        if found:
            return found[1]
    return None


def _descriptions(row: Row) -> Iterable[str]:
    for key in ("description", "finalBackupDescription", "displayName"):
        if isinstance(row.body.get(key), str):
            yield row.body[key]


def _inherited(row: Row, own: Mapping[tuple[str, str], str | None]) -> str | None:
    """The nearest parent's, by name or by what the rule wrote as `hidden.parent` ([service, name])."""
    if row.hidden.get("parent"):
        service, name = row.hidden["parent"]
        return own.get((service, name))
    parts = row.name.split("/")
    for length in range(len(parts) - 1, 1, -1):
        marker = own.get((row.service, "/".join(parts[:length])))
        if marker:
            return marker
    return None


def _state(row: Row) -> str:
    for value in (row.hidden.get("state"), row.body.get("state"), row.body.get("status")):
        if isinstance(value, str) and value:
            return value
    return "READY"
