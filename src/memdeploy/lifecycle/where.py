"""Where journals live, and what a journal alone says of a deployment. Loads no cloud and no configuration model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memdeploy.errors import UsageError
from memdeploy.state.deployments import Deployments
from memdeploy.state.journal import Journal


def deployments(state: str | None) -> Deployments:
    """`state` None: the user's own folder. Raises `UsageError` for a place that this version keeps no journals in."""
    if state is not None and "://" in state:
        raise UsageError(
            f"journals in {state} are not in this version",
            code="not-in-this-version",
            where="--state",
            suggestion="Name a folder.",
        )
    return Deployments(Path(state) if state else None)


def header(journal: Journal) -> dict[str, Any]:
    """What `Session.header` says, as far as the journal knows it."""
    configuration: Mapping[str, Any] = journal.configuration
    return {
        "deployment": journal.name,
        "provider": journal.provider,
        "target": _target(journal),
        "release": configuration.get("release"),
        "profile": configuration.get("profile"),
        "rehearsal": journal.rehearsal or False,
    }


def _target(journal: Journal) -> str:
    """`gcp acme-prod-1/europe-west1`, `local docker`: a path says nothing to a reader of a list."""
    parts = [str(part) for part in journal.identity.values() if not str(part).startswith("/")]
    return f"{journal.provider} {'/'.join(parts)}"
