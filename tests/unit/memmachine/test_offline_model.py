"""The offline model's answers, and its wire on loopback."""

from __future__ import annotations

import base64
import json
import struct
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from memdeploy.memmachine import offline_model


def near(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_texts_that_share_words_are_nearer() -> None:
    question, match, other = (
        offline_model.embed(text, 512) for text in ("boiler serial number", "The boiler serial number is 4711", "pears")
    )
    assert near(question, match) > near(question, other) + 0.3
    assert near(match, match) == pytest.approx(1.0)


def test_a_text_without_words_has_a_vector_too() -> None:
    assert near(offline_model.embed("…", 8), offline_model.embed("", 8)) == pytest.approx(1.0)


def ask(path: str, body: dict[str, Any], key: str = "k", **environment: str) -> tuple[int, dict[str, Any]]:
    return offline_model.answer(path, key, json.dumps(body).encode(), environment)


def test_vectors_in_both_forms_are_the_same() -> None:
    _, plain = ask("/v1/embeddings", {"input": ["x"], "dimensions": 16})
    _, packed = ask("/v1/embeddings", {"input": "x", "dimensions": 16, "encoding_format": "base64"})
    raw = struct.unpack("<16f", base64.b64decode(packed["data"][0]["embedding"]))
    assert list(raw) == pytest.approx(plain["data"][0]["embedding"])


def test_the_chat_model_answers_with_the_smallest_value_of_the_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"items": {"type": "array"}, "kind": {"$ref": "#/$defs/Kind"}, "why": {"type": "string"}},
        "$defs": {"Kind": {"enum": ["a", "b"]}},
    }
    _, found = ask("/v1/responses", {"text": {"format": {"schema": schema}}})
    assert json.loads(found["output"][0]["content"][0]["text"]) == {"items": [], "kind": "a", "why": "ok"}
    _, found = ask("/v1/chat/completions", {"response_format": {"json_schema": {"schema": schema}}})
    assert json.loads(found["choices"][0]["message"]["content"])["kind"] == "a"


def test_rejected_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("third\n")
    listed = {"OFFLINE_MODEL_REJECT": "first,second", "OFFLINE_MODEL_REJECT_FILE": str(file)}
    for key in ("first", "second", "third", "rejected-1", ""):
        status, said = ask("/v1/embeddings", {"input": "x"}, key, **listed)
        assert (status, said["error"]["code"]) == (401, "invalid_api_key")
    assert ask("/v1/embeddings", {"input": "x"}, "fourth", **listed)[0] == 200


def test_unknown_paths_and_bodies_are_refused() -> None:
    assert ask("/v1/nothing", {})[0] == 404
    assert ask("/v1/embeddings", {})[0] == 400


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), offline_model.Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


def test_the_wire(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    headers = {"Authorization": "Bearer canary-key"}
    found = requests.post(f"{address}/embeddings", json={"input": "x"}, headers=headers, timeout=5)
    assert len(found.json()["data"][0]["embedding"]) == 1536
    assert requests.get(f"{address}/models", timeout=5).json()["object"] == "list"
    assert "canary" not in capfd.readouterr().err
