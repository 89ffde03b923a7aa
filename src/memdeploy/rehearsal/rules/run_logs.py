"""What Cloud Run writes into Cloud Logging for a revision. https://cloud.google.com/run/docs/logging#log-resource"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from memdeploy.rehearsal import logs
from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.store import Row

RESOURCE, JOB = "cloud_run_revision", "cloud_run_job"
STDERR, SYSTEM = "run.googleapis.com%2Fstderr", "run.googleapis.com%2Fvarlog%2Fsystem"


def said(
    cloud: Cloud, service: Row, revision: Row, lines: Iterable[str], container: str = "", at: str | None = None
) -> None:
    """A container's own lines: text has no severity of its own. `at`: RFC 3339; None: now."""
    for line in lines:
        if line.strip():
            _write(cloud, service, revision, line, STDERR, "DEFAULT", container, at)


def task_said(cloud: Cloud, execution: Row, text: str) -> None:
    """What a job's task said until its end. The execution is in the entry's own labels (…/run/docs/logging)."""
    _, project, _, region, _, job, _, short = execution.name.split("/")
    labels, own = {"job_name": job, "location": region}, {"run.googleapis.com/execution_name": short}
    for line in text.splitlines():
        if line.strip():
            logs.write(
                cloud, project, line, resource=JOB, labels=labels, log=STDERR, severity="DEFAULT", entry_labels=own
            )


def probe_failed(cloud: Cloud, service: Row, revision: Row, container: Mapping[str, Any]) -> None:
    """The system's line, as in GoogleCloudPlatform/cloud-run-faq#13 and threads after it."""
    probe, name = container.get("startupProbe") or {}, str(container.get("name") or "")
    get = probe.get("httpGet")
    port = (get or probe.get("tcpSocket") or {}).get("port") or (container.get("ports") or [{}])[0].get("containerPort")
    text = (
        f"STARTUP {'HTTP' if get is not None else 'TCP'} probe failed {probe.get('failureThreshold') or 3} times"
        f' consecutively for container "{name or "-1"}" on port {port or 8080}. The instance was not started.'
    )
    _write(cloud, service, revision, text, SYSTEM, "ERROR", name)


def _write(
    cloud: Cloud,
    service: Row,
    revision: Row,
    text: str,
    log: str,
    severity: str,
    container: str,
    at: str | None = None,
) -> None:
    """Which of an instance's containers it is stands in the entry's own labels (1Password/scim-examples#309)."""
    _, project, _, region, _, short = service.name.split("/")
    labels = {
        "service_name": short,
        "configuration_name": short,
        "revision_name": revision.name.rsplit("/", 1)[-1],
        "location": region,
    }
    logs.write(
        cloud,
        project,
        text,
        resource=RESOURCE,
        labels=labels,
        log=log,
        severity=severity,
        entry_labels={"container_name": container} if container else None,
        at=at,
    )
