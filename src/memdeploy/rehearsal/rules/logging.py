"""Cloud Logging v2: entries.list over what services of this cloud wrote, and what their containers say by now.

Lines can be read some seconds after they were written (https://cloud.google.com/logging/docs/view/logs-viewer-interface).
Filters: the comparisons of https://cloud.google.com/logging/docs/view/logging-query-language joined by AND; what is not
understood is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import denied, invalid
from memdeploy.rehearsal.rules import run_instances
from memdeploy.rehearsal.store import Row

INGESTION = 5.0
SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
TERM = re.compile(r"(?P<not>NOT\s+|-)?(?P<field>[\w.\"/-]+)\s*(?P<op>>=|<=|!=|=~|=|:|>|<)\s*(?P<value>\"[^\"]*\"|\S+)")

PART = re.compile(r'"([^"]+)"|([^."]+)')
"""Of a field's path: `labels."run.googleapis.com/execution_name"` has two."""


def list_entries(call: Call) -> Mapping[str, Any]:
    names = call.body.get("resourceNames") or []
    if not names:
        raise invalid("The resource_names field must contain at least one resource.")
    rows = []
    for name in names:
        project = call.cloud.project(name.partition("/")[2].split("/")[0])
        if project is None or not name.startswith("projects/"):
            raise denied("Permission denied for all log views")
        run_instances.collect_all(call.cloud, project.id)
        rows += call.store.below("logging", f"projects/{project.id}/entries")
    readable = [row.body for row in rows if call.cloud.after(INGESTION, since=_written(row))]
    found = [body for body in readable if matches(body, call.body.get("filter", ""))]
    newest_first = call.body.get("orderBy", "timestamp asc").split()[-1] == "desc"
    found.sort(key=lambda body: (body["timestamp"], body["insertId"]), reverse=newest_first)
    paged = {key: [str(call.body[key])] for key in ("pageSize", "pageToken") if call.body.get(key)}
    return page(call, "entries", found, query=paged)


def _written(row: Row) -> float:
    """What a container said is collected here when somebody looks, long after it was said."""
    return min(row.created, datetime.fromisoformat(row.body["timestamp"]).timestamp())


def matches(entry: Mapping[str, Any], text: str) -> bool:
    terms = [part for part in re.split(r"\s+AND\s+|\n+", text.strip()) if part.strip()]
    return all(_term(entry, term.strip().strip("()").strip()) for term in terms)


def _term(entry: Mapping[str, Any], text: str) -> bool:
    found = TERM.fullmatch(text)
    if found is None:
        raise invalid(f"Unparseable filter: syntax error at '{text}'")
    have = _field(entry, found["field"])
    good = have is not None and _compare(found["field"], str(have), found["op"], found["value"].strip('"'))
    return not good if found["not"] else good


def _compare(field: str, have: str, operator: str, want: str) -> bool:
    if operator == ":":
        return want.lower() in have.lower()
    if operator == "=~":
        return re.search(want, have) is not None
    if operator in ("=", "!="):
        return (have == want) == (operator == "=")
    left, right = (_rank(have), _rank(want)) if field == "severity" else (have, want)
    return {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[operator]


def _rank(severity: str) -> str:
    return str(SEVERITIES.index(severity)) if severity in SEVERITIES else "0"


def _field(entry: Mapping[str, Any], path: str) -> Any:
    have: Any = entry
    for part in (quoted or plain for quoted, plain in PART.findall(path)):
        have = have.get(part) if isinstance(have, Mapping) else None
    return have


RULES: Mapping[str, Handler] = {"logging.entries.list": list_entries}
