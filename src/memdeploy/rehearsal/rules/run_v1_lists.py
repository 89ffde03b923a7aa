"""Lists as Kubernetes has them: `labelSelector`, `limit` and `continue` in, `items` out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy.rehearsal.call import Call
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import invalid

Json = Mapping[str, Any]
# https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services/list: "=", "!=", exists, and "in"
_EQUAL = re.compile(r"(?P<key>[\w./-]+)\s*(?P<sign>==?|!=)\s*(?P<value>[\w.-]*)")
_IN = re.compile(r"(?P<key>[\w./-]+)\s+in\s+\((?P<values>[^)]*)\)")


def answer(call: Call, kind: str, version: str, items: Sequence[Json]) -> dict[str, Any]:
    wanted = [item for item in items if _selected(call.text("labelSelector"), item["metadata"]["labels"])]
    query = {"pageSize": call.query.get("limit", ()), "pageToken": call.query.get("continue", ())}
    found = page(call, "items", wanted, query=query)
    token = found.pop("nextPageToken", None)
    return {"apiVersion": version, "kind": kind, "metadata": {"continue": token} if token else {}, **found}


def _selected(selector: str, labels: Json) -> bool:
    return all(_holds(part.strip(), labels) for part in re.split(r",(?![^(]*\))", selector) if part.strip())


def _holds(part: str, labels: Json) -> bool:
    one_of = _IN.fullmatch(part)
    if one_of:
        return labels.get(one_of["key"]) in [value.strip() for value in one_of["values"].split(",")]
    equal = _EQUAL.fullmatch(part)
    if equal:
        return (labels.get(equal["key"]) == equal["value"]) is (equal["sign"] != "!=")
    if re.fullmatch(r"[\w./-]+", part):
        return part in labels
    raise invalid(f"Invalid label selector: {part!r}")
