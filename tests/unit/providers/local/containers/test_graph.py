"""The steps, and what stands on what."""

from __future__ import annotations

from pathlib import Path

from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.lifecycle.removal import removal
from memdeploy.providers.local.containers import graph
from memdeploy.providers.local.containers.cloud import Containers
from tests.unit.providers.local.containers.made import scope

EXTERNAL = {"mode": "external", "uri": "neo4j+s://db.example.com", "password": {"env": "NEO"}}
OPENAI = {"provider": "openai"}


def test_nothing_is_made_before_preflight() -> None:
    made = graph.deployment(scope())
    first = {step.name for step in made if not made.needs(step.name)}
    assert first == {"preflight"}


def test_the_service_comes_after_databases_model_and_their_preparation() -> None:
    made = graph.deployment(scope())
    assert {"prepare", "postgres.server", "neo4j.server", "model.server", "image"} <= made.upstream(["service"])


def test_other_configurations_have_other_steps_and_everything_has_them_all() -> None:
    own, other = graph.deployment(scope()), graph.deployment(scope(neo4j=EXTERNAL, model=OPENAI))
    names, others = {step.name for step in own}, {step.name for step in other}
    assert names - others == {"secret.neo4j", "neo4j.image", "neo4j.volume", "neo4j.server", "model.server"}
    assert others - names == {"secret.external"}
    for one in (scope(), scope(neo4j=EXTERNAL, model=OPENAI)):
        assert {step.name for step in graph.everything(one)} == names | others


def test_without_delete_data_stays_what_the_data_needs_to_live_again() -> None:
    made = graph.everything(scope())
    records = {step.name: StepRecord(step.name, status=Status.DONE) for step in graph.deployment(scope())}
    kept = removal(made, records, delete_data=False)
    assert set(kept.retain) == {"postgres.volume", "neo4j.volume"}
    assert set(kept.keep) == {"folder", "secret.postgres", "secret.neo4j", "image"}
    assert {"service", "neo4j.server", "postgres.server", "network", "secret.model"} <= set(kept.remove)
    gone = removal(made, records, delete_data=True)
    assert (gone.retain, gone.keep) == ((), ())
    assert {"postgres.volume", "folder", "image"} <= set(gone.remove)
    assert not {"postgres.image", "neo4j.image"} & set(gone.remove)


def test_every_kind_is_rebuilt_from_a_journal() -> None:
    place = scope()
    cloud = Containers(place)
    for step in graph.everything(place):
        assert type(cloud.rebuild(step.resource.kind, step.identity)) is type(step.resource)


def test_copies_are_made_while_the_service_is_at_rest(tmp_path: Path) -> None:
    for word, made in (("dump", graph.dumping(scope(), tmp_path)), ("load", graph.loading(scope(), tmp_path))):
        parts = {f"{word}.postgres", f"{word}.neo4j"}
        assert {step.name for step in made} == {"service.stop", "service.start", *parts}
        assert all(step.transient for step in made)
        assert all("service.stop" in made.needs(part) for part in parts)
        assert set(made.needs("service.start")) == parts


def test_somebody_elses_neo4j_is_not_copied(tmp_path: Path) -> None:
    made = graph.dumping(scope(neo4j=EXTERNAL), tmp_path)
    assert {step.name for step in made} == {"service.stop", "dump.postgres", "service.start"}
