"""A deployment brought to another release, and back to what an archive holds: what `upgrade` and `rollback` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.engine.results import RunResult
from memdeploy.errors import JournalError
from memdeploy.lifecycle import configuration
from memdeploy.lifecycle.changing import Changing, shared_at_rest
from memdeploy.lifecycle.loading import load
from memdeploy.lifecycle.unfinished import PREVIOUS, RESTORING, RETURNING, UPGRADE
from memdeploy.state.journal import DeploymentStatus


def to(changing: Changing, deployment: Deployment) -> Changing:
    """The same command on another configuration of the deployment."""
    return replace(changing, session=changing.session.of(deployment, changing.journal))


def deploy(changing: Changing) -> RunResult:
    """Every step as this configuration wants it, to the memory that is stored and found."""
    opened = changing.session
    return changing.runner(opened.graph, shared_at_rest(opened)).ensure(opened.observe())


def back(changing: Changing, upgrade: Mapping[str, Any], why: str) -> RunResult:
    """The databases as the archive holds them, then the earlier release on them. `upgrade` is the fact of that name;
    from the first byte that is replaced it says that only this goes on. Raises what went wrong with the data."""
    deployment = earlier(changing, upgrade)
    # First what it runs with: what is loaded is counted by the release that wrote it.
    found = _ready(to(changing, deployment))
    if not found.ok:
        return found
    returning = {UPGRADE: {**upgrade, RETURNING: why}}
    load(
        to(changing, deployment),
        Path(str(upgrade["archive"])),
        start_again=False,
        replacing=lambda: changing.writer.update(facts=returning),
    )
    found = deploy(to(changing, deployment))
    if found.ok:
        facts = {UPGRADE: None, PREVIOUS: None, RESTORING: None}
        settled = deployment.model_dump(mode="json")
        changing.writer.update(status=DeploymentStatus.READY, configuration=settled, facts=facts)
    return found


def _ready(changing: Changing) -> RunResult:
    """Everything that the databases' preparation needs, and not that itself."""
    opened = changing.session
    graph = opened.graph.only(opened.graph.needs(opened.cloud.examiner))
    return changing.runner(graph, shared_at_rest(opened)).ensure(replace(opened, graph=graph).observe())


def earlier(changing: Changing, upgrade: Mapping[str, Any]) -> Deployment:
    """The configuration before that upgrade. Raises `JournalError` for one that this version does not know."""
    known = upgrade.get("configuration")
    if not isinstance(known, Mapping):
        raise JournalError(f"the journal of {changing.journal.name} does not say what was before the upgrade")
    return configuration.recorded(replace(changing.journal, configuration=known))
