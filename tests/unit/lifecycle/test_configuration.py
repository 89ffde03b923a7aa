"""Which configuration counts, and what it may not contradict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memdeploy.engine.step import Effect
from memdeploy.errors import JournalError, Refused, UsageError
from memdeploy.lifecycle import configuration
from memdeploy.lifecycle.rehearsing import Stage
from memdeploy.lifecycle.request import Request
from memdeploy.providers.base import RehearsalTarget
from tests.unit.lifecycle.toys import deployment, journal, record

REHEARSED = Stage("r1", RehearsalTarget("r1", "http://127.0.0.1:1"), space="10.72.0.0/15")
CONTAINERS = Stage("r1", RehearsalTarget("r1", "http://127.0.0.1:1", containers=True), space="10.72.0.0/15")


def test_nobody_names_a_provider() -> None:
    with pytest.raises(UsageError):
        configuration.wanted(Request("up"), None)


def test_a_file_counts_before_the_journal() -> None:
    file = deployment(service={"instances": {"max": 7}})
    chosen = configuration.wanted(Request("up", deployment=file, from_file=True), journal())
    assert chosen.service.instances.max == 7


def test_without_a_file_flags_lie_over_the_journal_and_defaults_do_not() -> None:
    before = journal(configuration=deployment(service={"instances": {"max": 7}}))
    line = Request("up", deployment=deployment(), given={"release": "0.4.0", "service.instances.min": 1})
    chosen = configuration.wanted(line, before)
    assert (chosen.service.instances.min, chosen.service.instances.max) == (1, 7)


@pytest.mark.parametrize(
    "changes", [{"gcp": {"project": "proj-2"}}, {"gcp": {"project": "proj-1", "region": "us-east1"}}]
)
def test_project_and_region_are_fixed_at_birth(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError) as raised:
        configuration.check_identity(journal(), deployment(**changes))
    assert raised.value.code == "identity"


@pytest.mark.parametrize(
    ("release", "error", "nearest"), [("0.1.10", Refused, "0.2.6"), ("0.3.5", UsageError, "0.3.9"), ("0.4.0", None, "")]
)
def test_what_is_not_deployed_is_refused_with_the_nearest_that_is(
    release: str, error: type[Exception] | None, nearest: str
) -> None:
    if error is None:
        return configuration.check_deployable(deployment(release=release))
    with pytest.raises(error) as raised:
        configuration.check_deployable(deployment(release=release))
    assert nearest in str(raised.value.suggestion)  # type: ignore[attr-defined]
    return None


def test_a_journalled_configuration_that_nobody_knows_is_told_as_that() -> None:
    later = replace(journal(), configuration={"provider": "gcp", "gcp": {"later": {"key": 1}}})
    with pytest.raises(JournalError) as raised:
        configuration.recorded(later)
    assert (int(raised.value.exit_code), raised.value.where) == (6, "gcp.later")


@pytest.mark.parametrize("status", ["ready", "retained"])
@pytest.mark.parametrize("model", [{"embedding": "text-embedding-3-large"}, {"dimensions": 256}])
def test_stored_vectors_fix_the_embedding_model(status: str, model: dict[str, object]) -> None:
    [found] = configuration.forbidden(journal(status), deployment(model=model))
    assert (found.field, found.effect) == (f"model.{next(iter(model))}", Effect.FORBIDDEN)
    assert "no longer be found" in (found.reason or "")


@pytest.mark.parametrize("status", ["deploying", "failed"])
def test_an_up_that_ended_badly_after_the_service_stood_has_fixed_it_too(status: str) -> None:
    standing = {"service": replace(record("service"), outputs={"uri": "https://x"})}
    wanted = deployment(model={"dimensions": 256})
    assert configuration.forbidden(journal(status, steps=standing), wanted)
    assert configuration.forbidden(journal(status), wanted) == ()


def test_before_the_first_up_nothing_is_fixed() -> None:
    assert configuration.forbidden(journal("new"), deployment(model={"dimensions": 256})) == ()


def test_another_provider_of_the_same_embedding_model_is_fine() -> None:
    other = deployment(model={"base_url": "https://llm.example.com/v1", "chat": "qwen3"})
    assert configuration.forbidden(journal("ready"), other) == ()


def test_what_brings_nothing_about_takes_a_deployment_as_it_is() -> None:
    edited = deployment(model={"dimensions": 256, "chat": "gpt-5"}, release="0.5.0")
    found = configuration.as_it_is(journal("ready"), edited)
    assert (found.model.dimensions, found.model.chat, found.release) == (1536, "gpt-5", "0.4.0")
    assert configuration.as_it_is(journal("new"), edited) == edited


def test_another_release_is_an_upgrade() -> None:
    with pytest.raises(Refused) as raised:
        configuration.check_release(journal("ready"), deployment(release="0.5.0"))
    assert raised.value.code == "upgrade-needed"


def test_a_rehearsal_takes_any_project_and_answers_offline_without_an_endpoint() -> None:
    rehearsed = configuration.staged(deployment(gcp={}), REHEARSED)
    assert rehearsed.gcp.project == configuration.REHEARSAL_PROJECT
    assert rehearsed.model.provider == "offline"
    own = deployment(model={"base_url": "http://127.0.0.1:9/v1"})
    assert configuration.staged(own, REHEARSED).model.provider == "openai"


def test_only_containers_need_the_hosts_free_space() -> None:
    assert configuration.staged(deployment(), REHEARSED).gcp.network.space is None
    assert configuration.staged(deployment(), CONTAINERS).gcp.network.space == "10.72.0.0/15"
    chosen = deployment(gcp={"project": "proj-1", "network": {"space": "10.80.0.0/15"}})
    assert configuration.staged(chosen, CONTAINERS).gcp.network.space == "10.80.0.0/15"


def test_the_real_cloud_needs_a_project_and_a_real_model() -> None:
    with pytest.raises(UsageError, match="project"):
        configuration.staged(deployment(gcp={}), Stage())
    with pytest.raises(UsageError, match="offline"):
        configuration.staged(deployment(model={"provider": "offline"}), Stage())


@pytest.mark.parametrize(
    ("request_", "provider"),
    [
        (Request("up", interactive=True), "local"),
        (Request("up", interactive=True, given={"release": "0.3.9"}), "local"),
        (Request("up", interactive=False), None),
        (Request("up", interactive=True, from_file=True), None),
        (Request("up", interactive=True, rehearse=True), None),
    ],
)
def test_who_names_nothing_at_a_terminal_deploys_here(request_: Request, provider: str | None) -> None:
    if provider is None:
        with pytest.raises(UsageError):
            configuration.wanted(request_, None)
        return
    chosen = configuration.wanted(request_, None)
    assert (str(chosen.provider), chosen.release) == (provider, request_.given.get("release", "0.4.0"))
