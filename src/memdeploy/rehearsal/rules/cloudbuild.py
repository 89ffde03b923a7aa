"""Cloud Build v1: builds that run to their end and push images. Regional and global paths over one state."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import images, logs, operations
from memdeploy.rehearsal.access import Target, allows
from memdeploy.rehearsal.backing.protocol import BuildSpec, Progress
from memdeploy.rehearsal.call import Call, Cloud, Handler, stamp
from memdeploy.rehearsal.manifests import manifest
from memdeploy.rehearsal.operations import WAIT, Finisher, Operation, Outcome
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import denied, failed_precondition, invalid, not_found
from memdeploy.rehearsal.rules import cloudbuild_checks
from memdeploy.rehearsal.rules.guard import guarded
from memdeploy.rehearsal.store import Row

SERVICE = "cloudbuild"
_BUILD = "type.googleapis.com/google.devtools.cloudbuild.v1"
_ENDED = ("SUCCESS", "FAILURE", "INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED")
# Seconds in the queue before the first step; a worker is started for every build (E).
_QUEUE = 10.0
# "If it is not set, the default is 60 minutes" (https://cloud.google.com/build/docs/build-config-file-schema#timeout)
_TIMEOUT = 3600.0


def create(call: Call) -> Mapping[str, Any]:
    for text in cloudbuild_checks.violations(call.body):
        raise invalid(text)
    _check_account(call)
    _check_region(call)
    id_, parent = str(uuid.uuid4()), _parent(call)
    output_only = ("id", "name", "status", "results", "createTime", "projectId", "logUrl")
    body = {key: value for key, value in call.body.items() if key not in output_only}
    body |= {
        "id": id_,
        "name": f"projects/{call.project.number}/locations/{_location(parent)}/builds/{id_}",
        "projectId": call.project.id,
        "status": "QUEUED",
        "createTime": stamp(call.now),
        "timeout": call.body.get("timeout") or f"{_TIMEOUT:.0f}s",
        "logUrl": f"https://console.cloud.google.com/cloud-build/builds/{id_}?project={call.project.number}",
    }
    row = call.save("Build", f"{parent}/builds/{id_}", body)
    real = call.backing.name != "none"
    if real:
        call.backing.build_start(_spec(row))
    metadata = {"@type": f"{_BUILD}.BuildOperationMetadata", "build": body}
    name = f"{parent}/operations/{operations.fresh_name(call, 'build')}"
    return operations.start(
        call,
        "lro",
        name,
        kind="build",
        target=row.name,
        finisher="built",
        metadata=metadata,
        seconds=0 if real else None,
    )


def get(call: Call) -> Mapping[str, Any]:
    return _shown(call.cloud, _find(call))


def list_(call: Call) -> Mapping[str, Any]:
    rows = sorted(call.store.children(SERVICE, f"{_parent(call)}/builds"), key=lambda row: row.created, reverse=True)
    shown = [_shown(call.cloud, row) for row in rows]
    return page(call, "builds", [body for body in shown if cloudbuild_checks.matches(body, call.text("filter"))])


def cancel(call: Call) -> Mapping[str, Any]:
    row = _find(call)
    if row.body["status"] in _ENDED:
        raise failed_precondition("cannot cancel a build that is not in progress")
    return call.save("Build", row.name, {**row.body, "status": "CANCELLED", "finishTime": stamp(call.now)}).body


def built(cloud: Cloud, operation: Operation) -> Outcome:
    """The end of a build: what its steps gave is pushed with the build account's rights."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is None or row.body["status"] in _ENDED:
        return Outcome(error={"code": 1, "message": "Build cancelled"})
    if cloud.backing.name != "none":
        cloud.backing.build_start(_spec(row))
    progress = cloud.backing.build_state(row.name)
    if not progress.done:
        return WAIT
    body = _finished(cloud, row, progress)
    cloud.store.put(Row(SERVICE, "Build", row.name, body, row.hidden), cloud.now)
    _log(cloud, body)
    if body["status"] != "SUCCESS":
        return Outcome(error={"code": 2, "message": body["statusDetail"]})
    return Outcome(response={"@type": f"{_BUILD}.Build", **body})


def build_failed(cloud: Cloud, operation: Operation) -> Outcome:
    """An operation that was made to fail: the build ends with INTERNAL_ERROR."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is not None:
        text = (operation.planned_error or {}).get("message", "internal error")
        ended = {"status": "INTERNAL_ERROR", "statusDetail": text, "finishTime": stamp(cloud.now)}
        cloud.store.put(row.with_body(**ended), cloud.now)
    return Outcome()


def _log(cloud: Cloud, build: Mapping[str, Any]) -> None:
    """What Cloud Build itself says around the steps, with the labels that its entries have; the steps' own output is
    not kept. https://cloud.google.com/build/docs/securing-builds/store-manage-build-logs"""
    if (build.get("options") or {}).get("logging") != "CLOUD_LOGGING_ONLY":
        return
    labels = {"build_id": build["id"], "build_trigger_id": ""}
    said = {"build_step": "MAIN", "build_tags": ",".join(build.get("tags") or ())}
    good = build["status"] == "SUCCESS"
    for text in (f'starting build "{build["id"]}"', "DONE" if good else f"ERROR: {build.get('statusDetail', '')}"):
        severity = "ERROR" if text.startswith("ERROR") else "INFO"
        logs.write(cloud, build["projectId"], text, resource="build", labels=labels, log="cloudbuild",
                   severity=severity, entry_labels=said)  # fmt: skip


def _finished(cloud: Cloud, row: Row, progress: Progress) -> dict[str, Any]:
    times = {"startTime": stamp(min(row.created + _QUEUE * cloud.scale, cloud.now)), "finishTime": stamp(cloud.now)}
    body = {**row.body, **times}
    if progress.error:
        return {**body, **_failure("USER_BUILD_STEP", progress.error)}
    pushed = []
    for name in row.body.get("images") or ():
        if refused := _push_refused(cloud, row, name):
            return {**body, **refused}
        pushed.append({"name": name, "digest": _pushed(cloud, row, name, progress)})
    results = {"images": pushed, "buildStepImages": [""] * len(row.body["steps"])}
    return {**body, "status": "SUCCESS", "results": results}


def _push_refused(cloud: Cloud, row: Row, name: str) -> dict[str, Any] | None:
    image = images.parse(cloud, name)
    if image is None or cloud.store.get(images.SERVICE, image.repository_name) is None:
        short = image.repository if image else name
        return _failure("PUSH_FAILED", f'name unknown: Repository "{short}" not found')
    email = str(row.body.get("serviceAccount") or "").rsplit("/", 1)[-1]
    project, target = cloud.project(image.project), Target(images.SERVICE, image.repository_name)
    needed = "artifactregistry.repositories.uploadArtifacts"
    if email and (project is None or not allows(cloud, f"serviceAccount:{email}", needed, project, target)):
        text = f"denied: Permission '{needed}' denied on resource '{image.repository_name}' (or it may not exist)."
        return _failure("PUSH_NOT_AUTHORIZED", text)
    return None


def _pushed(cloud: Cloud, row: Row, name: str, progress: Progress) -> str:
    """The digest. Without an engine it is that of a manifest which the build's inputs alone decide."""
    image = images.parse(cloud, name)
    assert image is not None  # _push_refused has looked
    if name in progress.result:
        images.record(cloud, image, progress.result[name])
        return progress.result[name]
    made = manifest(f"build:{name}:{cloudbuild_checks.inputs(row.body)}")
    images.record(cloud, image, made.digest, made)
    return made.digest


def _failure(kind: str, text: str) -> dict[str, Any]:
    return {"status": "FAILURE", "statusDetail": text, "failureInfo": {"type": kind, "detail": text}}


def _shown(cloud: Cloud, row: Row) -> dict[str, Any]:
    """QUEUED turns into WORKING by time alone."""
    if row.body["status"] != "QUEUED" or not cloud.after(_QUEUE, since=row.created):
        return row.body
    return {**row.body, "status": "WORKING", "startTime": stamp(row.created + _QUEUE * cloud.scale)}


def _spec(row: Row) -> BuildSpec:
    return BuildSpec(
        key=row.name,
        steps=row.body["steps"],
        images=tuple(row.body.get("images") or ()),
        timeout=float(row.body["timeout"].rstrip("s")),
    )


def _check_account(call: Call) -> None:
    account = str(call.body.get("serviceAccount") or "")
    if not account:
        return
    match = re.fullmatch(r"projects/[^/]+/serviceAccounts/(?P<email>[^/]+)", account)
    if match is None:
        raise invalid(f"invalid service account name {account!r}")
    known = call.find(f"projects/{call.project.id}/serviceAccounts/{match['email']}", service="iam")
    if known is None or known.hidden.get("deleted") or call.now < known.hidden.get("known_from", 0.0):
        raise denied(f"caller does not have permission to act as service account {account}")


def _check_region(call: Call) -> None:
    """New projects may build in some regions only, `global` always: the world's `quotas: {REGION: {BUILDS: 0}}`.
    https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects; the words are from
    google-github-actions/deploy-cloudrun#480."""
    if call.project.quotas.get(_location(_parent(call)), {}).get("BUILDS") == 0:
        raise failed_precondition(
            "failed precondition: due to quota restrictions, cannot run builds in this region. Please contact support"
        )


def _parent(call: Call) -> str:
    """`projects/p/locations/l`; the older path without a location means `global`."""
    name = call.name.split("/builds")[0]
    return name if "/locations/" in name else f"{name}/locations/global"


def _location(parent: str) -> str:
    return parent.rsplit("/", 1)[-1]


def _find(call: Call) -> Row:
    id_ = call.name.rsplit("/builds/", 1)[-1]
    row = call.find(f"{_parent(call)}/builds/{id_}")
    if row is None:
        raise not_found("Requested entity was not found.")
    return row


RULES: Mapping[str, Handler] = {
    f"cloudbuild.projects.{place}builds.{verb}": handler
    for place in ("", "locations.")
    for verb, handler in (("create", create), ("get", get), ("list", list_), ("cancel", cancel))
}
FINISHERS: Mapping[str, Finisher] = {"built": guarded(built, build_failed), "fail.built": build_failed}
