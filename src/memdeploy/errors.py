"""One family of errors: a stable code, where, what, what to do next, and an exit code for scripts.

Everything that memdeploy raises on purpose is a `MemdeployError`; anything else that reaches the top is our defect.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """Exit codes of every command; scripts rely on them."""

    DONE = 0
    STEP_FAILED = 1
    USAGE = 2
    REFUSED = 3
    ANSWER_NEEDED = 4
    LOCKED = 5
    JOURNAL = 6
    UNHEALTHY = 7
    NO_DEPLOYMENT = 8
    CHANGES_PENDING = 10
    LEFTOVERS = 11
    INTERRUPTED = 130
    TERMINATED = 143


class ErrorKind(StrEnum):
    """What went wrong between us and a cloud, as far as a caller can act on it."""

    NOT_FOUND = "not-found"
    CONFLICT = "conflict"  # the name exists already
    STALE = "stale"  # an etag, fingerprint or settings version moved on
    BUSY = "busy"  # another operation on the same resource; passes by itself
    NOT_READY = "not-ready"  # something just made is not visible everywhere yet; passes by itself
    PERMISSION = "permission"
    NOT_ENABLED = "not-enabled"  # the API is switched off, or its switching on has not spread yet
    UNAUTHENTICATED = "unauthenticated"
    INVALID = "invalid"
    PRECONDITION = "precondition"  # the cloud refuses in this state (protection, still in use)
    QUOTA = "quota"
    RATE_LIMIT = "rate-limit"
    UNAVAILABLE = "unavailable"  # 5xx
    NETWORK = "network"  # no answer: the effect is unknown
    UNKNOWN = "unknown"


PASSING = frozenset(
    (
        ErrorKind.BUSY,
        ErrorKind.NOT_READY,
        ErrorKind.NOT_ENABLED,
        ErrorKind.RATE_LIMIT,
        ErrorKind.UNAVAILABLE,
        ErrorKind.NETWORK,
    )
)
"""What passes by itself: the same command may well succeed later."""


class MemdeployError(Exception):
    """An error with an answer to: where, what, what to do next.

    `code` is a stable lower-case word with dashes, for programs. `where` names the step or file.
    No argument may hold the value of a secret.
    """

    code = "error"
    exit_code = ExitCode.STEP_FAILED
    details: tuple[str, ...] = ()
    "What the thing itself said: the last lines of a log, oldest first."

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: str | None = None,
        suggestion: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.where = where
        self.suggestion = suggestion
        self.retryable = retryable


class UsageError(MemdeployError):
    """The command line, the environment or memdeploy.yaml is wrong; nothing was touched."""

    code = "usage"
    exit_code = ExitCode.USAGE


class Refused(MemdeployError):
    """Preflight or plan says no; nothing was changed. `causes`: each thing by itself, where there are several."""

    code = "refused"
    exit_code = ExitCode.REFUSED
    causes: tuple[MemdeployError, ...] = ()

    @classmethod
    def for_all(cls, causes: Sequence[MemdeployError]) -> Refused:
        """One error for one or several; the first one's code and place."""
        first = causes[0]
        many = f"{len(causes)} things must be put right first: " if len(causes) > 1 else ""
        made = cls(
            many + "; ".join(cause.message for cause in causes), code=first.code, where=first.where,
            suggestion=" ".join(cause.suggestion for cause in causes if cause.suggestion) or None,
        )  # fmt: skip
        made.causes = tuple(causes)
        return made


class AnswerNeeded(MemdeployError):
    """A question would have been asked, but nobody can answer; the suggestion names the flag that would have."""

    code = "answer-needed"
    exit_code = ExitCode.ANSWER_NEEDED


class Locked(MemdeployError):
    """Another run holds the lease, or took it over from this one (`code` is then `fenced`)."""

    code = "locked"
    exit_code = ExitCode.LOCKED


class JournalError(MemdeployError):
    """The journal is unreadable, damaged or written by a newer version."""

    code = "journal"
    exit_code = ExitCode.JOURNAL


class Unhealthy(MemdeployError):
    """Deployed, but a memory could not be stored or found."""

    code = "unhealthy"
    exit_code = ExitCode.UNHEALTHY


class NoSuchDeployment(MemdeployError):
    """No journal of that name."""

    code = "no-deployment"
    exit_code = ExitCode.NO_DEPLOYMENT


class StepFailed(MemdeployError):
    """A step could not reach its goal; `up` goes on from there once the cause is gone."""

    code = "step-failed"


class Foreign(Refused):
    """A resource of that name exists and does not carry our marker."""

    code = "foreign"


class NotYet(MemdeployError):
    """The cloud needs hours, not seconds: recorded, and finished by a later command."""

    code = "not-yet"
    exit_code = ExitCode.LEFTOVERS


class Cancelled(MemdeployError):
    """The run was asked to stop (signal, or another step failed) before this could start."""

    code = "cancelled"
    exit_code = ExitCode.INTERRUPTED


class CloudError(MemdeployError):
    """A cloud's refusal or silence, classified once by the provider (`kind`)."""

    code = "cloud"

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind,
        service: str = "",
        status: int | None = None,
        reason: str | None = None,
        suggestion: str | None = None,
        where: str | None = None,
    ) -> None:
        super().__init__(message, code=f"cloud-{kind}", where=where, suggestion=suggestion, retryable=kind in PASSING)
        self.kind = kind
        self.in_doubt = False
        "An earlier attempt of the same call was never answered: it may have taken effect."
        self.service = service
        self.status = status
        self.reason = reason
