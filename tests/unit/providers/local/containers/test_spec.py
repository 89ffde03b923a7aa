"""What a container is made from, and when two descriptions are the same."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from memdeploy.providers.local.containers import spec as specs
from memdeploy.providers.local.containers.found import Found, seen
from memdeploy.providers.local.containers.spec import Powers, Sealed, Spec
from memdeploy.providers.local.sizes import Size
from memdeploy.secret import Secret, SecretRef

CANARY = "canary-7f1c"
REF = SecretRef("neo4j", "1")
SPEC = Spec(
    name="trial-x7k2-api", role="service", image="sha256:aa", size=Size(512, 2.0),
    environment={"WHERE": "postgres", "KEY": Sealed(REF, "neo4j/")}, network="net", network_id="n1",
    port=(8080, 18080), ready=("true",),
)  # fmt: skip
ABLE = Powers(cpus=4)


def arguments(spec: Spec = SPEC) -> dict[str, Any]:
    return specs.arguments(spec, ABLE, {"memdeploy": "abc"}, lambda ref: Secret(CANARY))


def test_a_secret_is_in_the_environment_alone() -> None:
    made = arguments()
    assert made["environment"] == {"WHERE": "postgres", "KEY": f"neo4j/{CANARY}"}
    rest = {name: value for name, value in made.items() if name != "environment"}
    assert CANARY not in json.dumps([rest, specs.host(SPEC, ABLE), SPEC.settings])


@pytest.mark.parametrize(
    "change",
    [
        {"environment": {**SPEC.environment, "WHERE": "elsewhere"}},
        {"environment": {**SPEC.environment, "KEY": Sealed(SecretRef("neo4j", "2"), "neo4j/")}},
        {"network_id": "n2"},
        {"command": ("other",)},
        {"volumes": {"data": "/data"}},
        {"read_only": False},
        {"user": "0"},
        {"ready": ("false",)},
        {"stop_seconds": 5},
        {"stop_signal": "SIGINT"},
        {"hosts": {"a": "b"}},
    ],
)
def test_whatever_the_engine_does_not_show_is_in_the_settings(change: dict[str, Any]) -> None:
    assert dataclasses.replace(SPEC, **change).settings != SPEC.settings


def test_what_counts_at_birth_alone_is_no_reason_to_make_it_anew() -> None:
    assert dataclasses.replace(SPEC, birth={"PASSWORD": "drawn anew"}).settings == SPEC.settings


def test_an_engine_without_limits_is_not_asked_for_any() -> None:
    host = specs.host(SPEC, Powers(cpus=4, memory=False, shares=False))
    assert not {"mem_limit", "nano_cpus"} & set(host)
    wanted = specs.wanted(SPEC, Powers(cpus=4, memory=False, shares=False))
    assert (wanted["memory_mb"], wanted["cpus"]) == (0, 0.0)


def test_where_run_is_the_engines_own_a_server_that_needs_it_gets_a_root_to_write_to() -> None:
    """podman 4.3 answered GET /info with BuildahVersion; Docker does not know it."""
    podman = Powers.of({"NCPU": 2, "BuildahVersion": "1.28.2"})
    needs = dataclasses.replace(SPEC, tmpfs={"/tmp": "", "/var/run/postgresql": ""})
    assert (specs.host(needs, podman)["read_only"], specs.host(needs, podman)["tmpfs"]) == (False, {"/tmp": ""})
    assert specs.host(SPEC, podman)["read_only"] is True
    assert specs.host(needs, ABLE)["read_only"] is True


def test_no_more_processors_than_there_are() -> None:
    assert specs.host(SPEC, Powers(cpus=1))["nano_cpus"] == 1_000_000_000
    assert Powers.of({"NCPU": 2, "MemoryLimit": True, "CpuCfsQuota": False}) == Powers(2, True, False)


def test_ports_are_on_the_loopback_address_and_nothing_is_allowed() -> None:
    host = specs.host(SPEC, ABLE)
    assert host["port_bindings"] == {8080: ("127.0.0.1", 18080)}
    assert (host["cap_drop"], host["security_opt"], host["read_only"]) == (["ALL"], ["no-new-privileges"], True)
    assert specs.host(dataclasses.replace(SPEC, network=None), ABLE)["network_mode"] == "none"


def inspected(**changes: Any) -> dict[str, Any]:
    """As the engine answers for a container made from `SPEC`."""
    made = arguments()
    return {
        "Id": "1", "Name": f"/{SPEC.name}", "Image": SPEC.image, "RestartCount": 0,
        "Config": {"Labels": made["labels"]},
        "State": {"Status": "running", "ExitCode": 0},
        "HostConfig": {
            "Memory": 512 * 1024 * 1024, "NanoCpus": 2_000_000_000, "RestartPolicy": {"Name": "unless-stopped"},
            "PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]},
        },
        **changes,
    }  # fmt: skip


def test_what_was_made_is_seen_as_it_was_wanted() -> None:
    assert seen(Found(inspected(), answers=True)) == specs.wanted(SPEC, ABLE)


def test_drift_is_seen() -> None:
    attrs = inspected()
    attrs["HostConfig"] |= {"RestartPolicy": {"Name": "no"}, "PortBindings": None, "Memory": 0}
    assert seen(Found(attrs, answers=True)) == {
        **specs.wanted(SPEC, ABLE), "restart": "no", "port": None, "memory_mb": 0,
    }  # fmt: skip


def test_memory_that_ran_out_is_said_before_any_exit_code() -> None:
    state = {"Status": "exited", "ExitCode": 137, "OOMKilled": True}
    assert "memory" in Found(inspected(State=state), answers=False).ended()
