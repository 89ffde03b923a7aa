"""Injected faults look to the clients like Google's own: in each service's words; reads lag only where they may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memdeploy.errors import ErrorKind
from memdeploy.providers.gcp import errors
from memdeploy.rehearsal.injected import UNSEEN
from tests.contract.rehearsal.embedded import NUMBER, PROJECT, Embedded, embedded

NETWORKS = ("GET", f"/compute/compute/v1/projects/{PROJECT}/global/networks")
INSTANCES = ("GET", f"/sqladmin/v1/projects/{PROJECT}/instances")
SECRETS = ("GET", f"/secretmanager/v1/projects/{PROJECT}/secrets")
SECRET = f"/secretmanager/v1/projects/{PROJECT}/secrets/key"
ACCOUNTS = f"/iam/v1/projects/{PROJECT}/serviceAccounts"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path) as made:
        yield made


def kind(cloud: Embedded, asked: tuple[str, str]) -> tuple[int, ErrorKind]:
    """The status, and what memdeploy makes of the answer."""
    status, _, body = cloud.http(*asked)
    return status, errors.from_json(status, body, service=asked[1].split("/")[1]).kind


@pytest.mark.parametrize("asked", [NETWORKS, INSTANCES, SECRETS])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("400", ErrorKind.INVALID),
        ("401", ErrorKind.UNAUTHENTICATED),
        ("403", ErrorKind.PERMISSION),
        ("429", ErrorKind.RATE_LIMIT),
        ("500", ErrorKind.UNAVAILABLE),
        ("503", ErrorKind.UNAVAILABLE),
    ],
)
def test_an_error_is_what_it_says_in_every_dialect(
    cloud: Embedded, asked: tuple[str, str], fault: str, expected: ErrorKind
) -> None:
    cloud.app.set_faults(f"{fault}@*=1x")
    assert kind(cloud, asked)[1] is expected
    assert cloud.http(*asked)[0] == 200


def test_too_many_requests_are_403_of_compute_engine_and_429_elsewhere(cloud: Embedded) -> None:
    cloud.app.set_faults("429@*=3x")
    assert [kind(cloud, asked)[0] for asked in (NETWORKS, INSTANCES, SECRETS)] == [403, 429, 429]
    cloud.app.set_faults("429@*=1x")
    error = json.loads(cloud.http(*SECRETS)[2])["error"]
    assert f"consumer 'project_number:{NUMBER}'" in error["message"]


def test_credentials_expire_after_so_many_requests_and_are_good_again_when_faults_are_set_anew(cloud: Embedded) -> None:
    cloud.http(*SECRETS)
    cloud.app.set_faults("expires=2")
    assert [cloud.http(*SECRETS)[0] for _ in range(4)] == [200, 200, 401, 401]
    cloud.app.set_faults("")
    assert cloud.http(*SECRETS)[0] == 200


def make_secret(cloud: Embedded) -> None:
    cloud.http("POST", f"{SECRETS[1]}?secretId=key", {"replication": {"automatic": {}}})
    cloud.http("POST", f"{SECRET}:addVersion", {"payload": {"data": "YQ=="}})


def read(cloud: Embedded, path: str) -> tuple[int, Any]:
    status, _, body = cloud.http("GET", path)
    return status, json.loads(body)


def test_what_was_just_made_may_be_missed_by_a_read_of_secrets_and_accounts(cloud: Embedded) -> None:
    make_secret(cloud)
    cloud.http("POST", ACCOUNTS, {"accountId": "runner-1"})
    cloud.app.set_faults("unseen=1")
    assert read(cloud, SECRET)[0] == 404
    assert read(cloud, f"{SECRET}/versions")[1].get("versions", []) == []
    assert read(cloud, ACCOUNTS)[1].get("accounts", []) == []
    cloud.clock.advance(UNSEEN + 1)
    assert read(cloud, SECRET)[0] == 200
    assert len(read(cloud, f"{SECRET}/versions")[1]["versions"]) == len(read(cloud, ACCOUNTS)[1]["accounts"]) == 1


def test_a_read_that_lags_changes_nothing_and_strong_ones_do_not_lag(cloud: Embedded) -> None:
    make_secret(cloud)
    cloud.network()
    cloud.app.set_faults("unseen=1")
    assert read(cloud, SECRET)[0] == 404
    assert read(cloud, f"{SECRET}/versions/1:access")[0] == 200
    assert [item["name"] for item in read(cloud, NETWORKS[1])[1]["items"]] == ["net"]
    assert cloud.http("POST", f"{SECRETS[1]}?secretId=key", {"replication": {"automatic": {}}})[0] == 409
    cloud.app.set_faults("")
    assert read(cloud, SECRET)[0] == 200
