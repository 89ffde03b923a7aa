"""The graph as data: golden steps, and that what a journal keeps suffices to rebuild every resource."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memdeploy.config.model import Deployment
from memdeploy.engine.clock import SystemClock
from memdeploy.errors import JournalError, Refused, UsageError
from memdeploy.providers import load
from memdeploy.providers.base import Context
from memdeploy.providers.gcp.cloud import GoogleCloud, open_cloud

GOLDEN = Path(__file__).parent / "golden"


def context(**options: Any) -> Context:
    values = {"provider": "gcp", "name": "demo", "gcp": {"project": "proj-1", "labels": {"team": "x"}}, **options}
    deployment = Deployment.model_validate(values)
    return Context(deployment, "abcdef123456", "x7k2", SystemClock(), Path("docker"))


def cloud(**options: Any) -> GoogleCloud:
    return open_cloud(context(**options))


def test_the_steps_are_these() -> None:
    graph = cloud().graph()
    found = {
        step.name: {
            "kind": step.resource.kind,
            "identity": dict(step.identity),
            "needs": sorted(graph.needs(step.name)),
            **({"scope": step.scope} if step.scope != "deployment" else {}),
            **({"keeps": sorted(step.keeps)} if step.keeps else {}),
            **({"outlives": sorted(step.outlives)} if step.outlives else {}),
        }
        for step in graph
    }
    assert found == json.loads((GOLDEN / "graph.json").read_text())


def test_titles_and_seconds_are_there_for_people() -> None:
    for step in cloud().graph():
        assert step.title, step.name
        assert step.seconds > 0, step.name


def test_the_longest_path_goes_through_cloud_sql() -> None:
    graph = cloud().graph()
    assert 480 < graph.seconds() < 900
    assert graph.weight("postgres.instance") > graph.weight("image")


def test_what_holds_data_says_so() -> None:
    assert [s.name for s in cloud().graph() if s.holds_data] == ["postgres.instance", "neo4j.disk"]


def test_everything_is_rebuilt_from_kind_and_identity() -> None:
    opened = cloud()
    for step in opened.graph():
        again = opened.rebuild(step.resource.kind, json.loads(json.dumps(dict(step.identity))))
        assert type(again) is type(step.resource)


def test_a_kind_of_a_newer_version_is_named() -> None:
    with pytest.raises(JournalError, match="teapot"):
        cloud().rebuild("teapot", {})


def test_shared_steps_stand_alone_for_their_own_destroy() -> None:
    opened = cloud()
    shared = [step.name for step in opened.graph() if step.scope == "shared"]
    assert sorted(shared) == sorted(step.name for step in opened.shared_graph())
    assert opened.shared_key == "gcp-proj-1-us-central1"


def test_a_secret_of_the_users_is_used_by_reference() -> None:
    graph = cloud(model={"key": {"secret": "team-openai/versions/3"}}).graph()
    assert graph["secret.model"].resource.kind == "secretmanager.referenced"
    assert graph["grants.model"].identity == {"on": "secret", "name": "team-openai"}


def test_neo4j_on_cloud_run_is_refused_with_the_reason() -> None:
    with pytest.raises(Refused, match="Bolt") as raised:
        cloud(neo4j={"mode": "cloud-run"})
    assert "vm" in (raised.value.suggestion or "")


EXTERNAL = {"mode": "external", "uri": "neo4j+s://graph.example.com"}
MACHINE = {
    "account.neo4j", "network.firewall", "neo4j.address", "neo4j.snapshots", "neo4j.disk", "neo4j.vm", "secret.neo4j",
    "secret.tls", "grants.neo4j", "grants.tls",
}  # fmt: skip
NETWORK = {"shared.network", "shared.range", "shared.peering", "network.subnet"}


def test_an_external_neo4j_needs_no_machine() -> None:
    steps = set(cloud(neo4j=EXTERNAL).graph().order())
    assert not steps & (MACHINE | {"neo4j.image"})
    assert steps >= NETWORK | {"secret.external", "grants.external"}


def test_a_sidecar_needs_its_image_and_no_machine() -> None:
    steps = set(cloud(neo4j={"mode": "sidecar"}).graph().order())
    assert not steps & MACHINE
    assert steps >= {"neo4j.image", "secret.sidecar", "grants.sidecar"}


@pytest.mark.parametrize("neo4j", [EXTERNAL, {"mode": "sidecar"}])
def test_with_the_connector_nothing_of_it_is_in_a_network_of_ours(neo4j: dict[str, str]) -> None:
    found = cloud(neo4j=neo4j, postgres={"connectivity": "connector"})
    steps = set(found.graph().order())
    assert not steps & (NETWORK | {"postgres.authority"})
    assert "grants.sql" in steps
    assert found.proof_of_use == ("image",)
    assert "network.subnet" not in found.graph()["postgres.instance"].keeps


def test_a_machine_with_the_connector_has_a_network_and_no_peering() -> None:
    steps = set(cloud(postgres={"connectivity": "connector"}).graph().order())
    assert steps >= MACHINE | {"shared.network", "shared.range", "network.subnet", "grants.sql"}
    assert "shared.peering" not in steps


def test_what_another_mode_left_behind_is_known_with_its_order_and_needs() -> None:
    now = cloud(neo4j=EXTERNAL, postgres={"connectivity": "connector"})
    every = now.everything()
    assert set(every.order()) >= set(now.graph().order()) | MACHINE | NETWORK | {"secret.sidecar"}
    assert "secret.neo4j" in every["neo4j.disk"].keeps
    assert "neo4j.vm" in every.downstream(["neo4j.disk"])
    assert every["service"].inputs == now.graph()["service"].inputs


def test_a_project_is_needed() -> None:
    with pytest.raises(UsageError) as raised:
        cloud(gcp={})
    assert "--project" in (raised.value.suggestion or "")


@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_other_providers_say_so(provider: str) -> None:
    with pytest.raises(UsageError, match="not in this version"):
        load(provider)


def test_opening_loads_no_sdk() -> None:
    code = (
        "import sys; from tests.unit.providers.gcp.test_graph import cloud; cloud().graph(); "
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('google', 'googleapiclient', 'docker', 'requests', 'httplib2')])"
    )
    root = Path(__file__).parents[4]
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
