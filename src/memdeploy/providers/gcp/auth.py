"""Credentials (application-default ones, or a rehearsal's token file or none), and whose they are."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from memdeploy.providers.base import RehearsalTarget
from memdeploy.secret import Secret

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
UserInfo = Callable[[], Mapping[str, Any]]
"""What Google says of the holder of our token, with `email` where the token carries that scope: `userinfo`, and not
`tokeninfo`, which would take the token in its URL."""


def real(project: str) -> Any:
    """Application-default credentials. A user's are left unscoped, so that tokens keep the e-mail scope of the login
    (userinfo needs it), and get a quota project: without one several APIs refuse user credentials."""
    import google.auth
    import google.auth.exceptions
    import google.oauth2.credentials
    from google.auth.credentials import with_scopes_if_required

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your application has authenticated using end user credentials")
        try:
            credentials, _ = google.auth.default()
        except OSError as error:  # a file that is named and cannot be read: google-auth lets this through
            reason = f"{error.filename} cannot be read: {error.strerror}"
            raise google.auth.exceptions.DefaultCredentialsError(reason) from error
    if isinstance(credentials, google.oauth2.credentials.Credentials):
        return credentials if credentials.quota_project_id else credentials.with_quota_project(project)
    return with_scopes_if_required(credentials, [SCOPE])


def rehearsed(target: RehearsalTarget) -> Any:
    """The rehearsal's bearer token, or none. Real credentials are never looked up here."""
    import google.oauth2.credentials
    from google.auth.credentials import AnonymousCredentials

    if target.token_file is None:
        return AnonymousCredentials()
    return google.oauth2.credentials.Credentials(token=target.token_file.read_text().strip())


def token(credentials: Any, session: Any) -> Secret | None:
    """An access token that is valid now."""
    from google.auth.credentials import AnonymousCredentials
    from google.auth.transport.requests import Request

    if isinstance(credentials, AnonymousCredentials):
        return None
    if not credentials.valid:
        credentials.refresh(Request(session))
    return Secret(credentials.token)


def member(credentials: Any, session: Any, *, userinfo: UserInfo, rehearsed: bool) -> str | None:
    """The IAM member that these credentials act as, or None when they do not tell.

    A service account or an impersonated one names itself; federation is `principal://…` of its pool with the subject
    of its token; a user is asked of `userinfo`, as is a rehearsal, which reports its own user.
    """
    if not rehearsed:
        email = _account_email(credentials, session)
        if email:
            return f"serviceAccount:{email}"
        principal = _federated(credentials, session)
        if principal:
            return principal
    return _user(credentials, userinfo, rehearsed=rehearsed)


def _account_email(credentials: Any, session: Any) -> str | None:
    from google.auth.transport.requests import Request

    email = getattr(credentials, "service_account_email", None)
    if email == "default":  # a metadata server's credentials know their account only after the first refresh
        credentials.refresh(Request(session))
        email = credentials.service_account_email
    return email if email and "@" in email else None


def _federated(credentials: Any, session: Any) -> str | None:
    """https://cloud.google.com/iam/docs/principal-identifiers; the subject as the default mapping has it:
    `google.subject = assertion.sub`. Where a pool maps otherwise, --caller names the member."""
    from google.auth import external_account
    from google.auth.transport.requests import Request

    if not isinstance(credentials, external_account.Credentials):
        return None
    pool = str(credentials.info.get("audience", "")).removeprefix("//iam.googleapis.com/").split("/providers/")[0]
    subject = _subject(str(credentials.retrieve_subject_token(Request(session))))
    if "/workloadIdentityPools/" not in pool or not subject:
        return None
    return f"principal://iam.googleapis.com/{pool}/subject/{subject}"


def _subject(jwt: str) -> str | None:
    """`sub` of a JSON web token, unverified: it is our own token, read to learn our own name."""
    parts = jwt.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return claims.get("sub") if isinstance(claims, dict) else None


def _user(credentials: Any, userinfo: UserInfo, *, rehearsed: bool) -> str | None:
    if not rehearsed and not hasattr(credentials, "refresh_token"):
        return None
    email = userinfo().get("email")
    if not email:
        return None
    return f"serviceAccount:{email}" if email.endswith(".gserviceaccount.com") else f"user:{email}"
