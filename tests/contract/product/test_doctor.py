"""What `doctor` alone tells: of a model's provider when it is told to ask, and of a deployment that stands."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from memdeploy.state.lease import Holder
from memdeploy.state.process import this_process
from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed


@pytest.fixture
def provider() -> Iterator[Callable[[int, Any], str]]:
    """A model's provider: what it answers to GET /models, and nothing else."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def serve(status: int, body: Any) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = json.dumps(body).encode()
                good = self.path == "/v1/models" and self.headers["Authorization"] == "Bearer sk-planted-key"
                self.send_response(status if good else 500)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *unused: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "verdict", "code", "says"),
    [
        (200, {"data": [{"id": "gpt-4o-mini"}, {"id": "text-embedding-3-small"}]}, "passed", "ok", "both models"),
        (200, {"data": [{"id": "gpt-4o-mini"}]}, "warning", "model-unlisted", "text-embedding-3-small"),
        (401, {"error": {"code": "invalid_api_key"}}, "failed", "model-key-refused", "answered 401"),
        (404, {}, "warning", "model-unlisted", "answered 404"),
    ],
)
def test_the_models_provider_is_asked_once_and_only_when_told_to(
    status: int, body: Any, verdict: str, code: str, says: str,
    memdeploy: Memdeploy, cloud: Rehearsed, provider: Callable[[int, Any], str],
) -> None:  # fmt: skip
    line = ("doctor", *UP[2:], "--model-url", provider(status, body))
    key = {"OPENAI_API_KEY": "sk-planted-key"}
    asked = memdeploy(*line, "--check-model", extra=key, expect=None)
    [found] = [check for check in asked.data["checks"] if check["check"] == "model"]
    assert (found["verdict"], found["code"]) == (verdict, code)
    assert says in found["text"]
    assert asked.code == (3 if verdict == "failed" else 0)
    assert "sk-planted-key" not in asked.stdout + asked.stderr
    if status == 401:
        unasked = memdeploy(*line, extra=key).data["checks"]
        assert "model" not in [check["check"] for check in unasked]


def test_a_provider_that_does_not_answer_from_here_is_a_warning(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    """Cloud Run may reach it all the same."""
    line = ("doctor", *UP[2:], "--check-model", "--model-url", "http://127.0.0.1:1/v1")
    checks = memdeploy(*line, extra={"OPENAI_API_KEY": "sk-planted-key"}).data["checks"]
    assert {c["check"]: c["code"] for c in checks}["model"] == "model-unreachable"


def test_an_account_that_somebody_deleted_is_another_one_when_it_is_made_anew(
    memdeploy: Memdeploy, cloud: Rehearsed
) -> None:
    memdeploy(*UP)
    email = memdeploy.journal()["steps"]["account.run"]["outputs"]["email"]
    cloud.ask("DELETE", f"/iam/v1/projects/proj-1/serviceAccounts/{email}")
    checks = {check["check"]: check for check in memdeploy("doctor").data["checks"]}
    assert checks["accounts"]["code"] == "account-deleted"
    assert email in checks["accounts"]["text"]
    assert "undelete" in checks["accounts"]["remedy"]
    memdeploy("up", "--yes")
    assert {c["check"]: c["verdict"] for c in memdeploy("doctor").data["checks"]}["accounts"] == "passed"


def test_doctor_tells_that_another_run_is_at_work(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP, "--name", "held")
    here = this_process()
    now = time.time()
    held = Holder("n", here, "ann", "up", now, now, time.clock_gettime(time.CLOCK_BOOTTIME))
    folder = memdeploy.state / "held"
    free = {c["check"]: c["code"] for c in memdeploy("doctor").data["checks"]}
    for old in folder.glob("lease.*.json"):
        old.unlink()
    (folder / "lease.99.json").write_text(json.dumps(held.to_json()))
    found = {c["check"]: c for c in memdeploy("doctor").data["checks"]}
    assert (free["journal"], found["journal"]["code"]) == ("ok", "locked")
    assert "ann" in found["journal"]["text"]
