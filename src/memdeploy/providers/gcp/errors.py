"""Every failure of a Google client as one `CloudError`, so that the runner knows what to do about it.

Answers come in two dialects (`{"error": {"status", "details": [ErrorInfo]}}`, `{"error": {"errors": [{"reason"}]}}`),
through two client families and in three kinds of operations; all become an `Answer` first and are judged in one place.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.secret import heard

LOGIN = "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS, and try again."


@dataclass(frozen=True)
class Answer:
    """An error as the cloud gave it. `word` is the canonical status (`FAILED_PRECONDITION`), `reasons` are the codes
    inside, of either dialect; `facts` is an ErrorInfo's metadata."""

    status: int
    message: str
    word: str = ""
    reasons: frozenset[str] = frozenset()
    facts: Mapping[str, str] | None = None
    service: str = ""


# google.rpc.Code (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto) and its HTTP status.
_RPC: Mapping[int, tuple[str, int]] = {
    1: ("CANCELLED", 499), 2: ("UNKNOWN", 500), 3: ("INVALID_ARGUMENT", 400), 4: ("DEADLINE_EXCEEDED", 504),
    5: ("NOT_FOUND", 404), 6: ("ALREADY_EXISTS", 409), 7: ("PERMISSION_DENIED", 403), 8: ("RESOURCE_EXHAUSTED", 429),
    9: ("FAILED_PRECONDITION", 400), 10: ("ABORTED", 409), 11: ("OUT_OF_RANGE", 400), 12: ("UNIMPLEMENTED", 501),
    13: ("INTERNAL", 500), 14: ("UNAVAILABLE", 503), 15: ("DATA_LOSS", 500), 16: ("UNAUTHENTICATED", 401),
}  # fmt: skip

# Reasons that decide by themselves, folded to lower case without underscores, so that both dialects meet.
_REASONS: Mapping[str, ErrorKind] = {
    "servicedisabled": ErrorKind.NOT_ENABLED,
    "accessnotconfigured": ErrorKind.NOT_ENABLED,
    "operationinprogress": ErrorKind.BUSY,
    "resourcenotready": ErrorKind.NOT_READY,
    "alreadyexists": ErrorKind.CONFLICT,
    "instancealreadyexists": ErrorKind.CONFLICT,
    "resourcealreadyexists": ErrorKind.CONFLICT,
    "conditionnotmet": ErrorKind.STALE,
    "staledata": ErrorKind.STALE,
    "instancedoesnotexist": ErrorKind.NOT_FOUND,
    "resourcenotfound": ErrorKind.NOT_FOUND,
    "resourceinusebyanotherresource": ErrorKind.PRECONDITION,
    "invalidstate": ErrorKind.PRECONDITION,
    "billingdisabled": ErrorKind.PRECONDITION,
    "quotaexceeded": ErrorKind.QUOTA,
    "zoneresourcepoolexhausted": ErrorKind.QUOTA,
    "zoneresourcepoolexhaustedwithdetails": ErrorKind.QUOTA,
    "ratelimitexceeded": ErrorKind.RATE_LIMIT,
    "userratelimitexceeded": ErrorKind.RATE_LIMIT,
    "permissionserror": ErrorKind.PERMISSION,
    "internalerror": ErrorKind.UNAVAILABLE,
    "backenderror": ErrorKind.UNAVAILABLE,
}
_WORDS: Mapping[str, ErrorKind] = {
    "ALREADY_EXISTS": ErrorKind.CONFLICT,
    "ABORTED": ErrorKind.STALE,
    "FAILED_PRECONDITION": ErrorKind.PRECONDITION,
    "UNAUTHENTICATED": ErrorKind.UNAUTHENTICATED,
    "PERMISSION_DENIED": ErrorKind.PERMISSION,
    "NOT_FOUND": ErrorKind.NOT_FOUND,
    "INVALID_ARGUMENT": ErrorKind.INVALID,
}
_STATUSES: Mapping[int, ErrorKind] = {
    400: ErrorKind.INVALID, 401: ErrorKind.UNAUTHENTICATED, 403: ErrorKind.PERMISSION, 404: ErrorKind.NOT_FOUND,
    408: ErrorKind.UNAVAILABLE, 409: ErrorKind.CONFLICT, 412: ErrorKind.STALE, 429: ErrorKind.RATE_LIMIT,
}  # fmt: skip

# What only the text tells. A service account just made is 'does not exist' to a policy for a minute (gcp.md, row 3:
# https://cloud.google.com/iam/docs/service-accounts-create); a peering just made is unknown to Cloud SQL as long.
_TEXTS: tuple[tuple[re.Pattern[str], ErrorKind], ...] = (
    (re.compile(r"service account \S+ does not exist", re.I), ErrorKind.NOT_READY),
    (re.compile(r"private services? connection|service networking connection", re.I), ErrorKind.NOT_READY),
    (re.compile(r"(resource|instance) .*is not ready", re.I), ErrorKind.NOT_READY),
    (re.compile(r"has not been used in project|it is disabled", re.I), ErrorKind.NOT_ENABLED),
    (re.compile(r"\betags?\b|fingerprint|settings ?version|concurrent policy change|but current version", re.I),
     ErrorKind.STALE),
    (re.compile(r"already exists", re.I), ErrorKind.CONFLICT),
    (re.compile(r"another operation|operation.* in progress", re.I), ErrorKind.BUSY),
)  # fmt: skip
# An organisation policy that forbids it: Compute Engine answers 412 conditionNotMet, as for a fingerprint that moved on
# (fortinet/fortigate-terraform-deploy#34), others 400; no repetition helps.
_POLICY = re.compile(
    r"\bconstraints/[\w.]+|violates constraint|organi[sz]ation(al)? policy|org policy|permitted customer", re.I
)
_CONSTRAINT = re.compile(r"constraints/[\w.]*\w")
_NONE_FOUND = "Your default credentials were not found"  # google.auth 2.x: nothing was named that could be wrong
_STOCKOUT = re.compile(r"resource_?pool_?exhausted|does not have enough resources", re.I)
_BY_TIME = re.compile(r"per (minute|second|day|100 seconds)|queries per|requests per|rate limit", re.I)
_PERMISSION = re.compile(r"(?:permission|required)[^'\"]{0,20}['\"]([a-z]+\.[A-Za-z]+\.[A-Za-z]+)['\"]", re.I)


def classify(error: Exception) -> CloudError | None:
    """What a raised exception means; None when it comes from no cloud."""
    if isinstance(error, CloudError):
        return error
    for family in (_from_api_core, _from_discovery, _from_auth, _from_parser, _from_network):
        found = family(error)
        if found is not None:
            return found
    return None


def judge(answer: Answer) -> CloudError:
    """The one place where an answer becomes a kind."""
    forbidden = _forbidden(answer)
    kind = ErrorKind.PRECONDITION if forbidden else _kind(answer)
    return CloudError(
        heard(f"{answer.service}: {answer.message}" if answer.service else answer.message),
        kind=kind,
        service=answer.service,
        status=answer.status or None,
        reason=next(iter(sorted(answer.reasons)), answer.word or None),
        suggestion=_ask_for_exception(answer) if forbidden else _suggestion(kind, answer),
    )


def from_rpc(status: Mapping[str, Any], service: str) -> CloudError:
    """A `google.rpc.Status` as JSON, the error of operations but for those of compute and sqladmin."""
    word, http_status = _RPC.get(int(status.get("code", 2)), ("UNKNOWN", 500))
    reasons, facts = _details(status.get("details", []))
    return judge(Answer(http_status, str(status.get("message", word)), word, reasons, facts, service))


def from_listed(errors: list[Mapping[str, Any]], service: str, status: int = 0) -> CloudError:
    """The `errors` of a compute or sqladmin operation: `[{code, message}]`."""
    messages = "; ".join(str(e.get("message") or e.get("code")) for e in errors) or "the operation failed"
    return judge(Answer(status, messages, "", frozenset(str(e.get("code", "")) for e in errors), None, service))


def from_json(status: int, content: bytes | str, *, service: str = "", phrase: str = "") -> CloudError:
    """An HTTP answer of any Google API."""
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    found = body.get("error") if isinstance(body, dict) else None
    if not isinstance(found, dict):
        text = str(found) if found else phrase or f"HTTP {status}"
        return judge(Answer(status, text, service=service))
    reasons, facts = _details(found.get("details"))
    listed = frozenset(str(e["reason"]) for e in _mappings(found.get("errors")) if e.get("reason"))
    message = str(found.get("message") or phrase or f"HTTP {status}")
    return judge(Answer(status, message, str(found.get("status", "")), reasons | listed, facts, service))


# -- where exceptions come from -------------------------------------------------------------------------------------


def _from_api_core(error: Exception) -> CloudError | None:
    if not type(error).__module__.startswith("google.api_core"):
        return None
    from google.api_core import exceptions

    if not isinstance(error, exceptions.GoogleAPICallError):
        return CloudError(heard(str(error)), kind=ErrorKind.UNKNOWN)
    response = error.response
    if response is not None and hasattr(response, "content"):
        return from_json(response.status_code, response.content, service=_service(response.url), phrase=error.message)
    status = int(error.code) if error.code is not None else 0
    reasons = frozenset({str(error.reason)}) if error.reason else frozenset()
    return judge(Answer(status, error.message, reasons=reasons))


def _from_discovery(error: Exception) -> CloudError | None:
    if not type(error).__module__.startswith("googleapiclient"):
        return None
    from googleapiclient.errors import HttpError

    if not isinstance(error, HttpError):
        return CloudError(heard(str(error)), kind=ErrorKind.UNKNOWN)
    return from_json(
        int(error.resp.status), error.content, service=_service(error.uri or ""), phrase=error.resp.reason or ""
    )


def _from_auth(error: Exception) -> CloudError | None:
    if not type(error).__module__.startswith("google.auth"):
        return None
    from google.auth import exceptions

    if isinstance(error, exceptions.TransportError):
        return CloudError(f"no connection to Google's sign-in: {_short(error)}", kind=ErrorKind.NETWORK)
    if isinstance(error, exceptions.RefreshError) and error.retryable:
        return CloudError(f"Google's sign-in does not work just now: {_short(error)}", kind=ErrorKind.UNAVAILABLE)
    if isinstance(error, exceptions.DefaultCredentialsError):
        named = "" if _short(error).startswith(_NONE_FOUND) else f": {_short(error)}"
        message = f"no Google credentials were found on this machine{named}"
    elif isinstance(error, exceptions.RefreshError):
        message = f"Google does not accept the credentials any more: {_short(error)}"
    else:
        message = f"the Google credentials cannot be used: {_short(error)}"
    return CloudError(message, kind=ErrorKind.UNAUTHENTICATED, suggestion=LOGIN)


def not_google(uri: str = "") -> CloudError:
    """A good answer that is none of Google's: a proxy's or a network's page. What was asked for may have happened."""
    service = f"{_service(uri)}: " if uri else ""
    return CloudError(
        f"{service}what answered is not Google: no JSON object",
        kind=ErrorKind.NETWORK,
        suggestion="Check what stands between this machine and googleapis.com: a proxy, a network's sign-in page.",
    )


def _from_parser(error: Exception) -> CloudError | None:
    """GAPIC gives every answer to protobuf's parser."""
    return not_google() if type(error).__module__ == "google.protobuf.json_format" else None


def _from_network(error: Exception) -> CloudError | None:
    """No answer: whether the request took effect is not known."""
    module = type(error).__module__.split(".")[0]
    connection = isinstance(error, ConnectionError | TimeoutError | http.client.HTTPException)
    name_unknown = type(error).__name__ in ("gaierror", "ServerNotFoundError")
    if not (connection or name_unknown or module in ("requests", "urllib3", "httplib2", "ssl")):
        return None
    if module == "requests" and isinstance(error, ValueError):  # an invalid URL or body: ours, not the network's
        return None
    request = getattr(error, "request", None)
    host = urlsplit(getattr(request, "url", "") or "").netloc.rsplit("@", 1)[-1]
    return CloudError(
        f"no answer{f' from {host}' if host else ''} ({type(error).__name__})",
        kind=ErrorKind.NETWORK,
        suggestion="Check the network connection; run the same command again to go on.",
    )


# -- judging ----------------------------------------------------------------------------------------------------------


def _kind(answer: Answer) -> ErrorKind:
    for reason in answer.reasons:
        kind = _REASONS.get(reason.replace("_", "").lower())
        if kind is not None:
            return _limit(answer) if kind is ErrorKind.QUOTA and answer.status == 429 else kind
    if answer.status == 429 or answer.word == "RESOURCE_EXHAUSTED":
        return _limit(answer)
    if answer.status in (0, 400, 403, 409, 412):
        for pattern, kind in _TEXTS:
            if pattern.search(answer.message) and (answer.status != 403 or kind is ErrorKind.NOT_ENABLED):
                return kind
    if answer.word in _WORDS:
        return _WORDS[answer.word]
    if answer.status >= 500:
        return ErrorKind.UNAVAILABLE
    return _STATUSES.get(answer.status, ErrorKind.UNKNOWN)


def _forbidden(answer: Answer) -> bool:
    return answer.status in (0, 400, 403, 409, 412) and bool(_POLICY.search(answer.message))


def _ask_for_exception(answer: Answer) -> str:
    named = _CONSTRAINT.search(answer.message)
    policy = f"organisation policy {named.group()}" if named else "an organisation policy"
    return f"An administrator of the organisation can make an exception from {policy} for this project."


def _limit(answer: Answer) -> ErrorKind:
    """A limit in time passes by itself, one in number does not."""
    if _BY_TIME.search(answer.message):
        return ErrorKind.RATE_LIMIT
    return ErrorKind.QUOTA if "quota" in answer.message.lower() else ErrorKind.RATE_LIMIT


def _suggestion(kind: ErrorKind, answer: Answer) -> str | None:
    match kind:
        case ErrorKind.UNAUTHENTICATED:
            return LOGIN
        case ErrorKind.PERMISSION:
            wanted = (answer.facts or {}).get("permission") or _first(_PERMISSION, answer.message)
            return f"Ask for a role that holds {wanted}." if wanted else "Ask for a role that allows this."
        case ErrorKind.NOT_ENABLED:
            service = (answer.facts or {}).get("service") or f"{answer.service}.googleapis.com"
            return f"Switch it on with `gcloud services enable {service}`, or wait a minute when that was just done."
        case ErrorKind.QUOTA if _STOCKOUT.search(" ".join((answer.message, *answer.reasons))):
            return "The zone has no such machine left at the moment: run the same command again later."
        case ErrorKind.QUOTA:
            return "Ask for more at https://console.cloud.google.com/iam-admin/quotas, or choose a smaller profile."
        case _:
            return None


def _details(details: Any) -> tuple[frozenset[str], Mapping[str, str] | None]:
    """Reasons and metadata of `google.rpc.ErrorInfo` (https://cloud.google.com/apis/design/errors#error_info)."""
    infos = [d for d in _mappings(details) if str(d.get("@type", "")).endswith("google.rpc.ErrorInfo")]
    facts = next((d["metadata"] for d in infos if isinstance(d.get("metadata"), Mapping)), None)
    return frozenset(str(d["reason"]) for d in infos if d.get("reason")), facts


def _mappings(found: Any) -> list[Mapping[str, Any]]:
    """What stands between us and Google may answer in a shape of its own."""
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _service(url: str) -> str:
    """`run` of `https://run.googleapis.com/v2/…` and of `http://127.0.0.1:8500/run/v2/…`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host.split(".")[0] if host.endswith("googleapis.com") else parts.path.strip("/").split("/")[0]


def _short(error: Exception) -> str:
    """The first line of google.auth's message; its second argument may hold the server's whole answer."""
    lines = heard(str(error.args[0] if error.args else error)).strip().splitlines()
    return lines[0][:200] if lines else "no reason given"


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found.group(1) if found else None
