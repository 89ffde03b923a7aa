"""Whose credentials: objects of google-auth itself, no network."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.auth import identity_pool
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import credentials as user_credentials

from memdeploy.providers.gcp import auth

POOL = "projects/123/locations/global/workloadIdentityPools/ci"


class Account:
    """What service account, impersonated and metadata credentials have in common."""

    def __init__(self, email: str, found: str | None = None) -> None:
        self.service_account_email = email
        self._found = found

    def refresh(self, request: Any) -> None:
        self.service_account_email = self._found or self.service_account_email


def nobody() -> dict[str, Any]:
    raise AssertionError("userinfo is for users")


def member(credentials: Any, userinfo: Any = nobody, *, rehearsed: bool = False) -> str | None:
    return auth.member(credentials, None, userinfo=userinfo, rehearsed=rehearsed)


def jwt(claims: dict[str, Any]) -> str:
    parts = [{"alg": "RS256"}, claims]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts), "sig"])


def federated(tmp_path: Path, subject_token: str, **more: Any) -> Any:
    (tmp_path / "token").write_text(subject_token)
    return identity_pool.Credentials(
        audience=f"//iam.googleapis.com/{POOL}/providers/github",
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url="https://sts.googleapis.com/v1/token",
        credential_source={"file": str(tmp_path / "token")},
        **more,
    )


def test_a_service_account_names_itself() -> None:
    assert member(Account("a@p.iam.gserviceaccount.com")) == "serviceAccount:a@p.iam.gserviceaccount.com"


def test_a_machines_account_is_known_after_a_refresh() -> None:
    found = member(Account("default", "m@p.iam.gserviceaccount.com"))
    assert found == "serviceAccount:m@p.iam.gserviceaccount.com"


def test_federation_is_a_principal_of_its_pool(tmp_path: Path) -> None:
    subject = "repo:acme/app:ref:refs/heads/main"
    found = member(federated(tmp_path, jwt({"sub": subject})))
    assert found == f"principal://iam.googleapis.com/{POOL}/subject/{subject}"


def test_federation_that_impersonates_is_that_account(tmp_path: Path) -> None:
    url = (
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
        "ci@p.iam.gserviceaccount.com:generateAccessToken"
    )
    credentials = federated(tmp_path, jwt({"sub": "x"}), service_account_impersonation_url=url)
    assert member(credentials) == "serviceAccount:ci@p.iam.gserviceaccount.com"


@pytest.mark.parametrize("token", ["opaque", "a.b.c", jwt({})])
def test_a_token_that_does_not_tell_names_nobody(tmp_path: Path, token: str) -> None:
    assert member(federated(tmp_path, token)) is None


def test_a_user_is_who_google_says() -> None:
    credentials = user_credentials.Credentials(token="t", refresh_token="r")
    assert member(credentials, lambda: {"email": "me@example.com"}) == "user:me@example.com"


def test_a_login_without_the_email_scope_names_nobody() -> None:
    assert member(user_credentials.Credentials(token="t", refresh_token="r"), dict) is None


def test_a_rehearsal_reports_its_own_user() -> None:
    found = member(AnonymousCredentials(), lambda: {"email": "you@example.com"}, rehearsed=True)
    assert found == "user:you@example.com"
