"""Who is let in: each listener of a rehearsal is on loopback, asks for its token where servers stand behind it, and
answers to no page of another site. What cannot be read is refused in bounded time and memory."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from memdeploy.rehearsal import identity, server
from tests.contract.rehearsal.embedded import PROJECT, REGION, Embedded, embedded
from tests.support.loopback import reached

TOKEN = "letmein-and-nobody-else"
SECRETS = f"/secretmanager/v1/projects/{PROJECT}/secrets"
#: One path of each door: the admin's, the metadata server's, an API's.
ADMIN = ("/_rehearsal/inventory", "/_rehearsal/requests", "/_rehearsal/clock", "/_rehearsal/nothing")
METADATA = "/_rehearsal/metadata/proj-1/us-central1-a/vm/computeMetadata/v1/instance/service-accounts/default/token"
ALL = (*ADMIN, METADATA, SECRETS, "/v2/", f"/_service/{PROJECT}/{REGION}/api/health")
PASSED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path / "rehearsal") as made:
        yield made


@pytest.fixture
def guarded(cloud: Embedded) -> Embedded:
    """As with servers behind it."""
    cloud.app.settings = dataclasses.replace(cloud.app.settings, token=TOKEN)
    return cloud


WRONG = [
    {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
    {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": "Bearer ya29.r.forged.token"}, {"Authorization": "Bearer ya29.r.\xe9\xff.\xe9"},
    {"X-Authorization": f"Bearer {TOKEN}"}, {"Cookie": f"token={TOKEN}"},
]  # fmt: skip


@pytest.mark.parametrize("headers", WRONG, ids=lambda headers: repr(headers)[:40])
def test_without_its_token_nobody_is_let_in(guarded: Embedded, headers: Mapping[str, str]) -> None:
    for path in (*ADMIN, METADATA, SECRETS):
        assert guarded.http("GET", path, headers=headers)[0] == 401, path
    for path in ("/_rehearsal/reset", "/_rehearsal/faults", "/_rehearsal/containers"):
        assert guarded.http("POST", path, {}, headers=headers)[0] == 401, path
    assert guarded.http("GET", f"/_rehearsal/inventory?access_token={TOKEN}", headers=headers)[0] == 401
    assert guarded.http("GET", "/_rehearsal/health")[0] == 200


def test_an_empty_token_is_nobodys(cloud: Embedded) -> None:
    cloud.app.settings = dataclasses.replace(cloud.app.settings, token="")
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        assert cloud.http("GET", "/_rehearsal/inventory", headers=headers)[0] == 401


def test_an_account_of_its_cloud_may_call_apis_and_is_not_its_keeper(guarded: Embedded) -> None:
    with guarded.store.transaction():
        token = identity.access_token(guarded.app.cloud, "a@proj-1.iam.gserviceaccount.com")
    headers = {"Authorization": f"Bearer {token}"}
    assert guarded.http("GET", SECRETS, headers=headers)[0] in (200, 403)
    for path in (*ADMIN, METADATA):
        assert guarded.http("GET", path, headers=headers)[0] == 401, path
    assert guarded.http("POST", "/_rehearsal/reset", {}, headers=headers)[0] == 401


FOREIGN = [
    {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "evil.example:80"}, {"Host": ""},
    {"Host": "127.0.0.1@evil.example"}, {"Host": "evil.example#.googleapis.com"}, {"Host": "0.0.0.0"},
    {"Host": "10.0.0.1"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "file://"},
    {"Origin": "https://127.0.0.1.evil.example"}, {"Origin": "https://evil.example/?127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN, ids=repr)
def test_no_page_of_another_site_is_answered(guarded: Embedded, headers: Mapping[str, str]) -> None:
    """Not with the token either: a page may have learnt it."""
    for path in (*ALL, "/_rehearsal/health"):
        assert guarded.http("GET", path, headers={**PASSED, **headers})[0] == 403, path
    assert guarded.http("POST", "/_rehearsal/reset", {}, headers={**PASSED, **headers})[0] == 403


def test_another_host_in_absolute_form_is_another_host(guarded: Embedded) -> None:
    assert guarded.http("GET", "http://evil.example/_rehearsal/health", headers={"Host": "127.0.0.1"})[0] == 403
    assert guarded.http("GET", "//evil.example/_rehearsal/health", headers=PASSED)[0] == 404


def test_it_listens_on_loopback_alone() -> None:
    listening = server.listen(0)
    try:
        assert listening.server_address[0] == "127.0.0.1"
        assert reached(listening.server_address[1]) == []
    finally:
        listening.server_close()


# -- what cannot be read ----------------------------------------------------------------------------------------------


def raw(cloud: Embedded, sent: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    place = urlsplit(cloud.endpoint)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as connection:
        connection.sendall(sent)
        answer = b""
        while got := connection.recv(65536):
            answer += got
    return answer


HEAD = b"POST /_rehearsal/faults HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"Content-Length: 999999999999\r\n\r\n", 413),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: \xb2\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1e3\r\n\r\n", 400),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 5000 + b"\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET /_rehearsal/requests?since=%C2%B2 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 400),
    ],
)
def test_what_cannot_be_read_is_refused(cloud: Embedded, sent: bytes, status: int) -> None:
    assert raw(cloud, sent).startswith(f"HTTP/1.1 {status} ".encode())
    assert cloud.http("GET", "/_rehearsal/health")[0] == 200


def test_chunks_are_put_together(cloud: Embedded) -> None:
    spec = b'{"spec": ""}'
    chunks = b"".join(b"%x;a=b\r\n%c\r\n" % (1, byte) for byte in spec)
    head = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert b'{"spec":""}' in raw(cloud, head + chunks + b"0\r\n\r\n")


BODIES: list[Any] = [
    [], None, 7, "x", {"spec": []}, {"spec": "nonsense"}, {"containers": "x"}, {"containers": [1]},
    {"containers": [{"name": "x", "lines": 7}]}, {"containers": [{"name": "x", "exit_code": "y"}]},
]  # fmt: skip


@pytest.mark.parametrize("path", ["/_rehearsal/faults", "/_rehearsal/containers"])
@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_the_admin_refuses_what_it_does_not_understand(cloud: Embedded, path: str, body: Any) -> None:
    assert cloud.http("POST", path, body)[0] == 400
    deep = b"[" * 200_000
    sent = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(deep)}\r\n\r\n".encode()
    )
    assert raw(cloud, sent + deep).startswith(b"HTTP/1.1 400 ")


def test_many_half_requests_hold_up_nobody(cloud: Embedded) -> None:
    place = urlsplit(cloud.endpoint)
    address = (place.hostname or "", place.port or 0)
    open_ones = [socket.create_connection(address, timeout=10) for _ in range(50)]
    try:
        for one in open_ones:
            one.sendall(b"GET /_rehearsal/health HTTP/1.1\r\nHost: 127")
        assert cloud.http("GET", "/_rehearsal/health")[0] == 200
    finally:
        for one in open_ones:
            one.close()
    assert threading.active_count() < 1000
