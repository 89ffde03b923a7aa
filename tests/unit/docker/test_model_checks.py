"""Models are proved as MemMachine will ask them, and what is wrong is told by its culprit."""

from __future__ import annotations

import asyncio
import email.message
import io
import json
import ssl
import threading
import urllib.error
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import configure
import model_checks
import pytest
from failures import Failure

from memdeploy.memmachine import offline_model
from tests.support.container import COMPLETE

AWS = {"aws_access_key_id": "AKIACANARY", "aws_secret_access_key": "canary-secret"}
Answer = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]


def offline(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return offline_model.answer(path, "any", json.dumps(body).encode(), {})


class Server:
    """A model's server: `answers` says what, `asked` remembers path and body."""

    def __init__(self) -> None:
        self.answers: Answer = offline
        self.asked: list[tuple[str, dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body))
                status, said = outer.answers(self.path, body)
                payload = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *args: object) -> None:
                return None

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def prove(self, **environment: str) -> None:
        whole = {**COMPLETE, "MODEL_BASE_URL": self.url, "MODEL_DIMENSIONS": "64", **environment}
        asyncio.run(model_checks.prove(configure.read(whole)))


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    threading.Thread(target=found.http.serve_forever, args=(0.05,), daemon=True).start()
    yield found
    found.http.shutdown()
    found.http.server_close()


@pytest.mark.parametrize(
    ("api", "path", "field"),
    [("", "/v1/responses", "input"), ("responses", "/v1/responses", "input"),
     ("chat-completions", "/v1/chat/completions", "messages")],
)  # fmt: skip
def test_the_chosen_api_is_asked(server: Server, api: str, path: str, field: str) -> None:
    server.prove(MODEL_API=api)
    assert [asked for asked, _ in server.asked] == ["/v1/embeddings", path]
    assert server.asked[0][1] == {"model": "text-embedding-3-small", "input": "memdeploy", "dimensions": 64}
    assert field in server.asked[1][1]


def test_a_server_without_the_chosen_api_is_told(server: Server) -> None:
    def without(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return offline(path, body) if "responses" not in path else (404, {"error": "404 page not found"})

    server.answers = without
    with pytest.raises(Failure, match="model-unknown"):
        server.prove()
    server.prove(MODEL_API="chat-completions")


def test_a_server_that_takes_no_size_is_asked_without_as_memmachine_does(server: Server) -> None:
    def fixed(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "dimensions" in body:
            return 400, {"error": {"message": "this model does not support dimensions"}}
        return offline(path, {**body, "dimensions": 64})

    server.answers = fixed
    server.prove()
    with pytest.raises(Failure, match="model-dimensions: configured 65, returned 64"):
        server.prove(MODEL_DIMENSIONS="65")


def test_a_host_without_a_name_is_told() -> None:
    whole = {**COMPLETE, "MODEL_BASE_URL": "http://nobody.invalid/v1"}
    with pytest.raises(Failure, match="model-name"):
        asyncio.run(model_checks.prove(configure.read(whole)))


def answer(status: int, code: str, message: str = "") -> urllib.error.HTTPError:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return urllib.error.HTTPError("http://model", status, "said", email.message.Message(), io.BytesIO(body))


@pytest.mark.parametrize(
    ("error", "culprit", "passing"),
    [
        (answer(401, "invalid_api_key"), "model-key", False),
        (answer(404, "model_not_found"), "model-unknown", False),
        (answer(400, "model_not_found"), "model-unknown", False),
        (answer(429, "insufficient_quota"), "model-quota", False),
        (answer(429, "rate_limit_exceeded"), "model-quota", True),
        (answer(503, ""), "model-unreachable", True),
        (answer(400, "bad"), "model-refused", False),
        (urllib.error.URLError(ssl.SSLCertVerificationError("verify")), "model-tls", False),
        (urllib.error.URLError(ConnectionRefusedError()), "model-unreachable", True),
        (ValueError("Invalid header value b'Bearer canary'"), "model-key", False),
    ],
)
def test_errors_of_openai(error: Exception, culprit: str, passing: bool) -> None:
    failure = model_checks.openai_failure(error, "canary")
    assert (failure.culprit, failure.passing) == (culprit, passing)
    assert "canary" not in str(failure)


def test_a_providers_quote_of_the_key_is_left_out() -> None:
    error = answer(401, "invalid_api_key", "Incorrect API key provided: sk-abcd***wxyz. See canary-key there.")
    said = str(model_checks.openai_failure(error, "canary-key"))
    assert "Incorrect API key provided" in said
    assert "sk-abcd" not in said
    assert "canary-key" not in said


# -- Amazon Bedrock ---------------------------------------------


class ClientError(Exception):
    """As botocore's: `response` is the parsed answer
    (https://boto3.amazonaws.com/v1/documentation/api/latest/guide/error-handling.html)."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(f"An error occurred ({code}): {message}")
        self.response = {
            "Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status},
        }  # fmt: skip


def named(name: str, cause: Exception | None = None) -> Exception:
    error: Exception = type(name, (Exception,), {})("https://canary-secret")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "culprit", "passing"),
    [
        (ClientError("UnrecognizedClientException", "The security token is invalid", 403), "model-key", False),
        (ClientError("InvalidSignatureException", "canary-secret does not match", 403), "model-key", False),
        (ClientError("ExpiredTokenException", "", 403), "model-key", False),
        (ClientError("AccessDeniedException", "You don't have access to the model", 403), "model-unknown", False),
        (ClientError("ResourceNotFoundException", "", 404), "model-unknown", False),
        (ClientError("ValidationException", "The provided model identifier is invalid."), "model-unknown", False),
        (ClientError("ValidationException", "Malformed input request"), "model-refused", False),
        (ClientError("ThrottlingException", "Too many requests", 429), "model-quota", True),
        (ClientError("ServiceQuotaExceededException", "", 400), "model-quota", False),
        (ClientError("ModelNotReadyException", "", 429), "model-unreachable", True),
        (ClientError("InternalServerException", "", 500), "model-unreachable", True),
        (named("EndpointConnectionError"), "model-unreachable", True),
        (named("SSLError"), "model-tls", False),
        (named("Strange", ssl.SSLCertVerificationError("verify")), "model-tls", False),
        (named("NoSuchThing"), "model-refused", False),
    ],
)
def test_errors_of_bedrock(error: Exception, culprit: str, passing: bool) -> None:
    failure = model_checks.bedrock_failure(error, AWS)
    assert (failure.culprit, failure.passing) == (culprit, passing)
    assert "canary" not in str(failure)
