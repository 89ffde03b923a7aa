"""`/v2/…`: the registry that image names point to when no engine has one of its own.

Any credentials are accepted, none are needed, as in a registry on loopback. With containers behind the rehearsal,
reading requests are passed to theirs. https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import re

from memdeploy.rehearsal import images, loopback
from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.http import Answer, Request, json_answer
from memdeploy.rehearsal.manifests import MEDIA_TYPE, Manifest

_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags)/(?P<reference>[^/]+)")


def answer(cloud: Cloud, request: Request) -> Answer | None:
    """None: not a registry's path."""
    if request.path not in ("/v2", "/v2/") and not request.path.startswith("/v2/"):
        return None
    if request.verb not in ("GET", "HEAD"):
        return _error(405, "UNSUPPORTED", "this registry is read-only: images are made by Cloud Build")
    behind = cloud.backing.registry()
    if behind:
        return _forward(behind, request)
    if request.path in ("/v2", "/v2/"):
        return json_answer(200, {}, _VERSION)
    with cloud.store.transaction():
        return _look_up(cloud, request)


def _look_up(cloud: Cloud, request: Request) -> Answer:
    match = _PATH.fullmatch(request.path)
    if match is None:
        return _error(404, "UNSUPPORTED", f"no such path: {request.path}")
    name, kind, reference = match["name"], match["kind"], match["reference"]
    if kind == "tags":
        return _tags(cloud, name)
    if kind == "blobs":
        return _blob(cloud, request, name, reference)
    image = images.parse_path(f"{name}@{reference}" if reference.startswith("sha256:") else f"{name}:{reference}")
    found = images.find(cloud, image) if image else None
    if found is None:
        return _error(404, "MANIFEST_UNKNOWN", f"manifest unknown: {name}:{reference}")
    return _manifest(request, found)


def _manifest(request: Request, found: Manifest) -> Answer:
    headers = {**_VERSION, "Content-Type": MEDIA_TYPE, "Docker-Content-Digest": found.digest}
    if request.verb == "HEAD":
        return Answer(200, b"", {**headers, "Content-Length": str(len(found.text))})
    return Answer(200, found.text.encode(), headers)


def _blob(cloud: Cloud, request: Request, name: str, digest: str) -> Answer:
    image = images.parse_path(name)
    rows = cloud.store.below(images.SERVICE, f"{image.package_name}/versions") if image else []
    config = next(
        (row.hidden["config"] for row in rows if Manifest("", row.hidden["config"]).config_digest == digest), None
    )
    if config is None:
        return _error(404, "BLOB_UNKNOWN", f"blob unknown: {digest}")
    headers = {**_VERSION, "Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
    if request.verb == "HEAD":
        return Answer(200, b"", {**headers, "Content-Length": str(len(config))})
    return Answer(200, config.encode(), headers)


def _tags(cloud: Cloud, name: str) -> Answer:
    image = images.parse_path(name)
    if image is None or cloud.store.get(images.SERVICE, image.package_name) is None:
        return _error(404, "NAME_UNKNOWN", f"name unknown: {name}")
    rows = cloud.store.below(images.SERVICE, f"{image.package_name}/tags")
    return json_answer(200, {"name": name, "tags": [row.name.rsplit("/", 1)[-1] for row in rows]}, _VERSION)


def _forward(registry: str, request: Request) -> Answer:
    path = request.path + (f"?{request.query}" if request.query else "")
    try:
        status, headers, body = loopback.ask(
            registry, request.verb, path, request.headers.get("accept", loopback.ACCEPT)
        )
    except OSError:
        return _error(503, "UNKNOWN", "the loopback registry does not answer")
    wanted = ("content-type", "docker-content-digest", "docker-distribution-api-version", "content-length")
    kept = {
        key: headers[key] for key in wanted if key in headers and (key != "content-length" or request.verb == "HEAD")
    }
    return Answer(status, body, kept)


def _error(status: int, code: str, message: str) -> Answer:
    return json_answer(status, {"errors": [{"code": code, "message": message}]}, _VERSION)
