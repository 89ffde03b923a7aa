"""Several containers of MemMachine: their names, their ports, and that what was made is what was wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from memdeploy.engine.step import Run, Unknown
from memdeploy.providers.local.containers import spec as specs
from memdeploy.providers.local.containers.container import ANEW
from memdeploy.providers.local.containers.found import Found
from memdeploy.providers.local.containers.service import Service
from memdeploy.providers.local.containers.spec import Powers
from memdeploy.secret import Secret
from tests.unit.providers.local.containers.made import scope

SECRETS = {name: {"secret": name, "version": "1"} for name in ("postgres_password", "neo4j_password", "model_key")}
INPUTS = {"image": "sha256:aa", "network": "net", "network_id": "n1", **SECRETS}
INFO = {"NCPU": 2}


@dataclass
class Noting:
    """The part of a run that is used here."""

    inputs: dict[str, Any] = field(default_factory=lambda: dict(INPUTS))
    notes: dict[str, Any] = field(default_factory=dict)

    def note(self, **facts: Any) -> None:
        self.notes |= facts

    @property
    def run(self) -> Run:
        return cast(Run, self)


def service(instances: int, port: int = 18080) -> Service:
    place = {"runtime": "docker", "port": port, "folder": "/nowhere"}
    made = scope(service={"instances": {"min": instances}}, local=place)
    made.engine.__dict__["info"] = INFO  # what the engine would have told
    return Service(made, "trial-x7k2-api")


def as_made(one: Service, run: Run) -> tuple[Found, ...]:
    """As the engine shows what was made from these descriptions, by name."""
    found = []
    for spec in one.specs(run):
        made = specs.arguments(spec, Powers.of(INFO), {}, lambda ref: Secret("x"))
        host = specs.host(spec, Powers.of(INFO))
        bindings = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(spec.port[1])}]} if spec.port else {}
        attrs = {
            "Id": spec.name, "Name": f"/{spec.name}", "Image": spec.image, "Config": {"Labels": made["labels"]},
            "State": {"Status": "running", "ExitCode": 0},
            "HostConfig": {
                "Memory": int(host["mem_limit"][:-1]) << 20, "NanoCpus": host["nano_cpus"],
                "RestartPolicy": host["restart_policy"], "PortBindings": bindings,
            },
        }  # fmt: skip
        found.append(Found(attrs, answers=True))
    return tuple(sorted(found, key=lambda one: one.name))


@pytest.mark.parametrize("instances", [1, 3, 12])
def test_what_was_made_is_what_was_wanted(instances: int) -> None:
    one, noting = service(instances), Noting()
    one.choose(noting.run)
    live = as_made(one, noting.run)
    assert one.view(live) == one.desired(noting.run)
    assert one.differences(one.desired(noting.run), one.view(live[:-1]) if instances > 1 else {})


def test_ports_are_chosen_once_and_are_all_others() -> None:
    one, noting = service(4), Noting()
    one.choose(noting.run)
    first = dict(noting.notes["ports"])
    ports = [18080, *first.values()]
    assert len(set(ports)) == 4
    one.choose(noting.run)
    assert noting.notes["ports"] == first
    uris = one.outputs(noting.run, ())["uris"]
    assert uris == [f"http://127.0.0.1:{port}" for port in ports]


def test_fewer_or_another_first_port_give_up_what_is_not_theirs_any_more() -> None:
    noting = Noting()
    service(3).choose(noting.run)
    second = noting.notes["ports"]["2"]
    service(2, port=second).choose(noting.run)
    assert list(noting.notes["ports"]) == ["2"]
    assert noting.notes["ports"]["2"] != second


def test_a_plan_that_does_not_know_the_image_yet_says_so() -> None:
    noting = Noting({**INPUTS, "image": Unknown("image", "reference")})
    assert service(1).desired(noting.run)["settings"] == Unknown("image", "reference")
    assert set(service(1).effects) == set(ANEW)
