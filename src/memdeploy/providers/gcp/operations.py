"""Long-running operations in Google's dialects: how an answer names one, and one look at it.

`Operation.name` is always the path to look at: `projects/p/zones/z/operations/o` (compute: zone, region or global),
`projects/p/operations/o` (sqladmin), `projects/p/locations/l/operations/o` (run, artifactregistry, cloudbuild),
`operations/o` (serviceusage, servicenetworking), `projects/p/locations/l/builds/b` (cloudbuild).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Operation, OperationStatus
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.gcp import errors
from memdeploy.providers.gcp.clients import Clients
from memdeploy.providers.gcp.names import relative

_LONGRUNNING = {
    "run": "projects.locations.operations.get",
    "artifactregistry": "projects.locations.operations.get",
    "cloudbuild": "projects.locations.operations.get",
    "serviceusage": "operations.get",
    "servicenetworking": "operations.get",
}
_BUILDING = frozenset({"STATUS_UNKNOWN", "PENDING", "QUEUED", "WORKING"})


def of(service: str, answer: Any) -> Operation | None:
    """The operation that an answer names: JSON of any dialect, or a GAPIC future. None when it is over and well;
    raises its `CloudError` when it is over and failed."""
    if not isinstance(answer, Mapping):
        return Operation(service, str(answer.operation.name))
    status = _status(service, answer)
    if status.done:
        if status.error is not None:
            raise status.error
        return None
    return Operation(service, _path(service, answer))


def poll(clients: Clients, operation: Operation) -> OperationStatus:
    """One look. Raises what the client raises; NOT_FOUND when the cloud does not know it (any more)."""
    return _status(operation.service, _look(clients, operation))


def _path(service: str, answer: Mapping[str, Any]) -> str:
    if service == "sqladmin":
        return f"projects/{answer['targetProject']}/operations/{answer['name']}"
    if service == "compute":
        return relative(str(answer["selfLink"]))
    return str(answer["name"])


def _look(clients: Clients, operation: Operation) -> Mapping[str, Any]:
    name = operation.name
    if operation.service == "compute":
        return _look_compute(clients, name.split("/"))
    if operation.service == "sqladmin":
        _, project, _, id_ = name.split("/")
        return clients.sqladmin("operations.get", project=project, operation=id_)
    if operation.service == "cloudbuild" and "/builds/" in name:
        return clients.cloudbuild("projects.locations.builds.get", name=name)
    method = _LONGRUNNING.get(operation.service)
    if method is None:
        raise CloudError(f"unknown kind of operation: {operation.service} {name}", kind=ErrorKind.INVALID)
    return clients.api(operation.service)(method, name=name)


def _look_compute(clients: Clients, parts: list[str]) -> Mapping[str, Any]:
    """`projects/p/global/operations/o` or `projects/p/{zones|regions}/x/operations/o`."""
    project, scope, id_ = parts[1], parts[2], parts[-1]
    if scope == "global":
        return clients.compute("globalOperations.get", project=project, operation=id_)
    kind = scope.removesuffix("s")
    return clients.compute(f"{kind}Operations.get", project=project, operation=id_, **{kind: parts[3]})


def _status(service: str, answer: Mapping[str, Any]) -> OperationStatus:
    if service in ("compute", "sqladmin"):
        return _stated(service, answer)
    if service == "cloudbuild" and "done" not in answer and "status" in answer:
        return _build(answer)
    if not answer.get("done"):
        return OperationStatus(done=False)
    failure = answer.get("error")
    return OperationStatus(True, errors.from_rpc(failure, service) if failure else None, answer.get("response"))


def _stated(service: str, answer: Mapping[str, Any]) -> OperationStatus:
    """compute and sqladmin: `status`, and `error.errors` even where the look itself answered 200."""
    if answer.get("status") != "DONE":
        return OperationStatus(done=False, progress=_progress(service, answer))
    listed = (answer.get("error") or {}).get("errors") or []
    status = int(answer.get("httpErrorStatusCode") or 0)
    return OperationStatus(True, errors.from_listed(listed, service, status) if listed else None, dict(answer))


def _progress(service: str, answer: Mapping[str, Any]) -> str | None:
    state = answer.get("status")
    if not state:
        return None
    return f"Cloud SQL: {state}" if service == "sqladmin" else str(state).lower()


def _build(answer: Mapping[str, Any]) -> OperationStatus:
    """https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#status; a failed build is no error of
    the API: the image resource reads why from the build itself."""
    state = str(answer["status"])
    return OperationStatus(state not in _BUILDING, None, dict(answer), f"build: {state}")
