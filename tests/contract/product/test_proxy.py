"""`memdeploy proxy`: a client that knows nothing of tokens uses a private service."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.proxied import by_memmachines_client, proxied


def post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_plain_client_stores_and_finds_through_it(memdeploy: Memdeploy) -> None:
    up = memdeploy(*UP)
    body = {"org_id": "o", "project_id": "p", "messages": [{"content": "The ferry leaves at noon", "producer": "ann"}]}
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(f"{up.data['url']}/api/v2/memories", body)
    assert refused.value.code in (401, 403)
    with proxied(memdeploy) as served:
        post(f"{served.url}/api/v2/memories", body)
        search = {"org_id": "o", "project_id": "p", "query": "When does the ferry leave?", "top_k": 3}
        assert "The ferry leaves at noon" in json.dumps(post(f"{served.url}/api/v2/memories/search", search))
    assert "200 POST /api/v2/memories" in "".join(served.said)


def test_memmachines_own_client_stores_and_finds_through_it(memdeploy: Memdeploy) -> None:
    text = "The lighthouse of Brouwershaven was sold for one guilder."
    memdeploy(*UP)
    with proxied(memdeploy) as served:
        assert text in by_memmachines_client(served.url, text, "Who sold the lighthouse?")


def test_without_a_service_there_is_nothing_to_lead_to(memdeploy: Memdeploy) -> None:
    memdeploy(*UP)
    memdeploy("destroy", "--yes")
    assert memdeploy("proxy", expect=8).json["errors"][0]["code"] == "no-deployment"


def test_a_port_that_is_taken_is_named(memdeploy: Memdeploy) -> None:
    import socket

    memdeploy(*UP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = memdeploy("proxy", "--port", str(taken.getsockname()[1]), expect=2)
    assert found.json["errors"][0]["code"] == "port-taken"
