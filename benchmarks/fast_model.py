"""The offline model's answers with vectors by NumPy, so that embedding takes none of the time that is compared.

Runs inside MemMachine's image, which has NumPy, beside `offline_model.py`. A word's vector is fixed; a text's is the
sum of its words' vectors, at length one: texts that share words are near each other, and all 1536 numbers are in use.
"""

from __future__ import annotations

import base64
import functools
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy
import offline_model


@functools.cache
def of_word(word: str, dimensions: int) -> Any:
    return numpy.random.default_rng(zlib.crc32(word.encode())).standard_normal(dimensions).astype(numpy.float32)


def embed(text: str, dimensions: int) -> Any:
    total = sum(
        (of_word(word, dimensions) for word in re.findall(r"\w+", text.lower())), of_word("", dimensions) * 0.01
    )
    return (total / numpy.linalg.norm(total)).astype("<f4")


def embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
    size = int(body.get("dimensions") or offline_model.DIMENSIONS)
    packed = body.get("encoding_format") == "base64"
    vectors = [embed(text, size) for text in texts]
    data = [
        {"object": "embedding", "index": index,
         "embedding": base64.b64encode(vector.tobytes()).decode() if packed else vector.tolist()}
        for index, vector in enumerate(vectors)
    ]  # fmt: skip
    return {
        "object": "list", "model": body.get("model"), "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }  # fmt: skip


class Handler(offline_model.Handler):
    disable_nagle_algorithm = True  # an answer is two writes: without it each waits 40 ms for an acknowledgement

    def log_message(self, *_: object) -> None:
        return None


if __name__ == "__main__":
    offline_model.ROUTES = {**offline_model.ROUTES, "/v1/embeddings": embeddings}
    offline_model.ThreadingHTTPServer(("0.0.0.0", offline_model.PORT), Handler).serve_forever()
