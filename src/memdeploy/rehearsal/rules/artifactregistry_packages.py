"""Packages, versions and tags of a Docker repository: an image's name, digests and tags.

With containers behind the rehearsal images are pushed to a registry that knows nothing of this API, so each look first
takes over what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memdeploy.rehearsal import images, loopback, operations
from memdeploy.rehearsal.call import Call, Cloud
from memdeploy.rehearsal.images import SERVICE, Image
from memdeploy.rehearsal.operations import Operation, Outcome
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import failed_precondition, not_found
from memdeploy.rehearsal.store import Row

_METADATA = {"@type": "type.googleapis.com/google.devtools.artifactregistry.v1.OperationMetadata"}


def list_packages(call: Call) -> Mapping[str, Any]:
    _synced(call, call.name.removesuffix("/packages"))
    return page(call, "packages", [row.body for row in call.store.children(SERVICE, call.name)])


def list_versions(call: Call) -> Mapping[str, Any]:
    _synced(call, call.name.split("/packages/")[0])
    rows = call.store.children(SERVICE, call.name)
    tags = call.store.children(SERVICE, f"{call.name.removesuffix('/versions')}/tags")
    shown = [{**row.body, "relatedTags": [t.body for t in tags if t.body["version"] == row.name]} for row in rows]
    return page(call, "versions", shown)


def list_tags(call: Call) -> Mapping[str, Any]:
    _synced(call, call.name.split("/packages/")[0])
    return page(call, "tags", [row.body for row in call.store.children(SERVICE, call.name)])


def list_images(call: Call) -> Mapping[str, Any]:
    repository = _synced(call, call.name.removesuffix("/dockerImages"))
    rows = [row for row in call.store.below(SERVICE, f"{repository.name}/packages") if row.type == "Version"]
    return page(call, "dockerImages", [_docker_image(call, repository, row) for row in rows])


def get_image(call: Call) -> Mapping[str, Any]:
    """`…/dockerImages/PACKAGE@DIGEST`."""
    repository, _, image = call.name.partition("/dockerImages/")
    package, _, digest = image.partition("@")
    found = _synced(call, repository)
    name = f"{repository}/packages/{package.replace('/', '%2F')}/versions/{digest}"
    return _docker_image(call, found, _find(replace(call, name=name)))


def get(call: Call) -> Mapping[str, Any]:
    _synced(call, call.name.split("/packages/")[0])
    return _find(call).body


def delete_package(call: Call) -> Mapping[str, Any]:
    _synced(call, call.name.split("/packages/")[0])
    return _begin(call, _find(call).name)


def delete_version(call: Call) -> Mapping[str, Any]:
    _synced(call, call.name.split("/packages/")[0])
    row = _find(call)
    tags = call.store.children(SERVICE, f"{row.name.rsplit('/versions/', 1)[0]}/tags")
    if any(tag.body["version"] == row.name for tag in tags) and not call.flag("force"):
        # Discovery document, versions.delete `force`: "By default, a version that is tagged may not be deleted."
        raise failed_precondition("Cannot delete a version that is tagged; use force to delete its tags too")
    return _begin(call, row.name)


def delete_tag(call: Call) -> Mapping[str, Any]:
    row = _find(call)
    call.store.delete(SERVICE, row.name)
    return {}


def deleted(cloud: Cloud, operation: Operation) -> Outcome:
    _delete(cloud, operation.target)
    return Outcome()


def delete_all(cloud: Cloud, repository: str) -> None:
    _take_over(cloud, repository)
    for row in cloud.store.children(SERVICE, f"{repository}/packages"):
        _delete(cloud, row.name)


def _begin(call: Call, target: str) -> Mapping[str, Any]:
    name = f"{target.split('/repositories/')[0]}/operations/{operations.fresh_name(call)}"
    return operations.start(
        call, "lro", name, kind="delete", target=target, finisher="package-deleted", metadata=_METADATA
    )


def _find(call: Call) -> Row:
    row = call.find(call.name)
    if row is None:
        raise not_found("Requested entity was not found.")
    return row


def _synced(call: Call, repository: str) -> Row:
    row = call.find(repository)
    if row is None:
        raise not_found("Requested entity was not found.")
    _take_over(call.cloud, repository)
    return row


def _take_over(cloud: Cloud, repository: str) -> None:
    """Makes rows for images that were pushed to the backing's registry without this API's knowledge."""
    registry, row = cloud.backing.registry(), cloud.store.get(SERVICE, repository)
    if registry is None or row is None or row.body.get("mode") == "REMOTE_REPOSITORY":
        return
    prefix = row.body["registryUri"].partition("/")[2] + "/"
    for path in loopback.names(registry, prefix):
        for tag in loopback.tags(registry, path):
            image, digest = images.parse_path(f"{path}:{tag}"), loopback.digest(registry, path, tag)
            if image and digest and not cloud.store.get(SERVICE, f"{image.package_name}/versions/{digest}"):
                images.record(cloud, image, digest)


def _delete(cloud: Cloud, name: str) -> None:
    """A package or a version, here and in the backing's registry; tags of a version go with it."""
    package = name.split("/versions/")[0]
    versions = (
        [name] if "/versions/" in name else [r.name for r in cloud.store.children(SERVICE, f"{package}/versions")]
    )
    for tag in cloud.store.children(SERVICE, f"{package}/tags"):
        if tag.body["version"] in versions:
            cloud.store.delete(SERVICE, tag.name)
    registry = cloud.backing.registry()
    for version in versions if registry else ():
        loopback.delete(str(registry), _image_of(package).path, version.rsplit("/", 1)[-1])
    cloud.store.delete(SERVICE, name)


def _image_of(package: str) -> Image:
    _, project, _, location, _, repository, _, short = package.split("/")
    return Image(location, project, repository, short.replace("%2F", "/"))


def _docker_image(call: Call, repository: Row, version: Row) -> dict[str, Any]:
    of_package = call.store.children(SERVICE, f"{version.name.split('/versions/')[0]}/tags")
    tags = [tag.name.rsplit("/", 1)[-1] for tag in of_package if tag.body["version"] == version.name]
    package, digest = version.name.split("/packages/")[1].split("/versions/")
    uri = f"{repository.body['registryUri']}/{package.replace('%2F', '/')}@{digest}"
    return {
        "name": f"{repository.name}/dockerImages/{package}@{digest}",
        "uri": uri,
        "tags": tags,
        **_times(version.body),
    }


def _times(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"uploadTime": body["createTime"], "updateTime": body["updateTime"]}
