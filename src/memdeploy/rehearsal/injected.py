"""What an injected fault looks like: errors in the words of the service that they strike, reads that lag behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from memdeploy.rehearsal import dialect, methods
from memdeploy.rehearsal.call import Call, Method, Project
from memdeploy.rehearsal.refusal import Refusal
from memdeploy.rehearsal.store import Store

LAG = "unseen"
TEXT = "Rehearsed fault."
# google.rpc's word and the older dialect's reason (https://cloud.google.com/apis/design/errors#error_codes)
WORDS: Mapping[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "invalid"),
    404: ("NOT_FOUND", "notFound"),
    408: ("DEADLINE_EXCEEDED", "backendError"),
    409: ("ABORTED", "conflict"),
    500: ("INTERNAL", "internalError"),
    502: ("UNAVAILABLE", "backendError"),
    503: ("UNAVAILABLE", "backendError"),
    504: ("DEADLINE_EXCEEDED", "backendError"),
}
UNSEEN = 20.0
"""Cloud seconds in which a read may miss what was just made (an estimate: 'typically converge within minutes')."""
# "each read is eventually consistent": https://cloud.google.com/iam/docs/reference/rest
# https://cloud.google.com/secret-manager/docs/reference/consistency
EVENTUAL = frozenset({"iam", "secretmanager"})
# "adding a secret version and then immediately accessing that secret version by version number" (the same page)
STRONG = frozenset({"secretmanager.projects.secrets.versions.access"})


def refusal(code: int, method: Method, name: str, project: Project | None) -> Refusal:
    """An HTTP error before the effect. `name` is what was asked for."""
    if code == 401:
        return unauthenticated()
    if code == 403:
        return dialect.permission_denied(method.service, methods.permission(method), name)
    if code == 429:
        return too_many(method, project.number if project else "0")
    status, reason = WORDS.get(code, ("UNKNOWN", "backendError"))
    return Refusal(code, status, TEXT, reason=reason)


def unauthenticated() -> Refusal:
    """A token that is none, or none any more. Recorded traffic; the older dialect's reason is `authError`."""
    return Refusal(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
        " authentication credential.",
        reason="authError",
    )


def too_many(method: Method, number: str) -> Refusal:
    """Compute Engine says 403: https://cloud.google.com/compute/docs/troubleshooting/troubleshoot-operation-limits; the
    others as recorded in GoogleCloudPlatform/cloud-sql-jdbc-socket-factory#979. None of them sends Retry-After."""
    if method.service == "compute":
        return Refusal(403, "PERMISSION_DENIED", "Rate Limit Exceeded", reason="rateLimitExceeded")
    host = f"{method.service}.googleapis.com"
    kind = "Mutate" if methods.mutates(method) else "Read"
    limit = f"{kind} requests per minute"
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": {"service": host, "consumer": f"projects/{number}", "quota_location": "global"},
    }
    message = (
        f"Quota exceeded for quota metric '{kind} requests' and limit '{limit}' of service '{host}' for consumer"
        f" 'project_number:{number}'."
    )
    return Refusal(429, "RESOURCE_EXHAUSTED", message, reason="rateLimitExceeded", details=[info])


def lags(method: Method) -> bool:
    """Whether the service promises no more of this read than that it will show everything in the end."""
    return method.service in EVENTUAL and method.verb == "GET" and method.id not in STRONG


def lagging(call: Call, answer: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The answer to a read by a copy that has not heard yet of what was just made."""
    with _undone(call.store):
        for row in call.store.below(call.method.service, ""):
            if not call.cloud.after(UNSEEN, since=row.created):
                call.store.delete(row.service, row.name, children=False)
        return answer()


class _Undo(Exception):
    """Not for anybody to see."""


@contextmanager
def _undone(store: Store) -> Iterator[None]:
    try:
        with store.attempt():
            yield
            raise _Undo
    except _Undo:
        return
