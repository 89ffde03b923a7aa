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
from memdeploy.rehearsal.rules import run_launch, run_logs, run_probe
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


def started(cloud: Cloud, service: Row, revision: Row, since: float) -> Progress:
    """Is the revision up? Done when its startup probe has passed, or with the error that it never did; at once when it
    is not to be checked."""
    template = service.body["template"]
    if template.get("healthCheckDisabled"):  # "Disables health checking containers during deployment" (run v2)
        return Progress(done=True)
    if cloud.backing.name == "none":
        return _planted(cloud, service, revision)
    if len(template["containers"]) > 1:
        return Progress(done=True, error="This rehearsal runs services of one container only.")
    cloud.backing.service_start(_spec(cloud, service, revision))
    progress = cloud.backing.service_state(revision.name)
    if progress.error:
        run_logs.said(cloud, service, revision, progress.error.splitlines())
        return Progress(done=True, error=_not_listening(template, progress.error))
    url = progress.result.get("url") if progress.done else None
    probe = run_probe.of(template)
    if url and run_probe.passes(url, probe):
        cloud.store.put(revision.with_hidden(url=url), cloud.now)
        return progress
    if cloud.now > since + probe.patience:
        return Progress(done=True, error=run_probe.FAILED)
    return Progress(done=False)


def _planted(cloud: Cloud, service: Row, revision: Row) -> Progress:
    """Nothing runs: what was planted for it is said, and decides."""
    found = planted.find(cloud.store, service.name.rsplit("/", 1)[-1])
    if found is None:
        return Progress(done=True)
    run_logs.said(cloud, service, revision, found.lines)
    if found.starts:
        return Progress(done=True)
    run_logs.probe_failed(cloud, service, revision)
    return Progress(done=True, error=_not_listening(service.body["template"], "").rstrip())


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
            cloud.backing.service_remove(row.name)
        elif cloud.backing.name != "none":
            cloud.backing.service_start(_spec(cloud, service, row))


def stop_all(cloud: Cloud, service: str) -> None:
    for row in cloud.store.children(SERVICE, f"{service}/revisions"):
        cloud.backing.service_remove(row.name)


def _spec(cloud: Cloud, service: Row, revision: Row) -> Any:
    short, port = service.name.rsplit("/", 1)[-1], run_launch.port_of(revision.body)
    env = {
        "PORT": str(port),
        "K_SERVICE": short,
        "K_CONFIGURATION": short,
        "K_REVISION": revision.name.rsplit("/", 1)[-1],
    }
    project, subnets = service.name.split("/")[1], revision.hidden.get("subnetworks", ())
    return run_launch.container_spec(cloud, revision.name, project, revision.body, env, port=port, subnets=subnets)


def _not_listening(template: Mapping[str, Any], detail: str) -> str:
    # octo-sts/app#1005, word for word but for what the container itself said
    return (
        "The user-provided container failed to start and listen on the port defined provided by the "
        f"PORT={run_launch.port_of(template)} environment variable within the allocated timeout. This can happen when "
        "the container port is misconfigured or if the timeout is too short. The health check timeout can be "
        f"extended. Logs for this revision might contain more information. {detail}"
    )
