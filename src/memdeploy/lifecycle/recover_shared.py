"""What deployments share has a journal of its own, which may be lost as well. Its names are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from memdeploy.engine.ledger import StepRecord
from memdeploy.errors import JournalError
from memdeploy.lifecycle import configuration
from memdeploy.lifecycle.changing import SHARED_WAIT
from memdeploy.lifecycle.session import Session, shared_place
from memdeploy.state.belonging import SHARED
from memdeploy.state.deployments import Place
from memdeploy.state.journal import Journal

LOST = frozenset({"journal-damaged", "journal-of-another"})
"""Codes of a journal that says nothing of what it ought to. A newer version's says it to others."""


def damaged(opened: Session) -> bool:
    """Raises `JournalError` for one of a newer version."""
    return opened.shared is not None and _readable(opened.shared) is None


def write(found: Session, records: Mapping[str, StepRecord]) -> str | None:
    """Writes it anew, with these records, unless another run did so meanwhile. Where the copy of a damaged one is."""
    place = shared_place(found, create=True)
    if place is None:  # pragma: no cover - made by the line above
        raise AssertionError
    drawn = found.deployments.draft(
        SHARED, provider=str(found.deployment.provider), identity=configuration.shared_identity(found.deployment),
        binding=found.stage.binding, configuration={},
    )  # fmt: skip
    journal = replace(drawn, id=found.cloud.shared_marker, suffix="", steps=records)
    with place.acquire(found.request.command, wait=SHARED_WAIT, cancel=found.request.cancel) as lease:
        before = _readable(place)
        if before is not None and before.steps:
            return None
        kept = place.rebuild(lease, journal)
        return kept if before is None else None


def _readable(place: Place) -> Journal | None:
    try:
        return place.read()
    except JournalError as error:
        if error.code not in LOST:
            raise
        return None
