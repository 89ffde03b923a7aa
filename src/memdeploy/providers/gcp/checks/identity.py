"""Who calls: credentials, the IAM member they stand for, and a clock that agrees with Google's."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp import auth, errors
from memdeploy.providers.gcp.checks.facts import Facts, failed, not_asked, passed, warning
from memdeploy.providers.gcp.clients import Clients

SKEW = 300.0
"""Seconds. A service account's own token is refused when its times are not within minutes of Google's clock:
https://developers.google.com/identity/protocols/oauth2/service-account#jwt-auth (`invalid_grant`)."""


@dataclass(frozen=True)
class Kind:
    """What google-auth found: in words, and the code and remedy when Google takes it no more."""

    text: str
    code: str
    remedy: str


LOGIN = Kind("your own login", "login-expired", errors.LOGIN)
KEY = Kind(
    "a service account's key", "key-refused",
    "The key was deleted or disabled, or this machine's clock is wrong. Use another key, or better none.",
)  # fmt: skip
IMPERSONATED = Kind(
    "an impersonated service account", "impersonation-refused",
    "Ask for roles/iam.serviceAccountTokenCreator on that account, or sign in anew.",
)  # fmt: skip
FEDERATED = Kind(
    "workload identity federation", "federation-refused",
    "The pipeline's token has ended or its pool does not take it: sign in within the same job.",
)  # fmt: skip
MACHINE = Kind(
    "the machine's own service account", "machine-account-refused",
    "Give this machine a service account, with the scope cloud-platform.",
)  # fmt: skip
NONE = Kind("none are needed", "credentials-refused", "Check MEMDEPLOY_GCP_TOKEN_FILE.")
_KINDS = (
    ("google.auth.external_account", FEDERATED),
    ("google.auth.identity_pool", FEDERATED),
    ("google.auth.aws", FEDERATED),
    ("google.auth.pluggable", FEDERATED),
    ("google.auth.impersonated_credentials", IMPERSONATED),
    ("google.oauth2.service_account", KEY),
    ("google.auth.compute_engine", MACHINE),
)


def credentials(facts: Facts) -> Iterable[Finding]:
    """Found, and good for a token now: without them no other question has an answer."""
    clients = facts.scope.clients
    found = facts.ask(lambda: clients.credentials)
    if isinstance(found, CloudError):
        yield failed("credentials", "credentials-missing", found.message, found.suggestion or errors.LOGIN)
        return
    usable = facts.ask(clients.access_token)
    if isinstance(usable, CloudError):
        kind = kind_of(found)
        yield failed("credentials", kind.code, f"{_described(found)}: {usable.message}", kind.remedy)
        return
    yield passed("credentials", _described(found))


def kind_of(found: Any) -> Kind:
    if type(found).__name__ == "AnonymousCredentials":
        return NONE
    module = type(found).__module__
    return next((kind for prefix, kind in _KINDS if module.startswith(prefix)), LOGIN)


def _described(found: Any) -> str:
    text, email = kind_of(found).text, getattr(found, "service_account_email", None)
    return f"{text} ({email})" if email and "@" in email else text


def caller(facts: Facts) -> Iterable[Finding]:
    """Whoever calls may mint tokens of the verifier account; who that is must be known before anything is made."""
    facts.caller = facts.scope.deployment.gcp.caller
    if facts.caller:
        yield passed("caller", f"{facts.caller} (as configured)")
        return
    clients = facts.scope.clients
    found = facts.ask(lambda: _member(clients))
    if isinstance(found, CloudError):
        yield failed("caller", "caller-unknown", found.message, found.suggestion or errors.LOGIN)
        return
    facts.caller = found
    if found is None:
        yield failed(
            "caller", "caller-unknown",
            "these credentials do not tell whose they are, so nobody could be allowed to verify the deployment",
            "Name yourself with --caller MEMBER, such as --caller user:you@example.com.",
        )  # fmt: skip
        return
    yield passed("caller", found)


def _member(clients: Clients) -> str | None:
    return auth.member(
        clients.credentials,
        clients.http(),
        userinfo=lambda: _userinfo(clients),
        rehearsed=clients.rehearsal is not None,
    )


def _userinfo(clients: Clients) -> dict[str, Any]:
    """Nothing when the login left out the e-mail scope (401 or 403): it works for all else."""
    try:
        return clients.api("oauth2")("userinfo.get")
    except Exception as raised:
        error = errors.classify(raised)
        if error is not None and error.kind in (ErrorKind.PERMISSION, ErrorKind.UNAUTHENTICATED) and error.status:
            return {}
        raise


def _moment(date: str | None) -> float | None:
    """An HTTP date in seconds since the epoch."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, TypeError, OverflowError):
        return None


def clock(facts: Facts) -> Iterable[Finding]:
    """Against the Date of an answer of Google's; any answer has one, a refusal too."""
    clients = facts.scope.clients
    found = facts.ask(lambda: clients.http().get(f"{clients.base('serviceusage')}/", timeout=20).headers.get("Date"))
    if isinstance(found, CloudError):
        yield not_asked("clock", found)
        return
    theirs = _moment(found)
    if theirs is None:
        yield warning("clock", "not-readable", "the answer has no date")
        return
    skew = time.time() - theirs
    if abs(skew) <= SKEW:
        yield passed("clock", f"within {max(1, round(abs(skew)))} s of Google's")
        return
    yield failed(
        "clock", "clock-skew", f"this machine's clock is {abs(skew) / 60:.0f} min {'ahead' if skew > 0 else 'behind'}",
        "Set it (`timedatectl set-ntp true`): tokens are refused, and certificates would begin in the future.",
    )  # fmt: skip
