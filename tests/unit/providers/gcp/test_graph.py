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


@pytest.mark.parametrize("mode", ["external", "sidecar"])
def test_later_modes_say_so(mode: str) -> None:
    with pytest.raises(UsageError, match="not in this version"):
        cloud(neo4j={"mode": mode})


def test_a_project_is_needed() -> None:
    with pytest.raises(UsageError) as raised:
        cloud(gcp={})
    assert "--project" in (raised.value.suggestion or "")


@pytest.mark.parametrize("provider", ["aws", "azure", "local"])
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
