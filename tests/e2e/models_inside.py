"""Runs inside MemMachine's image, beside the files of docker/: what each provider's configuration becomes there.

Prints one line of JSON: what MemMachine's own loader makes of the configuration, and what `checks.model` says when a
Bedrock of our own on loopback answers in several ways.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import checks
import configure
from failures import Failure

ENDPOINT = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
GOOD = {
    "invoke": {"embedding": [0.1] * 8, "inputTextTokenCount": 1},
    "converse": {
        "output": {"message": {"role": "assistant", "content": [{"text": "ok"}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": {"latencyMs": 1},
    },
}  # fmt: skip
asked: list[str] = []
error: list[tuple[str, int]] = []


class Bedrock(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        call = self.path.rpartition("/")[2]
        asked.append(f"{call} {self.headers['Authorization'].split(',')[0]} {self.headers['X-Amz-Security-Token']}")
        code, status = error[0] if error else ("", 200)
        payload = json.dumps({"message": f"said of {code}"} if code else GOOD[call]).encode()
        self.send_response(status)
        self.send_header("x-amzn-ErrorType", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args: object) -> None:
        return None


def loaded(environment: dict[str, str]) -> dict[str, Any]:
    """Embedder and language model as memmachine-server reads them, secrets revealed."""
    from memmachine_server.common.configuration import Configuration

    prepared = configure.write(configure.read(environment), Path(tempfile.mkdtemp()))
    os.environ.update(prepared.environment)
    resources = Configuration.load_yml_file(str(prepared.configuration)).resources
    return {**resources.embedders.to_yaml_dict(), **resources.language_models.to_yaml_dict()}


def proved(environment: dict[str, str]) -> str:
    try:
        asyncio.run(checks.model(configure.read(environment)))
    except Failure as failure:
        return failure.culprit
    return "good"


def main() -> dict[str, Any]:
    environments = json.loads(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bedrock)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found: dict[str, Any] = {"loaded": {name: loaded(one) for name, one in environments.items()}, "proved": {}}
    os.environ[ENDPOINT] = f"http://127.0.0.1:{server.server_address[1]}"
    bedrock = environments["bedrock"]
    found["proved"]["good"], found["asked"] = proved(bedrock), list(asked)
    found["proved"]["size"] = proved({**bedrock, "MODEL_DIMENSIONS": "9"})
    for code, status in (
        ("UnrecognizedClientException", 403),
        ("AccessDeniedException", 403),
        ("ThrottlingException", 429),
    ):
        error[:] = [(code, status)]
        found["proved"][code] = proved(bedrock)
    os.environ[ENDPOINT] = "http://127.0.0.1:9"
    found["proved"]["nobody"] = proved(bedrock)
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        result = main()
    print(json.dumps(result), flush=True)
