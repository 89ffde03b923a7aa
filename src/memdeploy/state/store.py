"""Where journals live, as contracts: a folder fulfils them now, object stores can later.

A journal is one snapshot under an epoch. Whoever takes a higher epoch has fenced off everybody below: their `save`
fails from then on, before they can act on what they tried to record. Small objects (leases) are written conditionally.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Conflict(Exception):
    """The object is not (or no longer) at the version that was expected."""


@dataclass(frozen=True)
class Stored:
    """A snapshot as it was found. `where` names it for people."""

    epoch: int
    data: bytes
    where: str


class JournalStore(Protocol):
    """One journal. Every method may raise `JournalError` when the place cannot be read or written."""

    where: str
    "Names the place for people."

    def load(self) -> Stored | None:
        """The snapshot that counts: of the highest epoch that has one. None when there is no journal."""
        ...

    def create(self, data: bytes) -> None:
        """The first snapshot, epoch 1. Raises `Conflict` when there is a journal."""
        ...

    def fence(self) -> Stored:
        """Takes the next epoch for the caller, whatever others hold, and returns it with the last snapshot that a
        lower epoch made durable. Nothing below can be committed any more. Raises `Conflict` when there is none."""
        ...

    def save(self, epoch: int, data: bytes) -> None:
        """Returns when durable. Raises `Locked(code='fenced')` when a higher epoch was taken."""
        ...

    def snapshots(self) -> tuple[Stored, ...]:
        """All that are there, the newest first, whatever they hold. What cannot be read at all is left out."""
        ...

    def set_aside(self, name: str) -> str | None:
        """Copies all that is there, durably, beside the journal under this name; where. None when there is nothing."""
        ...

    def seize(self) -> int:
        """As `fence`, whatever there is, damage or nothing at all: the epoch of who writes the journal anew."""
        ...


class ObjectStore(Protocol):
    """Small objects with conditional writes. Keys are `[a-z0-9-]+`; data is never empty. Every method may raise
    `JournalError` when the place cannot be read or written."""

    def read(self, key: str) -> tuple[bytes, int] | None:
        """Data and version; None when there is no such object."""
        ...

    def write(self, key: str, data: bytes, *, expect: int | None) -> int:
        """Writes if the object is at version `expect` (None: is not there); its new version. Raises `Conflict`."""
        ...

    def delete(self, key: str, *, expect: int) -> None:
        """Raises `Conflict` when it is not at that version."""
        ...

    def keys(self) -> list[str]:
        """Sorted."""
        ...
