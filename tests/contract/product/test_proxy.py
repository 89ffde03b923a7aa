"""`memdeploy proxy`: a client that knows nothing of tokens uses a private service."""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy


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
    process = memdeploy.start("proxy", "--port", "0", json_output=False)
    try:
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+(?= leads)", said)):
            line = process.stderr.readline()
            assert line, (said, process.wait())
            said += line
        post(f"{found[0]}/api/v2/memories", body)
        search = {"org_id": "o", "project_id": "p", "query": "When does the ferry leave?", "top_k": 3}
        assert "The ferry leaves at noon" in json.dumps(post(f"{found[0]}/api/v2/memories/search", search))
    finally:
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "200 POST /api/v2/memories" in rest


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
