"""Revisions of a Cloud Run service: made with each new template, started, judged by the startup probe, replaced."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import planted
from memdeploy.rehearsal.backing.protocol import Progress
from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.rules import run_instances, run_launch, run_logs
from memdeploy.rehearsal.rules.run_base import SERVICE, condition, find, shown
from memdeploy.rehearsal.store import Row

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def get(call: Call) -> Mapping[str, Any]:
    return shown(find(call, "REVISION"))


def list_(call: Call) -> Mapping[str, Any]:
    rows = sorted(call.store.children(SERVICE, call.name), key=lambda row: row.created, reverse=True)
    return page(call, "revisions", [shown(row) for row in rows])


def make(call: Call, service: str, body: Mapping[str, Any]) -> str:
    """A revision from the service's template; its full name (`s-00001-abc`, or what the template says)."""
    template, generation = body["template"], int(body["generation"])
    random = "".join(secrets.choice(_ALPHABET) for _ in range(3))
    short = template.get("revision") or f"{service.rsplit('/', 1)[-1]}-{generation:05d}-{random}"
    name = f"{service}/revisions/{short}"
    revision = {key: value for key, value in template.items() if key != "revision"} | {
        "name": name,
        "uid": str(uuid.uuid4()),
        "generation": "1",
        "service": service,
        "createTime": stamp(call.now),
        "updateTime": stamp(call.now),
        "creator": call.caller.partition(":")[2],
        "reconciling": True,
        "conditions": [condition("RECONCILING", call.now)],
        "serviceAccount": template.get("serviceAccount", ""),
    }
    call.save("Revision", name, revision, {"subnetworks": run_launch.subnetworks(call, template)})
    return name


def started(cloud: Cloud, service: Row, revision: Row) -> Progress:
    """Is the revision up? Done when its startup probes have passed, or with the error that they never did; at once when
    it is not to be checked."""
    if service.body["template"].get("healthCheckDisabled"):  # "Disables health checking … during deployment" (run v2)
        return Progress(done=True)
    if cloud.backing.name == "none":
        return _planted(cloud, service, revision)
    return run_instances.look(cloud, service, revision)


def _planted(cloud: Cloud, service: Row, revision: Row) -> Progress:
    """Nothing runs: what was planted for it is said, and decides."""
    found = planted.find(cloud.store, service.name.rsplit("/", 1)[-1])
    if found is None:
        return Progress(done=True)
    run_logs.said(cloud, service, revision, found.lines)
    if found.starts:
        return Progress(done=True)
    ingress = run_launch.ingress(revision.body)
    run_logs.probe_failed(cloud, service, revision, ingress)
    return Progress(done=True, error=run_instances.not_listening(revision.body))


def settle(cloud: Cloud, name: str, ready: Mapping[str, Any]) -> None:
    row = cloud.store.get(SERVICE, name)
    if row is not None:
        done = {"reconciling": False, "conditions": [ready], "observedGeneration": "1"}
        cloud.store.put(row.with_body(**done), cloud.now)


def scale(cloud: Cloud, service: Row, serving: str) -> None:
    """Stops what serves no longer: older revisions, and all of them at zero manual instances."""
    scaling = service.body.get("scaling") or {}
    to_zero = scaling.get("scalingMode") == "MANUAL" and int(scaling.get("manualInstanceCount") or 0) == 0
    for row in cloud.store.children(SERVICE, f"{service.name}/revisions"):
        if row.name != serving or to_zero:
            run_instances.stop(cloud, service, row)
        elif cloud.backing.name != "none":
            run_instances.look(cloud, service, row)


def stop_all(cloud: Cloud, service: str) -> None:
    for row in cloud.store.children(SERVICE, f"{service}/revisions"):
        cloud.backing.service_remove(row.name)
