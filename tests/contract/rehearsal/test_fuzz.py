"""Any request to any method that a service publishes: answered as a cloud answers, never by a defect of ours.

A defect is status 500 with the rehearsal's own words. Paths, queries and bodies are drawn near what the method's
published contract says, and far from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdeploy.rehearsal.documents import VERSIONS, Document, read
from memdeploy.rehearsal.http import Request
from tests.contract.rehearsal.embedded import PROJECT, REGION, Embedded, embedded
from tests.support.fuzz import examples

ODD = [
    "",
    "-",
    "..",
    "%",
    "a/b",
    "\x00",
    "\x1b[2J",
    "é",
    "x" * 300,
    "0",
    "-1",
    "null",
    "projects/p",
    "{x}",
    "a@b",
    "*",
    "²",
]
NAMES = [PROJECT, REGION, f"{REGION}-a", "net", "subnet", "range", "db", "latest", "1", "global"]
words = st.one_of(st.sampled_from(NAMES), st.sampled_from(ODD), st.text(max_size=12))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(tmp_path_factory.mktemp("fuzz") / "rehearsal") as made:
        made.network()
        made.peering()
        made.account("a")
        yield made


DOCUMENTS: dict[str, tuple[Document, ...]] = {
    service: tuple(read(service, name) for name in names) for service, names in VERSIONS.items()
}


@st.composite
def bodies(draw: st.DrawFn, document: Document, schema: str | None, depth: int = 3) -> Any:
    """With the schema's own keys and values that mostly fit."""
    if schema is None or depth == 0 or draw(st.integers(0, 9)) == 0:
        return draw(json_values)
    known = (document.schemas.get(schema) or {}).get("properties") or {}
    if not known:
        return draw(json_values)
    keys = draw(st.lists(st.sampled_from(sorted(known)), max_size=6, unique=True))
    return {key: draw(values(document, known[key], depth - 1)) for key in keys}


@st.composite
def values(draw: st.DrawFn, document: Document, shape: Any, depth: int) -> Any:
    if draw(st.integers(0, 11)) == 0:
        return draw(json_values)
    if "$ref" in shape:
        return draw(bodies(document, shape["$ref"], depth))
    kind = shape.get("type")
    if kind == "array":
        return draw(st.lists(values(document, shape.get("items") or {}, depth), max_size=2))
    if kind == "object":
        return draw(
            st.dictionaries(words, values(document, shape.get("additionalProperties") or {}, depth), max_size=2)
        )
    if "enum" in shape:
        return draw(st.sampled_from(shape["enum"]))
    plain = {"boolean": st.booleans(), "integer": st.integers(-1, 10**6), "number": st.floats(), "string": words}
    return draw(plain.get(str(kind), json_values))


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, Request, str]:
    service = draw(st.sampled_from(sorted(DOCUMENTS)))
    document = draw(st.sampled_from(DOCUMENTS[service]))
    method = draw(st.sampled_from([one for some in document.templates.values() for one in some])).method
    path = re.sub(r"\{[^}]*\}", lambda _: quote(draw(words), safe="/"), method.flat_path)
    query = "&".join(
        f"{quote(draw(st.one_of(st.sampled_from(sorted(method.query) or ['x']), words)))}={quote(draw(words))}"
        for _ in range(draw(st.integers(0, 2)))
    )
    content = json.dumps(draw(bodies(document, method.request))).encode("utf-8", "surrogatepass")
    body = draw(st.one_of(st.just(content), st.just(content[:-1]), st.just(b""), st.binary(max_size=20)))
    token = draw(st.sampled_from(["", "Bearer x", "Bearer ya29.r.e30.x", "Bearer a.b.c", "Basic eA==", "\xff"]))
    raw = f"/{service}/{path}"
    return method.id, Request(method.verb, re.sub("%2F", "/", raw), query, {"authorization": token}, body), raw


@given(requests())
@examples(250, 5000)
def test_any_request_is_answered(cloud: Embedded, drawn: tuple[str, Request, str]) -> None:
    method, request, raw = drawn
    answer = cloud.app.handle(request, raw)
    assert answer is not None
    assert b"he rehearsal failed" not in answer.body, (method, request)
    assert 200 <= answer.status <= 599
    json.loads(answer.body or b"{}")


PATHS = [
    "/v2/", "/v2/a/manifests/b", "/v2/%/blobs/x", "/v2/x/tags/list", "/_service/p/r/s/x", "/_service///", "/hub/v2/",
    "/_rehearsal/metadata/p/z/v/computeMetadata/v1/", "/_rehearsal/", "/", "", "//", "/compute",
]  # fmt: skip
HEADERS = ["authorization", "metadata-flavor", "host", "accept", "x-goog-user-project"]


@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "X"]),
    st.one_of(st.sampled_from(PATHS), st.text(max_size=20).map(lambda t: f"/{t}")), st.text(max_size=10),
    st.dictionaries(st.sampled_from(HEADERS), words),
    st.binary(max_size=30),
)  # fmt: skip
@examples(200, 4000)
def test_so_is_any_other(
    cloud: Embedded, verb: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    answer = cloud.app.handle(Request(verb, path, query, headers, body), quote(path))
    assert answer is not None
    assert answer.status != 500, (verb, path, query, headers, body)


def test_what_is_refused_leaves_no_word_of_a_password_in_the_log(
    cloud: Embedded, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a defect, whose own text may quote what was sent."""
    value = "c4nary-password"
    monkeypatch.setattr(cloud.app, "_api", lambda *_: int(value))
    answer = cloud.app.handle(Request("GET", "/iam/v1/x", "", {}, b""), "/iam/v1/x")
    assert answer is not None
    assert answer.status == 500
    assert "test_fuzz.py" in caplog.text
    assert value not in caplog.text
