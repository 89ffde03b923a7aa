"""What Cloud Run writes into Cloud Logging for a revision. https://cloud.google.com/run/docs/logging#log-resource"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memdeploy.rehearsal import logs
from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.store import Row

RESOURCE = "cloud_run_revision"
STDERR, SYSTEM = "run.googleapis.com%2Fstderr", "run.googleapis.com%2Fvarlog%2Fsystem"


def said(cloud: Cloud, service: Row, revision: Row, lines: Iterable[str]) -> None:
    """The container's own lines: text has no severity of its own."""
    for line in lines:
        if line.strip():
            _write(cloud, service, revision, line, STDERR, "DEFAULT")


def probe_failed(cloud: Cloud, service: Row, revision: Row) -> None:
    """The system's line, as in GoogleCloudPlatform/cloud-run-faq#13 and threads after it."""
    container: dict[str, Any] = next(iter(revision.body.get("containers") or ()), {})
    probe = container.get("startupProbe") or {}
    kind = "HTTP" if probe.get("httpGet") is not None else "TCP"
    times = probe.get("failureThreshold") or 3
    text = (
        f'STARTUP {kind} probe failed {times} times consecutively for container "{container.get("name") or "-1"}" on'
        f" port {(container.get('ports') or [{}])[0].get('containerPort') or 8080}. The instance was not started."
    )
    _write(cloud, service, revision, text, SYSTEM, "ERROR")


def _write(cloud: Cloud, service: Row, revision: Row, text: str, log: str, severity: str) -> None:
    _, project, _, region, _, short = service.name.split("/")
    labels = {
        "service_name": short,
        "configuration_name": short,
        "revision_name": revision.name.rsplit("/", 1)[-1],
        "location": region,
    }
    logs.write(cloud, project, text, resource=RESOURCE, labels=labels, log=log, severity=severity)
