"""Artifact Registry v1: repositories, what is in them, who may use them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import images, operations, policies
from memdeploy.rehearsal.call import Call, Cloud, Handler, stamp
from memdeploy.rehearsal.operations import WAIT, Finisher, Operation, Outcome
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import exists, invalid, not_found
from memdeploy.rehearsal.rules import artifactregistry_packages as packages
from memdeploy.rehearsal.rules import labels, locations
from memdeploy.rehearsal.rules.guard import guarded
from memdeploy.rehearsal.store import Row

SERVICE = "artifactregistry"
_TYPE = "type.googleapis.com/google.devtools.artifactregistry.v1"
# https://cloud.google.com/artifact-registry/docs/repositories/create-repos: "lowercase letters, numbers and hyphens",
# starts with a letter, ends with a letter or number; at most 63 (E).
_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
# Names with a dot are for the gcr.io domains, each in its own multi-region.
_DOMAINS = images.GCR
_CHANGEABLE = (
    "description",
    "labels",
    "cleanupPolicies",
    "cleanupPolicyDryRun",
    "dockerConfig",
    "remoteRepositoryConfig",
)


def create(call: Call) -> Mapping[str, Any]:
    id_ = call.text("repositoryId")
    name = f"{call.name}/{id_}"
    if not _ID.fullmatch(id_) and _DOMAINS.get(id_) != call.name.split("/")[3]:
        raise invalid(f'the repository ID "{id_}" is invalid: must match {_ID.pattern}')
    if call.find(name):
        raise exists("the repository already exists")
    labels.check(call.body.get("labels"))
    body = _checked(call.body)
    now = stamp(call.now)
    body |= {"name": name, "createTime": now, "updateTime": now, "sizeBytes": "0"}
    row = call.save("Repository", name, {**body, "registryUri": images.registry_uri(call.cloud, name)})
    return _begin(call, row.name, "create", "created")


def get(call: Call) -> Mapping[str, Any]:
    return _repository(call).body


def list_(call: Call) -> Mapping[str, Any]:
    return page(call, "repositories", [row.body for row in call.store.children(SERVICE, call.name)])


def patch(call: Call) -> Mapping[str, Any]:
    """Answers with the repository, without an operation."""
    row, mask = _repository(call), call.mask()
    if not mask:
        raise invalid("update_mask is required")
    labels.check(call.body.get("labels"))
    body = dict(row.body)
    for field in (path.split(".")[0] for path in mask):
        if field not in _CHANGEABLE:
            raise invalid(f"field {field} is immutable or unknown")
        if call.body.get(field) is None:
            body.pop(field, None)
        else:
            body[field] = call.body[field]
    return call.save("Repository", row.name, {**body, "updateTime": stamp(call.now)}, row.hidden).body


def delete(call: Call) -> Mapping[str, Any]:
    """With everything in it."""
    row = _repository(call)
    return _begin(call, row.name, "delete", "deleted")


def get_iam(call: Call) -> Mapping[str, Any]:
    return policies.get_policy(call, _repository(call).name)


def set_iam(call: Call) -> Mapping[str, Any]:
    return policies.set_policy(call, _repository(call).name)


def test_iam(call: Call) -> Mapping[str, Any]:
    return policies.held_permissions(call, _repository(call).name)


def settings(call: Call) -> Mapping[str, Any]:
    """Container Registry is gone, so every project's gcr.io is Artifact Registry's.
    https://cloud.google.com/artifact-registry/docs/transition/transition-from-gcr"""
    name = f"projects/{call.project.id}/projectSettings"
    return {"name": name, "legacyRedirectionState": "REDIRECTION_FROM_GCR_IO_ENABLED"}


def created(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(SERVICE, operation.target)
    if row is None:
        return Outcome(error={"code": 10, "message": "the repository was deleted meanwhile"})
    if row.body.get("mode") == "REMOTE_REPOSITORY":
        progress = cloud.backing.hub_ensure(row.body["registryUri"], cloud.hub)
        if not progress.done:
            return WAIT
        if progress.error:
            create_failed(cloud, operation)
            return Outcome(error={"code": 13, "message": progress.error})
    return Outcome(response={"@type": f"{_TYPE}.Repository", **row.body})


def create_failed(cloud: Cloud, operation: Operation) -> Outcome:
    """A repository whose creation failed is not there."""
    cloud.store.delete(SERVICE, operation.target)
    return Outcome()


def deleted(cloud: Cloud, operation: Operation) -> Outcome:
    packages.delete_all(cloud, operation.target)
    cloud.store.delete(SERVICE, operation.target)
    if not cloud.store.below(SERVICE, "", "Repository"):
        cloud.backing.registry_remove()
    return Outcome()


def _begin(call: Call, target: str, kind: str, finisher: str) -> Mapping[str, Any]:
    location = target.rsplit("/repositories/", 1)[0]
    name = f"{location}/operations/{operations.fresh_name(call)}"
    metadata = {"@type": f"{_TYPE}.OperationMetadata"}
    return operations.start(call, "lro", name, kind=kind, target=target, finisher=finisher, metadata=metadata)


def _repository(call: Call) -> Row:
    row = call.find(call.name)
    if row is None:
        raise not_found("Requested entity was not found.")
    return row


def _checked(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Discovery document: a remote repository needs its source; the mode defaults to STANDARD_REPOSITORY."""
    if (sent.get("format") or "FORMAT_UNSPECIFIED") == "FORMAT_UNSPECIFIED":
        raise invalid("format is required")
    mode = sent.get("mode") or "MODE_UNSPECIFIED"
    mode = "STANDARD_REPOSITORY" if mode == "MODE_UNSPECIFIED" else mode
    config = sent.get("remoteRepositoryConfig") or {}
    if mode == "REMOTE_REPOSITORY" and not any(key.endswith("Repository") for key in config):
        raise invalid("remote_repository_config is required for a repository of mode REMOTE_REPOSITORY")
    if mode != "REMOTE_REPOSITORY" and config:
        raise invalid("remote_repository_config can only be set for a repository of mode REMOTE_REPOSITORY")
    output_only = ("name", "createTime", "updateTime", "sizeBytes", "registryUri", "satisfiesPzi", "satisfiesPzs")
    return {**{key: value for key, value in sent.items() if key not in output_only}, "mode": mode}


_BASE = "artifactregistry.projects.locations.repositories"
RULES: Mapping[str, Handler] = {
    # https://cloud.google.com/artifact-registry/docs/repositories/repo-locations
    "artifactregistry.projects.locations.list": locations.lister("us", "europe", "asia"),
    "artifactregistry.projects.getProjectSettings": settings,
    f"{_BASE}.create": create,
    f"{_BASE}.get": get,
    f"{_BASE}.list": list_,
    f"{_BASE}.patch": patch,
    f"{_BASE}.delete": delete,
    f"{_BASE}.getIamPolicy": get_iam,
    f"{_BASE}.setIamPolicy": set_iam,
    f"{_BASE}.testIamPermissions": test_iam,
    f"{_BASE}.packages.list": packages.list_packages,
    f"{_BASE}.packages.get": packages.get,
    f"{_BASE}.packages.delete": packages.delete_package,
    f"{_BASE}.packages.versions.list": packages.list_versions,
    f"{_BASE}.packages.versions.get": packages.get,
    f"{_BASE}.packages.versions.delete": packages.delete_version,
    f"{_BASE}.packages.tags.list": packages.list_tags,
    f"{_BASE}.packages.tags.get": packages.get,
    f"{_BASE}.packages.tags.delete": packages.delete_tag,
    f"{_BASE}.dockerImages.list": packages.list_images,
    f"{_BASE}.dockerImages.get": packages.get_image,
}
FINISHERS: Mapping[str, Finisher] = {
    "created": guarded(created, create_failed),
    "fail.created": create_failed,
    "deleted": guarded(deleted),
    "package-deleted": guarded(packages.deleted),
}
