"""How a rule says no: raised anywhere below a handler, worded by `dialect.py` as the service in question words it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refusal(Exception):
    """`code` is HTTP's, `status` google.rpc's word, `reason` the word in `errors[]` (compute, sqladmin)."""

    def __init__(
        self,
        code: int,
        status: str,
        message: str,
        *,
        reason: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.reason = reason
        self.details = tuple(details)


def invalid(message: str, *, reason: str = "invalid", details: Sequence[Mapping[str, Any]] = ()) -> Refusal:
    return Refusal(400, "INVALID_ARGUMENT", message, reason=reason, details=details)


def failed_precondition(
    message: str, *, reason: str = "failedPrecondition", details: Sequence[Mapping[str, Any]] = ()
) -> Refusal:
    return Refusal(400, "FAILED_PRECONDITION", message, reason=reason, details=details)


def denied(message: str, *, reason: str = "forbidden", details: Sequence[Mapping[str, Any]] = ()) -> Refusal:
    return Refusal(403, "PERMISSION_DENIED", message, reason=reason, details=details)


def not_found(message: str, *, reason: str = "notFound") -> Refusal:
    return Refusal(404, "NOT_FOUND", message, reason=reason)


def exists(message: str, *, reason: str = "alreadyExists") -> Refusal:
    return Refusal(409, "ALREADY_EXISTS", message, reason=reason)


def aborted(message: str, *, reason: str = "conflict") -> Refusal:
    """A stale etag or a competing change."""
    return Refusal(409, "ABORTED", message, reason=reason)


def precondition(message: str, *, reason: str = "conditionNotMet") -> Refusal:
    return Refusal(412, "FAILED_PRECONDITION", message, reason=reason)
