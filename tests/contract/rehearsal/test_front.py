"""The front end of services: who is let in, and what answers."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.cloud import run_v2

from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import ContainerSpec, Progress
from tests.contract.rehearsal.embedded import LOCATION, PROJECT, REGION, Embedded, embedded
from tests.contract.rehearsal.test_run_services import NAME, create, prepare, service

VERIFIER = f"vrf@{PROJECT}.iam.gserviceaccount.com"
BASE = f"/_service/{PROJECT}/{REGION}/mem"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path / "state") as started:
        prepare(started)
        assert create(started).done
        started.account("vrf")
        yield started


def allow(cloud: Embedded, *members: str) -> None:
    policy = {"bindings": [{"role": "roles/run.invoker", "members": list(members)}]}
    assert cloud.http("POST", f"/run/v2/{NAME}:setIamPolicy", {"policy": policy})[0] == 200
    cloud.clock.advance(100)


def auth(cloud: Embedded, audience: str | None = None, email: str = VERIFIER) -> dict[str, str]:
    return {"Authorization": f"Bearer {cloud.id_token(email, audience or f'{cloud.endpoint}{BASE}')}"}


def health(cloud: Embedded, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    return cloud.http("GET", f"{BASE}/api/v2/health", headers=headers)


def test_nobody_comes_in_unasked(cloud: Embedded) -> None:
    assert health(cloud)[0] == 403


def test_the_invoker_comes_in_and_sees_that_it_is_a_simulation(cloud: Embedded) -> None:
    allow(cloud, f"serviceAccount:{VERIFIER}")
    status, headers, body = health(cloud, auth(cloud))
    assert status == 200
    assert headers["x-memdeploy-simulated"] == "true"
    assert b'"version":"0.4.0"' in body


def test_a_grant_counts_only_after_a_while(cloud: Embedded) -> None:
    allow(cloud, "serviceAccount:" + cloud.account("run"))
    policy = {"bindings": [{"role": "roles/run.invoker", "members": [f"serviceAccount:{VERIFIER}"]}]}
    cloud.http("POST", f"/run/v2/{NAME}:setIamPolicy", {"policy": policy})
    assert health(cloud, auth(cloud))[0] == 403
    cloud.clock.advance(100)
    assert health(cloud, auth(cloud))[0] == 200


@pytest.mark.parametrize("case", ["audience", "expired", "forged", "access token"])
def test_tokens_that_are_not_believed(cloud: Embedded, case: str) -> None:
    allow(cloud, f"serviceAccount:{VERIFIER}")
    headers = auth(cloud, "https://elsewhere.example" if case == "audience" else None)
    if case == "expired":
        cloud.clock.advance(3700)
    if case == "forged":
        headers = {"Authorization": headers["Authorization"][:-4] + "AAAA"}
    if case == "access token":
        headers = {"Authorization": "Bearer ya29.something"}
    status, answer, _ = health(cloud, headers)
    assert status == 401
    assert "invalid_token" in answer["www-authenticate"]


def test_another_account_stays_out(cloud: Embedded) -> None:
    allow(cloud, f"serviceAccount:{VERIFIER}")
    assert health(cloud, auth(cloud, email=cloud.account("other")))[0] == 403


def test_all_users_come_in_without_a_token(cloud: Embedded) -> None:
    allow(cloud, "allUsers")
    assert health(cloud)[0] == 200


def test_without_the_invoker_check_everybody_comes_in(cloud: Embedded) -> None:
    open_ = service(cloud)
    open_.name, open_.invoker_iam_disabled = NAME, True
    cloud.services().update_service(service=open_)
    cloud.clock.advance(60)
    cloud.services().get_service(name=NAME)
    assert health(cloud)[0] == 200


def test_internal_services_are_not_found_from_outside(cloud: Embedded) -> None:
    allow(cloud, "allUsers")
    inner = service(cloud)
    inner.name, inner.ingress = NAME, run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY
    cloud.services().update_service(service=inner)
    cloud.clock.advance(60)
    assert health(cloud)[0] == 404


def test_a_service_that_is_not_there(cloud: Embedded) -> None:
    assert cloud.http("GET", f"/_service/{PROJECT}/{REGION}/other/")[0] == 404


def test_the_stand_in_keeps_finds_and_forgets_memories(cloud: Embedded) -> None:
    allow(cloud, f"serviceAccount:{VERIFIER}")
    mine = {"org_id": "o", "project_id": "p"}

    def post(path: str, **body: Any) -> tuple[int, Any]:
        status, headers, answer = cloud.http("POST", f"{BASE}/api/v2{path}", {**mine, **body}, auth(cloud))
        assert headers["x-memdeploy-simulated"] == "true"
        return status, answer

    def found(query: str) -> list[str]:
        status, answer = post("/memories/search", query=query, top_k=3)
        assert status == 200
        return [one["content"] for one in _episodes(answer)]

    status, answer = post("/memories", messages=[{"content": "The kettle is blue"}, {"content": "Cats sleep"}])
    assert (status, len(_json(answer)["results"])) == (200, 2)
    assert found("Which colour has the kettle?") == ["The kettle is blue"]
    assert found("zebra") == []
    assert _json(post("/projects/episode_count/get")[1]) == {"count": 2}
    assert post("/memories", messages=[{"producer": "u"}])[0] == 422
    assert post("/projects/delete")[0] == 204
    assert found("kettle") == []
    assert post("/projects/delete")[0] == 404
    assert post("/elsewhere")[0] == 404


class Real(NoBacking):
    name = "containers"

    def __init__(self, url: str) -> None:
        self.url, self.started = url, 0

    def service_start(self, spec: ContainerSpec) -> None:
        self.started += 1

    def service_state(self, key: str) -> Progress:
        return Progress(done=True, result={"url": self.url})


@contextmanager
def container(status: int) -> Iterator[str]:
    """A service's container: answers every GET with what it was asked, and with `status`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"{self.path} {self.headers.get('Authorization')}".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        listening.server_close()


def test_requests_reach_the_container_without_the_prefix_and_the_token(tmp_path: Path) -> None:
    with container(200) as url, embedded(tmp_path / "state", backing=Real(url)) as cloud:
        prepare(cloud)
        assert create(cloud).done
        allow(cloud, f"serviceAccount:{cloud.account('vrf')}")
        status, headers, body = cloud.http("GET", f"{BASE}/a/b?c=d", headers=auth(cloud))
        assert (status, body) == (200, b"/a/b?c=d None")
        assert "x-memdeploy-simulated" not in headers


def test_the_startup_probe_decides(tmp_path: Path) -> None:
    with container(500) as url, embedded(tmp_path / "state", backing=Real(url)) as cloud:
        prepare(cloud)
        assert not create(cloud, wait=30).done
        cloud.clock.advance(250)
        left = cloud.services().get_service(name=f"{LOCATION}/services/mem")
        assert "failed the configured startup probe checks" in left.terminal_condition.message


def _json(body: bytes) -> Any:
    import json

    return json.loads(body)


def _episodes(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _json(body)["content"]["episodic_memory"]["long_term_memory"]["episodes"]
    return found
