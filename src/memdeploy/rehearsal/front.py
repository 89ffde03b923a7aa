"""The front end of Cloud Run services: `/_service/<project>/<region>/<service>/…`.

Checks ingress and the caller as Cloud Run does, then forwards to the revision's container, or, without containers, to
the stand-in. https://cloud.google.com/run/docs/authenticating/service-to-service,
https://cloud.google.com/run/docs/troubleshooting (the words of 401, 403 and 404).
"""

from __future__ import annotations

import http.client
import re
import time
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from memdeploy.rehearsal import identity, standin
from memdeploy.rehearsal.access import Target, allows
from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.http import Answer, Request
from memdeploy.rehearsal.rules import run_instances
from memdeploy.rehearsal.rules.run_checks import seconds
from memdeploy.rehearsal.store import Row

_PATH = re.compile(r"/_service/(?P<project>[^/]+)/(?P<region>[^/]+)/(?P<service>[^/]+)(?P<rest>/.*)?")
# Seconds. A request is pending until an instance has started (https://cloud.google.com/run/docs/about-instance-autoscaling;
# the cloud itself gives up sooner).
WAITS, LOOK_EVERY = 300.0, 0.2
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
    )
)


@dataclass(frozen=True)
class Backend:
    """Where an admitted request goes. `url` None: nowhere yet, for an instance starts; without containers never.
    `timeout` in seconds: the service's own."""

    service: str
    url: str | None
    timeout: float
    image: str


def answer(cloud: Cloud, request: Request) -> Answer | None:
    """None: not a service's path."""
    match = _PATH.fullmatch(request.path)
    if match is None:
        return None
    name = f"projects/{match['project']}/locations/{match['region']}/services/{match['service']}"
    inner = replace(request, path=match["rest"] or "/")
    deadline = time.monotonic() + WAITS
    while True:
        with cloud.store.transaction():
            backend = _admit(cloud, name, request)
            if isinstance(backend, Answer):
                return backend
            if cloud.backing.name == "none":
                return standin.answer(cloud, backend.service, backend.image, inner)
        if backend.url is not None:
            return _forward(backend, inner)
        if time.monotonic() > deadline:
            return _page(503, "Service Unavailable", "The request failed because the instance could not start.")
        time.sleep(LOOK_EVERY)


def _admit(cloud: Cloud, name: str, request: Request) -> Backend | Answer:
    row = cloud.store.get("run", name)
    if row is None or row.body.get("ingress") in ("INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_NONE"):
        return _page(404, "Page not found", "The requested URL was not found on this server.")
    if not row.body.get("invokerIamDisabled"):
        refused = _unauthorized(cloud, row, request)
        if refused:
            return refused
    return _backend(cloud, row)


def _unauthorized(cloud: Cloud, row: Row, request: Request) -> Answer | None:
    _, project_id, *_ = row.name.split("/")
    project, target = cloud.project(project_id), Target("run", row.name)
    if project is None:
        return _page(404, "Page not found", "The requested URL was not found on this server.")
    needed, token = "run.routes.invoke", request.bearer
    anonymous = "serviceAccount:anonymous"  # nobody: matches allUsers alone
    if allows(cloud, anonymous, needed, project, target):
        return None
    if not token:
        return _forbidden()
    claims = identity.id_claims(cloud, token) if token.count(".") == 2 else None
    audiences = (row.body.get("uri"), *(row.body.get("customAudiences") or ()))
    if claims is None or claims.get("aud") not in audiences:
        detail = 'error="invalid_token" error_description="The access token could not be verified"'
        headers = {"WWW-Authenticate": f"Bearer {detail}"}
        return _page(401, "Unauthorized", "Your client does not have permission to the requested URL.", headers)
    if not allows(cloud, f"serviceAccount:{claims['email']}", needed, project, target):
        return _forbidden()
    return None


def _backend(cloud: Cloud, row: Row) -> Backend | Answer:
    template = row.body["template"]
    ready = cloud.store.get("run", row.body.get("latestReadyRevision") or "")
    scaling = row.body.get("scaling") or {}
    if ready is None or (scaling.get("scalingMode") == "MANUAL" and not int(scaling.get("manualInstanceCount") or 0)):
        return _page(503, "Service Unavailable", "The service you requested is not available yet.")
    image = str(template["containers"][0]["image"])
    url = None
    if cloud.backing.name != "none":
        progress = run_instances.serving(cloud, row, ready)
        if progress.error:
            return _page(503, "Service Unavailable", "The request failed because the instance could not start.")
        url = progress.result.get("url")
    return Backend(row.name, url, seconds(template.get("timeout"), 300.0), image)


def _forward(backend: Backend, request: Request) -> Answer:
    place = urlsplit(str(backend.url))
    connection = http.client.HTTPConnection(place.netloc, timeout=backend.timeout)
    path = request.path + (f"?{request.query}" if request.query else "")
    headers = {key: value for key, value in request.headers.items() if key not in (*_HOP_BY_HOP, "authorization")}
    try:
        connection.request(request.verb, path, body=request.body or None, headers=headers)
        got = connection.getresponse()
        kept = {key: value for key, value in got.getheaders() if key.lower() not in _HOP_BY_HOP}
        return Answer(got.status, got.read(), kept)
    except TimeoutError:
        return _page(504, "Gateway Timeout", "upstream request timeout")
    except (OSError, http.client.HTTPException):
        return _page(503, "Service Unavailable", "The request failed because the instance could not be reached.")
    finally:
        connection.close()


def _forbidden() -> Answer:
    return _page(403, "Forbidden", "Your client does not have permission to get the requested URL from this server.")


def _page(status: int, title: str, text: str, headers: dict[str, str] | None = None) -> Answer:
    """Cloud Run's own answers are HTML, not JSON."""
    head = f"<html><head><title>{status} {title}</title></head>"
    page = f"{head}<body><h1>Error: {title}</h1><h2>{text}</h2></body></html>"
    return Answer(status, page.encode(), {"Content-Type": "text/html; charset=UTF-8", **(headers or {})})
