"""The server's own contract: faults, logs, restarts, the world, who may ask."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from memdeploy.rehearsal import process, serving
from tests.contract.rehearsal.embedded import PROJECT, Clock, Embedded
from tests.contract.rehearsal.worlds import rehearsed

SECRETS = f"/secretmanager/v1/projects/{PROJECT}/secrets"
AUTOMATIC = {"replication": {"automatic": {}}}
PROJECT_ON: dict[str, Any] = {"id": PROJECT, "enabled": ["secretmanager.googleapis.com", "compute.googleapis.com"]}
WORLD = {"projects": [PROJECT_ON]}
CREATE = "secretmanager.projects.secrets.create"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with rehearsed(tmp_path, WORLD) as made:
        yield made


def make(cloud: Embedded, name: str) -> int:
    return cloud.http("POST", f"{SECRETS}?secretId={name}", AUTOMATIC)[0]


def admin(cloud: Embedded, path: str, body: Any = None) -> Any:
    return json.loads(cloud.http("POST" if body is not None else "GET", f"/_rehearsal/{path}", body)[2])


def test_health_and_clock(cloud: Embedded) -> None:
    health = admin(cloud, "health")
    assert (health["provider"], health["ready"], len(health["id"])) == ("gcp", True, 12)
    assert {key: admin(cloud, "clock")[key] for key in ("scale", "backing", "space")} == {
        "scale": 1.0,
        "backing": "none",
        "space": "10.70.0.0/15",
    }


def test_requests_are_logged_with_what_they_change(cloud: Embedded) -> None:
    make(cloud, "a")
    cloud.http("GET", f"{SECRETS}/a:getIamPolicy")
    cloud.http("POST", f"{SECRETS}/a:testIamPermissions", {"permissions": []})
    cloud.http("DELETE", f"{SECRETS}/nothing")
    seen = admin(cloud, "requests?since=0")["requests"]
    assert [(r["n"], r["service"], r["method"], r["status"], r["mutates"], r["fault"]) for r in seen] == [
        (1, "secretmanager", "POST", 200, True, None),
        (2, "secretmanager", "GET", 200, False, None),
        (3, "secretmanager", "POST", 200, False, None),
        (4, "secretmanager", "DELETE", 404, True, None),
    ]
    assert seen[0]["path"] == f"/v1/projects/{PROJECT}/secrets"
    assert [r["n"] for r in admin(cloud, "requests?since=3")["requests"]] == [4]


def test_an_aimed_error_comes_before_the_effect_and_once(cloud: Embedded) -> None:
    admin(cloud, "faults", {"spec": f"503@{CREATE}=1x"})
    assert make(cloud, "a") == 503
    assert admin(cloud, "inventory")["resources"] == []
    assert make(cloud, "a") == 200


def test_a_lost_answer_comes_after_the_effect(cloud: Embedded) -> None:
    admin(cloud, "faults", {"spec": f"lost@{CREATE}=1x"})
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        make(cloud, "a")
    assert make(cloud, "a") == 409
    assert [r["fault"] for r in admin(cloud, "requests?since=0")["requests"]] == ["lost", None]


def test_a_reset_leaves_nothing(cloud: Embedded) -> None:
    admin(cloud, "faults", {"spec": f"reset@{CREATE}=1x"})
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        make(cloud, "a")
    assert make(cloud, "a") == 200


def test_half_a_request_has_no_effect(cloud: Embedded) -> None:
    """Its sender died between its head and its body: a whole request that says less may well be a valid one."""
    make(cloud, "a")
    body = json.dumps({"labels": {"team": "support"}}).encode()
    assert cloud.http("PATCH", f"{SECRETS}/a?updateMask=labels", json.loads(body))[0] == 200
    address = urlsplit(cloud.endpoint)
    logged = len(admin(cloud, "requests?since=0")["requests"])
    for sent in (b"", body[:5]):
        with socket.create_connection((address.hostname, address.port), timeout=10) as dying:
            head = f"PATCH {SECRETS}/a?updateMask=labels HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
            dying.sendall(f"{head}\r\n\r\n".encode() + sent)
            dying.shutdown(socket.SHUT_WR)
            assert b" 400 " in dying.recv(100)
    assert len(admin(cloud, "requests?since=0")["requests"]) == logged
    assert json.loads(cloud.http("GET", f"{SECRETS}/a")[2])["labels"] == {"team": "support"}


def test_operations_can_be_slow_or_fail(cloud: Embedded) -> None:
    networks = f"/compute/compute/v1/projects/{PROJECT}/global/networks"
    admin(cloud, "faults", {"spec": "slow@compute.networks.insert=1x"})
    slow = json.loads(cloud.http("POST", networks, {"name": "a", "autoCreateSubnetworks": False})[2])
    failed = json.loads(cloud.http("POST", networks, {"name": "b", "autoCreateSubnetworks": False})[2])
    admin(cloud, "faults", {"spec": "fail@compute.networks.insert=1x"})
    failed = json.loads(cloud.http("POST", networks, {"name": "c", "autoCreateSubnetworks": False})[2])
    cloud.clock.advance(100)

    def look(operation: dict[str, Any]) -> dict[str, Any]:
        path = operation["selfLink"].partition("/compute/v1/")[2]
        found: dict[str, Any] = json.loads(cloud.http("GET", f"/compute/compute/v1/{path}")[2])
        return found

    assert look(slow)["status"] == "RUNNING"
    assert look(failed)["error"]["errors"][0]["code"] == "INTERNAL_ERROR"
    assert cloud.http("GET", f"{networks}/c")[0] == 404
    cloud.clock.advance(200)
    assert look(slow)["status"] == "DONE"


def test_a_bad_fault_is_refused(cloud: Embedded) -> None:
    assert cloud.http("POST", "/_rehearsal/faults", {"spec": "nonsense"})[0] == 400


def test_state_survives_the_server_and_reset_forgets_it(tmp_path: Path) -> None:
    clock = Clock()
    with rehearsed(tmp_path, WORLD, clock=clock) as cloud:
        id_, number = admin(cloud, "health")["id"], make(cloud, "a")
        networks = f"/compute/compute/v1/projects/{PROJECT}/global/networks"
        operation = json.loads(cloud.http("POST", networks, {"name": "n", "autoCreateSubnetworks": False})[2])
    assert number == 200
    clock.advance(100)
    with rehearsed(tmp_path, clock=clock) as cloud:
        assert admin(cloud, "health")["id"] == id_
        path = operation["selfLink"].partition("/compute/v1/")[2]
        assert json.loads(cloud.http("GET", f"/compute/compute/v1/{path}")[2])["status"] == "DONE"
        assert make(cloud, "a") == 409
        admin(cloud, "reset", {})
        assert admin(cloud, "inventory")["resources"] == []
        assert admin(cloud, "health")["id"] == id_
        assert make(cloud, "a") == 200


def test_what_was_there_before_is_finished_before_ready(tmp_path: Path) -> None:
    networks = f"/compute/v1/projects/{PROJECT}/global/networks"
    subnets = f"/compute/v1/projects/{PROJECT}/regions/us-central1/subnetworks"
    network = {"name": "theirs", "autoCreateSubnetworks": False, "description": "memdeploy/other"}
    subnet = {"name": "s", "network": f"projects/{PROJECT}/global/networks/theirs", "ipCidrRange": "10.9.0.0/24"}
    before = [
        {"service": "compute", "method": "POST", "path": networks, "body": network},
        {"service": "compute", "method": "POST", "path": subnets, "body": subnet},
    ]
    with rehearsed(tmp_path, {"projects": [{**PROJECT_ON, "before": before}]}) as cloud:
        found = {r["name"].rsplit("/", 1)[-1]: r["marker"] for r in admin(cloud, "inventory")["resources"]}
        assert found == {"theirs": "other", "s": None}
        assert admin(cloud, "requests?since=0")["requests"] == []
        assert make(cloud, "a") == 200


def test_a_world_that_cannot_be_is_refused(tmp_path: Path) -> None:
    before = [{"service": "compute", "path": f"/compute/v1/projects/{PROJECT}/global/networks", "body": {"name": "N"}}]
    with pytest.raises(ValueError, match="400"), rehearsed(tmp_path, {"projects": [{**PROJECT_ON, "before": before}]}):
        pass


def test_with_servers_behind_it_a_token_is_asked_for(tmp_path: Path) -> None:
    with rehearsed(tmp_path, WORLD, token="letmein") as cloud:
        assert admin(cloud, "health")["ready"]
        assert cloud.http("GET", SECRETS)[0] == cloud.http("GET", "/_rehearsal/inventory")[0] == 401
        assert cloud.http("GET", SECRETS, headers={"Authorization": "Bearer letmein"})[0] == 200
        assert cloud.http("GET", SECRETS, headers={"Authorization": "Bearer ya29.r.forged.token"})[0] == 401


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_pages_of_others_are_turned_away(cloud: Embedded, headers: dict[str, str]) -> None:
    assert cloud.http("GET", "/_rehearsal/inventory", headers=headers)[0] == 403


def test_google_hosts_in_absolute_form_mean_their_service(cloud: Embedded) -> None:
    path = f"/v1/projects/{PROJECT}/secrets"
    assert cloud.http("GET", f"http://secretmanager.googleapis.com{path}")[0] == 200
    assert cloud.http("GET", path, headers={"Host": "secretmanager.googleapis.com"})[0] == 200
    assert cloud.http("GET", f"http://www.googleapis.com/compute/v1/projects/{PROJECT}/zones")[0] == 200


@pytest.mark.parametrize("path", ["/nothing/v1/x", "/secretmanager/v1/projects/p/nothing", "/_rehearsal/nothing"])
def test_what_does_not_exist_is_404(cloud: Embedded, path: str) -> None:
    assert cloud.http("GET", path)[0] == 404


def test_no_rule_is_said_openly(cloud: Embedded) -> None:
    status, _, body = cloud.http("POST", f"/compute/compute/v1/projects/{PROJECT}/global/routes", {"name": "r"})
    assert status in (400, 501), body


def test_a_killed_server_comes_back_as_the_same_rehearsal(tmp_path: Path) -> None:
    folder = tmp_path / "rehearsal"
    first = process.start(folder)
    try:
        assert process.start(folder) == first
        assert {p.stat().st_mode & 0o077 for p in (folder, *folder.iterdir())} == {0}
        os.kill(first.pid, signal.SIGKILL)
        os.waitpid(first.pid, 0)
        again = process.start(folder)
        assert (again.id, again.endpoint) == (first.id, first.endpoint)
        assert again.pid != first.pid
        assert process.attach(again.endpoint).id == first.id
    finally:
        process.stop(folder)
    assert process.running(folder) is None


@pytest.mark.parametrize(
    "endpoint", ["http://10.0.0.1:80", "https://127.0.0.1:1", "http://secretmanager.googleapis.com"]
)
def test_attaches_to_loopback_only(endpoint: str) -> None:
    with pytest.raises(process.RehearsalError, match="loopback"):
        process.attach(endpoint)


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -1.0])
def test_a_pace_at_which_no_operation_ever_ends_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(ValueError, match="time scale"):
        serving.serve(serving.Options(tmp_path / "r", time_scale=scale))
    assert not (tmp_path / "r").exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(process.RehearsalError, match="fault 'nonsense'"):
        process.start(tmp_path / "r", faults="nonsense")
