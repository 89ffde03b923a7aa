"""Who calls: credentials, the IAM member they stand for, and a clock that agrees with Google's."""

from __future__ import annotations

import time
from collections.abc import Iterable
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
_KINDS = (
    ("google.auth.external_account", "workload identity federation"),
    ("google.auth.identity_pool", "workload identity federation"),
    ("google.auth.aws", "workload identity federation"),
    ("google.auth.impersonated_credentials", "an impersonated service account"),
    ("google.oauth2.service_account", "a service account's key"),
    ("google.auth.compute_engine", "the machine's own service account"),
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
        yield failed("credentials", "credentials-refused", usable.message, _renewal(found))
        return
    yield passed("credentials", _kind(found))


def _kind(found: Any) -> str:
    module = type(found).__module__
    name = next((text for prefix, text in _KINDS if module.startswith(prefix)), None)
    email = getattr(found, "service_account_email", None)
    if name is None:
        return "none are needed" if type(found).__name__ == "AnonymousCredentials" else "your own login"
    return f"{name} ({email})" if email and "@" in email else name


def _renewal(found: Any) -> str:
    kind = _kind(found)
    if "key" in kind:
        return "The key was deleted or disabled, or this machine's clock is wrong. Use another key, or better none."
    if "impersonated" in kind:
        return "Ask for roles/iam.serviceAccountTokenCreator on that account, or sign in anew."
    if "federation" in kind:
        return "The pipeline's token has ended or its pool does not take it: sign in within the same job."
    return errors.LOGIN


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


def clock(facts: Facts) -> Iterable[Finding]:
    """Against the Date of an answer of Google's; any answer has one, a refusal too."""
    clients = facts.scope.clients
    found = facts.ask(lambda: clients.http().get(f"{clients.base('serviceusage')}/", timeout=20).headers.get("Date"))
    if isinstance(found, CloudError):
        yield not_asked("clock", found)
        return
    if not found:
        yield warning("clock", "not-readable", "the answer has no date")
        return
    skew = time.time() - parsedate_to_datetime(found).timestamp()
    if abs(skew) <= SKEW:
        yield passed("clock", f"within {max(1, round(abs(skew)))} s of Google's")
        return
    yield failed(
        "clock", "clock-skew", f"this machine's clock is {abs(skew) / 60:.0f} min {'ahead' if skew > 0 else 'behind'}",
        "Set it (`timedatectl set-ntp true`): tokens are refused, and certificates would begin in the future.",
    )  # fmt: skip
