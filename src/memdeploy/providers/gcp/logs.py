"""What the parts of a deployment said, from Cloud Logging and the machine's serial console.

https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from memdeploy.providers.base import LogLine, LogQuery
from memdeploy.providers.gcp import modes, run_sidecar
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.scope import Scope

COMPONENTS = ("service", "neo4j", "postgres", "build", "prepare")
_EXTERNAL = "Neo4j is a server of yours here (neo4j.mode: external); its logs are where it runs"


def absent(scope: Scope) -> Mapping[str, str]:
    """Components that this deployment's mode has none of: why."""
    return {"neo4j": _EXTERNAL} if modes.external(scope.deployment) else {}


def filters(scope: Scope, component: str) -> str | None:
    """The filter of a component's lines, or None where there is no such component.

    In a service of several containers an entry's label says whose it is; those of the builds of a deployment, all of
    them, have its id in their tags.
    """
    names, sidecar = scope.names, modes.sidecar(scope.deployment)
    service = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{names.own("api")}"'
    beside = f'labels.container_name="{run_sidecar.NAME}"'
    if component == "service":
        return f"{service} AND NOT {beside}" if sidecar else service
    if component == "prepare":
        return f'resource.type="cloud_run_job" AND resource.labels.job_name="{names.own("prep")}"'
    if component == "postgres":
        return f'resource.type="cloudsql_database" AND resource.labels.database_id="{scope.project}:{names.own("sql")}"'
    if component == "build":
        return f'resource.type="build" AND labels.build_tags:"memdeploy-{scope.context.id}-"'
    if component == "neo4j" and sidecar:
        return f"{service} AND {beside}"
    if component == "neo4j":
        return f'resource.type="gce_instance" AND labels.instance_name="{names.own("neo")}"'
    return None


def of_revision(scope: Scope, revision: str) -> str:
    return f'resource.type="cloud_run_revision" AND resource.labels.revision_name="{last(revision)}"'


def of_execution(execution: str) -> str:
    return f'resource.type="cloud_run_job" AND labels."run.googleapis.com/execution_name"="{last(execution)}"'


def read(scope: Scope, query: LogQuery) -> Sequence[LogLine]:
    """Oldest first, the newest `limit` of them. For use inside a guarded read."""
    chosen = filters(scope, query.component)
    if chosen is None:
        return ()
    terms = [chosen]
    if query.since is not None:
        terms.append(f'timestamp>="{datetime.fromtimestamp(query.since, UTC).isoformat()}"')
    if query.level is not None:
        terms.append(f"severity>={query.level.upper()}")
    lines = entries(scope, " AND ".join(terms), query.limit, query.component)
    whole = query.component == "neo4j" and query.level is None and modes.vm(scope.deployment)
    return (*_console(scope, query), *lines) if whole else lines


def entries(scope: Scope, chosen: str, limit: int, component: str) -> tuple[LogLine, ...]:
    found: list[Mapping[str, Any]] = []
    body: dict[str, Any] = {
        "resourceNames": [scope.names.project_path],
        "filter": chosen,
        "orderBy": "timestamp desc",
        "pageSize": min(limit, 1000),
    }
    while len(found) < limit:
        page = scope.clients.logging("entries.list", body=body)
        found += page.get("entries", [])
        if not page.get("nextPageToken"):
            break
        body["pageToken"] = page["nextPageToken"]
    return tuple(_line(entry, component) for entry in reversed(found[:limit]))


def _line(entry: Mapping[str, Any], component: str) -> LogLine:
    return LogLine(
        id=str(entry.get("insertId", "")),
        at=str(entry.get("timestamp", "")),
        component=component,
        level=str(entry.get("severity", "DEFAULT")).lower(),
        text=_text(entry),
    )


def _text(entry: Mapping[str, Any]) -> str:
    """Text, or the message of a structured line, or that line whole."""
    if "textPayload" in entry:
        return str(entry["textPayload"]).rstrip()
    payload: Any = entry.get("jsonPayload") or entry.get("protoPayload") or {}
    message = payload.get("message") if isinstance(payload, Mapping) else None
    return str(message) if message else json.dumps(payload, sort_keys=True)


def _console(scope: Scope, query: LogQuery) -> tuple[LogLine, ...]:
    """The boot script writes to the serial console, which has no times: it comes first. A line is known by its place
    in all that was ever written there, of which Compute Engine keeps the last megabyte."""
    from memdeploy.errors import CloudError, ErrorKind
    from memdeploy.providers.gcp import errors

    parameters = {"project": scope.project, "zone": scope.zone, "instance": scope.names.own("neo"), "port": 1}
    try:
        answer = scope.clients.compute("instances.getSerialPortOutput", **parameters)
    except Exception as raised:
        error: CloudError | None = errors.classify(raised)
        if error is None or error.kind is not ErrorKind.NOT_FOUND:
            raise
        return ()
    place, lines = int(answer.get("start") or 0), []
    for text in str(answer.get("contents", "")).splitlines(keepends=True):
        if text.strip():
            lines.append(LogLine(f"console-{place}", "", "neo4j", "default", text.rstrip()))
        place += len(text.encode("utf-8", "surrogatepass"))
    return tuple(lines[-query.limit :])
