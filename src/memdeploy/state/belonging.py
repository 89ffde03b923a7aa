"""Whose journal a place holds: a copy of another's is damage too, of a kind that reads well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memdeploy.errors import JournalError
from memdeploy.state.journal import Journal

SHARED = "_shared"
_ANEW = (
    "Nothing was changed. `memdeploy recover --name NAME` keeps a copy and writes it anew from what is there; NAME is"
    " any deployment of this project and region."
)


def check_own(journal: Journal, name: str, folder: Path, where: str) -> None:
    """Raises `JournalError` unless it is that deployment's."""
    if journal.name == name:
        return
    raise JournalError(
        f"{where} is the journal of {journal.name}, not of {name}: a copy, perhaps",
        code="journal-of-another",
        where=where,
        suggestion=f"Two journals of one deployment would undo each other's work: move {folder} away.",
    )


def check_shared(journal: Journal, wanted: Mapping[str, Any], where: str) -> None:
    """`wanted`: fields of the journal, of `identity` those that count. Raises `JournalError` unless it has them."""
    identity = wanted.get("identity", {})
    same = all(getattr(journal, key) == value for key, value in wanted.items() if key != "identity")
    if same and all(journal.identity.get(key) == value for key, value in identity.items()):
        return
    raise JournalError(
        f"{where} is the journal of {_named(journal.name, journal.identity)}, not of {_named(SHARED, identity)}: a"
        " copy, perhaps",
        code="journal-of-another",
        where=where,
        suggestion=_ANEW,
    )


def _named(name: str, identity: Mapping[str, Any]) -> str:
    """`_shared in acme-prod-1/europe-west1`."""
    place = "/".join(str(part) for part in identity.values())
    return f"{name} in {place}" if place else name


def advise_shared(error: JournalError) -> None:
    """What is shared has no name of its own that `recover` could be told."""
    if error.code == "journal-damaged":
        error.suggestion = _ANEW
