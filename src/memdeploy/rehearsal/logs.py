"""Log lines that the embedded cloud's services wrote: kept for `entries.list`, never with a secret in them."""

from __future__ import annotations

from collections.abc import Mapping

from memdeploy.rehearsal.call import Cloud, stamp
from memdeploy.rehearsal.store import Row

KEPT = 2000
"The newest entries of a project."


def write(
    cloud: Cloud,
    project: str,
    text: str,
    *,
    resource: str,
    labels: Mapping[str, str],
    log: str,
    severity: str = "INFO",
    entry_labels: Mapping[str, str] | None = None,
    at: str | None = None,
) -> None:
    """`resource`: a monitored resource type (`cloud_run_revision`), with its `labels`; `log`: an id
    (`run.googleapis.com%2Fstdout`); `at`: when it was written (RFC 3339), if not now."""
    number = cloud.store.next(f"logs/{project}")
    name = f"projects/{project}/entries/{number:012d}"
    body = {
        "logName": f"projects/{project}/logs/{log}",
        "resource": {"type": resource, "labels": {"project_id": project, **labels}},
        "timestamp": at or stamp(cloud.now),
        "receiveTimestamp": stamp(cloud.now),
        "severity": severity,
        "insertId": f"{number:012d}",
        "textPayload": text,
        **({"labels": dict(entry_labels)} if entry_labels else {}),
    }
    cloud.store.put(Row("logging", "LogEntry", name, body), cloud.now)
    cloud.store.delete("logging", f"projects/{project}/entries/{number - KEPT:012d}", children=False)
