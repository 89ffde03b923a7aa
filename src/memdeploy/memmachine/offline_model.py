"""A model for rehearsals: small, deterministic, OpenAI-compatible as far as MemMachine asks. It knows no language.

    python3 offline_model.py [PORT [HOST]]        (default: 9000, on every address)

Standard library only and one file, so that it runs as it is inside a Python image. Embeddings are a hashed bag of
words: texts that share words are near each other, so search finds what was stored. The chat model answers with the
smallest value that the requested JSON schema allows, else `ok`.

Keys in OFFLINE_MODEL_REJECT (comma separated), and any key that begins with `rejected`, are refused as OpenAI refuses a
wrong one; so tests and rehearsals can plant a rejected key. OFFLINE_MODEL_REJECT_FILE names a file with one key a line
that is read at every request; OFFLINE_MODEL_DELAY_FILE one with the seconds that every answer is held back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import struct
import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT = 9000
HOST = "0.0.0.0"  # noqa: S104 (inside its own container)
ALIAS = "offline-model"
"The network name under which a rehearsal's containers find it; `http://offline-model:9000/v1`."
DIMENSIONS = 1536


def embed(text: str, dimensions: int) -> list[float]:
    """A unit vector; words decide, not their order."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.sha256(word.encode()).digest()
        vector[int.from_bytes(digest[:4], "big") % dimensions] += 1.0 if digest[4] & 1 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        return [1.0, *vector[1:]]
    return [value / length for value in vector]


def smallest(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """The smallest value that a JSON schema allows."""
    root = root or schema
    if "$ref" in schema:
        return smallest(root["$defs"][str(schema["$ref"]).rsplit("/", 1)[-1]], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return smallest(schema[word][0], root)
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: smallest(part, root) for name, part in schema.get("properties", {}).items()}
    return {"array": [], "string": "ok", "integer": 0, "number": 0, "boolean": False}.get(str(kind))


def embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
    size = int(body.get("dimensions") or DIMENSIONS)
    vectors = [embed(str(text), size) for text in texts]
    packed = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
        for index, vector in enumerate(vectors)
    ]
    return {"object": "list", "model": body.get("model"), "data": data, "usage": _usage("prompt_tokens")}


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _usage(*names: str) -> dict[str, Any]:
    return {**dict.fromkeys(names, 1), "total_tokens": len(names)}


def chat_completions(body: Mapping[str, Any]) -> dict[str, Any]:
    wanted = (body.get("response_format") or {}).get("json_schema") or {}
    message = {"role": "assistant", "content": _answer(wanted)}
    return {
        "id": "chatcmpl-offline", "object": "chat.completion", "created": 0, "model": body.get("model"),
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": _usage("prompt_tokens", "completion_tokens"),
    }  # fmt: skip


def responses(body: Mapping[str, Any]) -> dict[str, Any]:
    wanted = (body.get("text") or {}).get("format") or {}
    content = [{"type": "output_text", "text": _answer(wanted), "annotations": []}]
    message = {"type": "message", "id": "msg_offline", "role": "assistant", "status": "completed", "content": content}
    usage = _usage("input_tokens", "output_tokens")
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": "resp_offline", "object": "response", "created_at": 0, "status": "completed", "model": body.get("model"),
        "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0, "output": [message], "usage": usage,
    }  # fmt: skip


def _answer(wanted: Mapping[str, Any]) -> str:
    schema = wanted.get("schema")
    return json.dumps(smallest(schema)) if schema else "ok"


ROUTES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "/v1/embeddings": embeddings,
    "/v1/chat/completions": chat_completions,
    "/v1/responses": responses,
}


def rejected(key: str, environment: Mapping[str, str]) -> bool:
    listed = environment.get("OFFLINE_MODEL_REJECT", "").split(",")
    file = environment.get("OFFLINE_MODEL_REJECT_FILE")
    if file and Path(file).is_file():
        listed += Path(file).read_text().split()
    return not key or key.startswith("rejected") or key in listed


def delay(environment: Mapping[str, str]) -> float:
    """Seconds; 0 without a file."""
    file = environment.get("OFFLINE_MODEL_DELAY_FILE")
    return float(Path(file).read_text()) if file and Path(file).is_file() else 0.0


def refusal(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def answer(path: str, key: str, body: bytes, environment: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a POST."""
    if rejected(key, environment):
        return 401, refusal("Incorrect API key provided.", "invalid_api_key")
    handler = ROUTES.get(path.rstrip("/"))
    if handler is None:
        return 404, refusal(f"Unknown request URL: POST {path}", "unknown_url")
    try:
        return 200, handler(json.loads(body or b"{}"))
    except (KeyError, TypeError, ValueError) as error:
        return 400, refusal(f"Bad request: {type(error).__name__}", "bad_request")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(200, {"object": "list", "data": [{"id": "offline", "object": "model", "owned_by": "memdeploy"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = (self.headers.get("Authorization") or "").removeprefix("Bearer ").strip()
        if seconds := delay(os.environ):
            self.log_message("holding %s back for %s s", self.path, seconds)
            time.sleep(seconds)
        self._send(*answer(self.path, key, body, os.environ))

    def _send(self, status: int, content: dict[str, Any]) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (as in the base class)
        """Method, path and status; never a header."""
        sys.stderr.write(f"{format % args}\n")


def main(arguments: list[str]) -> None:
    port, host = [*arguments, *(str(PORT), HOST)[len(arguments) :]]
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
