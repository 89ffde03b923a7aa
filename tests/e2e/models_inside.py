"""Runs inside MemMachine's image, beside the files of docker/: what each provider's configuration becomes there.

Prints one line of JSON: what MemMachine's own loader makes of the configuration, whether its own embedder and language
model work with it, and what `model_checks` says when a Bedrock of our own on loopback answers in several ways.
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

import configure
import model_checks
import offline_model
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


class Offline(offline_model.Handler):
    """Remembers which API was asked."""

    def do_POST(self) -> None:
        asked.append(self.path)
        super().do_POST()

    def log_message(self, *args: object) -> None:
        return None


def read(environment: dict[str, str]) -> Any:
    """The `resources` of the written configuration, as memmachine-server reads them."""
    from memmachine_server.common.configuration import Configuration

    prepared = configure.write(configure.read(environment), Path(tempfile.mkdtemp()))
    os.environ.update(prepared.environment)
    return Configuration.load_yml_file(str(prepared.configuration)).resources


def loaded(environment: dict[str, str]) -> dict[str, Any]:
    """Embedder and language model, secrets revealed."""
    resources = read(environment)
    return {**resources.embedders.to_yaml_dict(), **resources.language_models.to_yaml_dict()}


def worked(environment: dict[str, str]) -> list[str]:
    """What MemMachine's own embedder and language model asked, for a vector, an answer and an object."""
    from memmachine_server.common.resource_manager.embedder_manager import EmbedderManager
    from memmachine_server.common.resource_manager.language_model_manager import LanguageModelManager
    from pydantic import BaseModel

    class Feature(BaseModel):
        name: str
        values: list[str]

    async def use() -> None:
        resources = read(environment)
        embedder = await EmbedderManager(resources.embedders).get_embedder("embedder", validate=True)
        assert embedder.dimensions == int(environment["MODEL_DIMENSIONS"])
        model = await LanguageModelManager(resources.language_models).get_language_model("chat", validate=True)
        if environment["MODEL_PROVIDER"] == "openai":
            assert await model.generate_parsed_response(Feature, "a", "b") == Feature(name="ok", values=[])

    asked.clear()
    asyncio.run(use())
    return [call.split(" ")[0] for call in asked]


def proved(environment: dict[str, str]) -> str:
    try:
        asyncio.run(model_checks.prove(configure.read(environment)))
    except Failure as failure:
        return failure.culprit
    return "good"


def served(handler: type[BaseHTTPRequestHandler]) -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def main() -> dict[str, Any]:
    environments = json.loads(sys.argv[1])
    found: dict[str, Any] = {"loaded": {name: loaded(one) for name, one in environments.items()}, "proved": {}}
    os.environ[ENDPOINT] = served(Bedrock)
    offline = f"{served(Offline)}/v1"
    here = {
        name: one if name == "bedrock" else {**one, "MODEL_BASE_URL": offline} for name, one in environments.items()
    }
    found["worked"] = {name: worked(one) for name, one in here.items()}
    bedrock = environments["bedrock"]
    asked.clear()
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
