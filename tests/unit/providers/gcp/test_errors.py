"""Answers as the clouds give them (payloads/*.json), through both client families and as operations."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import google.auth.exceptions
import httplib2
import pytest
import requests
from google.api_core import exceptions
from googleapiclient.errors import HttpError

from memdeploy.errors import ErrorKind
from memdeploy.providers.gcp import auth, errors, operations

PAYLOADS = {path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "payloads").iterdir())}
ANSWERS = {name: found for name, found in PAYLOADS.items() if "status" in found}
OPERATIONS = {name: found for name, found in PAYLOADS.items() if "operation" in found}


def as_discovery(payload: dict[str, Any]) -> Exception:
    answer = httplib2.Response({"status": payload["status"]})
    return HttpError(answer, json.dumps(payload["body"]).encode(), uri=payload["url"])


def as_gapic(payload: dict[str, Any]) -> Exception:
    response = requests.Response()
    response.status_code = payload["status"]
    response._content = json.dumps(payload["body"]).encode()
    response.url = payload["url"]
    response.request = requests.Request("GET", payload["url"]).prepare()
    return exceptions.from_http_response(response)


@pytest.mark.parametrize("wrap", [as_discovery, as_gapic])
@pytest.mark.parametrize("name", ANSWERS)
def test_both_client_families_are_judged_alike(name: str, wrap: Any) -> None:
    payload = ANSWERS[name]
    found = errors.classify(wrap(payload))
    assert found is not None
    assert found.kind == payload["kind"]
    assert found.status == payload["status"]
    assert payload["url"].startswith(f"https://{found.service}.")
    assert payload["body"]["error"]["message"] in found.message
    if payload["suggests"]:
        assert payload["suggests"] in (found.suggestion or "")


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_that_ended_in_an_error(name: str) -> None:
    payload = OPERATIONS[name]
    status = operations._status(payload["operation"], payload["answer"])
    assert status.done
    assert isinstance(status.error, errors.CloudError)
    assert status.error.kind == payload["kind"]
    if payload.get("suggests"):
        assert payload["suggests"] in (status.error.suggestion or "")
    with pytest.raises(errors.CloudError):
        operations.of(payload["operation"], payload["answer"])


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (requests.exceptions.ConnectionError("reset"), ErrorKind.NETWORK),
        (requests.exceptions.ReadTimeout("slow"), ErrorKind.NETWORK),
        (ConnectionResetError(104, "reset"), ErrorKind.NETWORK),
        (TimeoutError("slow"), ErrorKind.NETWORK),
        (socket.gaierror(-2, "unknown name"), ErrorKind.NETWORK),
        (httplib2.ServerNotFoundError("unknown name"), ErrorKind.NETWORK),
        (google.auth.exceptions.TransportError("no route"), ErrorKind.NETWORK),
        (google.auth.exceptions.DefaultCredentialsError("none"), ErrorKind.UNAUTHENTICATED),
        (google.auth.exceptions.RefreshError("revoked", {"refresh_token": "x"}), ErrorKind.UNAUTHENTICATED),
        (google.auth.exceptions.RefreshError("", retryable=False), ErrorKind.UNAUTHENTICATED),
        (google.auth.exceptions.RefreshError("", "", retryable=True), ErrorKind.UNAVAILABLE),
    ],
)
def test_silence_and_credentials(raised: Exception, kind: ErrorKind) -> None:
    found = errors.classify(raised)
    assert found is not None
    assert found.kind is kind


@pytest.mark.parametrize("raised", [FileNotFoundError("x"), ValueError("x"), KeyError("x")])
def test_our_own_defects_are_no_cloud_errors(raised: Exception) -> None:
    assert errors.classify(raised) is None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.json", None, "missing.json was not found"),
        ("text.json", "{nope", "text.json is not a valid json file"),
        ("odd.json", '{"type": "odd"}', "odd.json does not have a valid type"),
        ("", None, "cannot be read: Is a directory"),
    ],
)
def test_a_credentials_file_that_is_of_no_use_is_named(
    name: str, content: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / name))
    with pytest.raises(google.auth.exceptions.DefaultCredentialsError) as raised:
        auth.real("acme-prod-1")
    found = errors.classify(raised.value)
    assert found is not None
    assert said in found.message


def test_what_a_server_said_of_a_token_is_not_repeated() -> None:
    raised = google.auth.exceptions.RefreshError("invalid_grant: expired", {"refresh_token": "1//canary"})
    found = errors.classify(raised)
    assert found is not None
    assert "canary" not in f"{found} {found.suggestion}"


def test_an_answer_that_is_no_json() -> None:
    found = errors.from_json(502, b"<html>Bad Gateway</html>", service="run", phrase="Bad Gateway")
    assert found.kind is ErrorKind.UNAVAILABLE
    assert found.message == "run: Bad Gateway"


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "no", "details": null}}',
        b'{"error": {"message": "no", "details": "none", "errors": null}}',
        b'{"error": {"message": "no", "errors": ["quota", {"reason": null}]}}',
        b'{"error": {"message": "no", "details": [null, 1, {"@type": 7}]}}',
        b'{"error": "no"}',
    ],
)
def test_an_answer_of_another_shape_than_googles(body: bytes) -> None:
    """Whatever stands between may answer in its own way; judging it must not end the run."""
    found = errors.from_json(403, body, service="run")
    assert (found.kind, found.message) == (ErrorKind.PERMISSION, "run: no")


def test_a_rehearsals_addresses_name_their_service() -> None:
    assert errors._service("http://127.0.0.1:8500/compute/compute/v1/projects/p") == "compute"
