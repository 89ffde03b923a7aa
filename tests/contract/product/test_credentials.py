"""Who asks: credentials that are not there, not taken any more, or end on the way, and a clock that is wrong."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.product.conftest import UP
from tests.contract.product.refused import served, untouched
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed


@pytest.fixture
def refusing() -> Iterator[str]:
    """Google's token endpoint, for a key that was deleted.
    https://developers.google.com/identity/protocols/oauth2/service-account#jwt-auth"""
    answer = json.dumps({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *unused: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/token"
    server.shutdown()
    server.server_close()


def test_without_credentials_nothing_is_looked_up_twice(tmp_path: Path) -> None:
    memdeploy = Memdeploy(tmp_path, {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")})
    refused = memdeploy("up", "--yes", "--provider", "gcp", "--project", "acme-prod-1", expect=3)
    key, credentials = refused.json["errors"]
    assert (key["code"], credentials["code"]) == ("model-key-missing", "credentials-missing")
    assert key["step"] == credentials["step"] == "preflight"
    assert "OPENAI_API_KEY" in key["message"]
    assert "gcloud auth application-default login" in credentials["suggestion"]
    assert not list(memdeploy.state.glob("[a-z]*"))


def test_a_key_that_google_does_not_take_any_more(tmp_path: Path, refusing: str) -> None:
    """A service account's key file names where its tokens come from; nothing else is looked up before."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "key.json"
    file.write_text(
        json.dumps({"type": "service_account", "client_email": "ci@acme-prod-1.iam.gserviceaccount.com",
                    "private_key": pem.decode(), "private_key_id": "1", "project_id": "acme-prod-1",
                    "token_uri": refusing})
    )  # fmt: skip
    memdeploy = Memdeploy(tmp_path, {"GOOGLE_APPLICATION_CREDENTIALS": str(file), "OPENAI_API_KEY": "sk-planted-key"})
    refused = memdeploy("up", "--yes", "--provider", "gcp", "--project", "acme-prod-1", expect=3)
    [error] = refused.json["errors"]
    assert (error["code"], error["step"]) == ("key-refused", "preflight")
    assert "a service account's key (ci@acme-prod-1" in error["message"]
    assert "Invalid JWT Signature" in error["message"]
    assert "clock" in error["suggestion"]
    assert not list(memdeploy.state.glob("[a-z]*"))


def test_credentials_that_end_on_the_way(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    since = cloud.last_request()
    cloud.faults("401@serviceusage.services.batchGet=99x")
    try:
        [error] = memdeploy(*UP, expect=3).json["errors"]
    finally:
        cloud.faults("")
    assert (error["code"], error["step"]) == ("credentials-refused", "preflight")
    untouched(memdeploy, cloud, since)


def test_a_clock_that_is_wrong(tmp_path: Path) -> None:
    with served(tmp_path, {"skew": 900}) as (memdeploy, cloud):
        [error] = memdeploy("doctor", *UP[2:], expect=3).json["errors"]
        [refused] = memdeploy(*UP, expect=3).json["errors"]
        untouched(memdeploy, cloud, 0)
    assert (error["code"], error["step"]) == ("clock-skew", "clock")
    assert (refused["code"], refused["step"]) == ("clock-skew", "preflight")
    assert "15 min behind" in error["message"]
