"""Runs inside MemMachine's image, beside the files of docker/: what each provider's configuration becomes there.

Prints one line of JSON: what MemMachine's own loader makes of the configuration and which parts of it mean nothing to
this release, whether its own embedder and language model work with it, and what `model_checks` says when a Bedrock of
our own on loopback answers in several ways.
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
import release
from failures import Failure

HERE = release.find(os.environ)
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


def written(environment: dict[str, str]) -> tuple[Any, Any]:
    """The configuration as it stands in its file, and as memmachine-server reads it."""
    prepared = configure.write(configure.read(environment), Path(tempfile.mkdtemp()), ingestion=False)
    os.environ.update(prepared.environment)
    load = HERE.part("common.configuration").Configuration.load_yml_file
    return json.loads(prepared.configuration.read_text()), load(str(prepared.configuration))


def read(environment: dict[str, str]) -> Any:
    return written(environment)[1].resources


def unknown(environment: dict[str, str]) -> list[str]:
    """Paths of what the file says and no field of MemMachine's takes: it leaves such things out without a word."""
    said, taken = written(environment)
    resources = said.pop("resources")
    found = _unknown(said, taken, "")
    for kind, named in resources.items():
        known = getattr(taken.resources, kind)
        homes = [value for value in vars(known).values() if isinstance(value, dict)]
        for name, entry in named.items():
            (home,) = [home[name] for home in homes if name in home]
            found += _unknown(entry.get("config", {}), home, f"{kind}.{name}.")
    return found


def _unknown(said: dict[str, Any], taken: Any, prefix: str) -> list[str]:
    fields = type(taken).model_fields
    found = [f"{prefix}{name}" for name in said if name not in fields]
    inner = {name: value for name, value in said.items() if isinstance(value, dict) and name in fields}
    return found + [path for name, value in inner.items() for path in _unknown(value, getattr(taken, name), f"{name}.")]


def loaded(environment: dict[str, str]) -> dict[str, Any]:
    """Embedder and language model, secrets revealed."""
    resources = read(environment)
    return {**resources.embedders.to_yaml_dict(), **resources.language_models.to_yaml_dict()}


def worked(environment: dict[str, str]) -> list[str]:
    """What MemMachine's own embedder and language model asked, for a vector, an answer and an object."""
    from pydantic import BaseModel

    managers = (
        HERE.part("common.resource_manager.embedder_manager"),
        HERE.part("common.resource_manager.language_model_manager"),
    )

    class Feature(BaseModel):
        name: str
        values: list[str]

    async def use() -> None:
        resources = read(environment)
        embedder = await managers[0].EmbedderManager(resources.embedders).get_embedder("embedder", validate=True)
        assert embedder.dimensions == int(environment["MODEL_DIMENSIONS"])
        model = (
            await managers[1].LanguageModelManager(resources.language_models).get_language_model("chat", validate=True)
        )
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
    here = {release.VARIABLE: HERE.version}
    environments = {name: {**one, **here} for name, one in json.loads(sys.argv[1]).items()}
    found: dict[str, Any] = {"loaded": {name: loaded(one) for name, one in environments.items()}, "proved": {}}
    found["unknown"] = {name: unknown(one) for name, one in environments.items()}
    found["lacking"] = unknown({**environments["openai"], release.VARIABLE: release.there()[-1]})
    os.environ[ENDPOINT] = served(Bedrock)
    offline = f"{served(Offline)}/v1"
    answered = {
        name: one if name == "bedrock" else {**one, "MODEL_BASE_URL": offline} for name, one in environments.items()
    }
    found["worked"] = {name: worked(one) for name, one in answered.items()}
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
