"""Which kind of credentials it is, and what each needs when Google takes it no more: google-auth's own objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import google.auth.exceptions
import pytest
from google.auth import compute_engine, identity_pool, impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import credentials as login
from google.oauth2 import service_account

from memdeploy.errors import CloudError
from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.gcp.checks import identity
from memdeploy.providers.gcp.checks.facts import Facts

ACCOUNT = "ci@acme-prod-1.iam.gserviceaccount.com"


def user(folder: Path) -> Any:
    return login.Credentials(None, refresh_token="r", client_id="c", client_secret="s", token_uri="https://x.test")


def key(folder: Path) -> Any:
    return service_account.Credentials(None, ACCOUNT, "https://oauth2.googleapis.com/token")


def impersonated(folder: Path) -> Any:
    return impersonated_credentials.Credentials(user(folder), ACCOUNT, [])


def federated(folder: Path) -> Any:
    (folder / "token").write_text("t")
    return identity_pool.Credentials(
        audience="//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/github",
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url="https://sts.googleapis.com/v1/token",
        credential_source={"file": str(folder / "token")},
    )


def machine(folder: Path) -> Any:
    return compute_engine.Credentials()


def anonymous(folder: Path) -> Any:
    return AnonymousCredentials()


def found(credentials: Any, refusal: Exception | None) -> Finding:
    """`credentials` of the check, with the answer of the token's endpoint replaced."""

    def access_token() -> None:
        if refusal is not None:
            raise refusal

    clients = SimpleNamespace(credentials=credentials, access_token=access_token)
    facts: Any = Facts(SimpleNamespace(clients=clients), SimpleNamespace(read=lambda call: call()))
    [finding] = identity.credentials(facts)
    return finding


@pytest.mark.parametrize(
    ("made", "text", "code", "remedy"),
    [
        (user, "your own login", "login-expired", "gcloud auth application-default login"),
        (key, f"a service account's key ({ACCOUNT})", "key-refused", "clock"),
        (impersonated, f"an impersonated service account ({ACCOUNT})", "impersonation-refused", "TokenCreator"),
        (federated, "workload identity federation", "federation-refused", "same job"),
        (machine, "the machine's own service account", "machine-account-refused", "cloud-platform"),
        (anonymous, "none are needed", "credentials-refused", "MEMDEPLOY_GCP_TOKEN_FILE"),
    ],
)
def test_each_kind_is_told_and_has_a_remedy_of_its_own(
    made: Callable[[Path], Any], text: str, code: str, remedy: str, tmp_path: Path
) -> None:
    credentials = made(tmp_path)
    good = found(credentials, None)
    assert (good.verdict, good.text) == (Verdict.PASSED, text)
    gone = google.auth.exceptions.RefreshError(
        "invalid_grant: Token has been expired or revoked.", {"error": "invalid_grant"}
    )
    bad = found(credentials, gone)
    assert (bad.verdict, bad.code) == (Verdict.FAILED, code)
    assert bad.text.startswith(text)
    assert "Token has been expired or revoked." in bad.text
    assert remedy in (bad.remedy or "")


def test_a_sign_in_that_cannot_be_reached_is_no_fault_of_the_credentials(tmp_path: Path) -> None:
    with pytest.raises((google.auth.exceptions.TransportError, CloudError)):
        found(user(tmp_path), google.auth.exceptions.TransportError("no route to host"))


@pytest.mark.parametrize("date", [None, "", "soon", "Thu, 99 Nov 2026 01:00:00 GMT", "0"])
def test_a_date_that_is_none_says_nothing_of_the_clock(date: str | None) -> None:
    http = SimpleNamespace(get=lambda url, timeout: SimpleNamespace(headers={"Date": date} if date else {}))
    clients = SimpleNamespace(http=lambda: http, base=lambda service: "http://x")
    facts: Any = Facts(SimpleNamespace(clients=clients), SimpleNamespace(read=lambda call: call()))
    [finding] = identity.clock(facts)
    assert (finding.verdict, finding.code) == (Verdict.WARNING, "not-readable")
