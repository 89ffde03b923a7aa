"""One look at the running service, as the verifier account: is anybody there, and which version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.errors import MemdeployError
from memdeploy.providers.gcp import errors
from memdeploy.providers.gcp.scope import Scope
from memdeploy.providers.gcp.verify import Authorized, mint

PATH = "/api/v2/health"
TIMEOUT = 20.0


def ask(scope: Scope, uri: str, verifier: str) -> Mapping[str, Any]:
    """{"health": healthy|unhealthy|unknown, "version", "reason"}; never raises. `unknown`: we could not ask."""
    try:
        http = Authorized(scope.clients, mint(scope.clients, uri, verifier))
        answer = http.request("GET", uri.rstrip("/") + PATH, timeout=TIMEOUT)
    except Exception as raised:
        return {"health": "unknown", "reason": _reason(raised)}
    if answer.status_code in (401, 403):
        return {"health": "unknown", "reason": f"the service answered {answer.status_code}: no right to call it"}
    if answer.status_code != 200:
        return {"health": "unhealthy", "reason": f"{PATH} answered {answer.status_code}"}
    try:
        return {"health": "healthy", "version": answer.json().get("version")}
    except (ValueError, AttributeError):
        return {"health": "unhealthy", "reason": f"{PATH} answered something else than MemMachine's health"}


def _reason(raised: Exception) -> str:
    error = raised if isinstance(raised, MemdeployError) else errors.classify(raised)
    return error.message if error is not None else type(raised).__name__
