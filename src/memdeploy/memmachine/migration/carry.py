"""Carries projects and their memories; each call converges, so that it may be repeated after whatever ended it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from memdeploy.errors import Refused
from memdeploy.memmachine.api import ApiError, Client
from memdeploy.memmachine.migration.pairing import Pairing, batches, held
from memdeploy.memmachine.migration.sets import Selectors
from memdeploy.memmachine.migration.state import State
from memdeploy.memmachine.records import Episode, Project, ProjectId

QUIET = {"enabled": True, "long_term_memory_enabled": True, "short_term_memory_enabled": False}
"""While memories come in: short-term memory would have a language model summarise them over and over."""
DELETE = 500
SETTLING = 30.0
"""Seconds, in one pass, for requests of a process that was ended: MemMachine finishes them all the same."""


@dataclass
class Carried:
    """What one pass over the old side did on the new one. `seen`: memories of the old side."""

    seen: int = 0
    added: int = 0
    found: int = 0
    removed: int = 0

    def add(self, other: Carried) -> None:
        self.seen += other.seen
        self.added += other.added
        self.found += other.found
        self.removed += other.removed


@dataclass(frozen=True)
class Sides:
    """`default_config`: projects take the new side's own models, where those of the old have other ids there."""

    old: Client
    new: Client
    state: State
    default_config: bool = False
    batch: int = 50
    sleep: Callable[[float], None] = time.sleep


def project(sides: Sides, wanted: ProjectId) -> Project | None:
    """Makes it on the new side; None when it is gone from the old one meanwhile."""
    old = sides.old.project(wanted)
    if old is None:
        return None
    if sides.new.project(wanted) is None:
        sides.state.make(wanted)
        _create(sides, old)
    if wanted not in sides.state.ours:
        raise Refused(
            f"{wanted} exists on the new side, and this migration did not make it", code="migrate-not-empty",
            where=str(wanted), suggestion="Carry memories only into a deployment that nobody has used yet.",
        )  # fmt: skip
    return old


def _create(sides: Sides, old: Project) -> None:
    try:
        sides.new.create_project(old, with_config=not sides.default_config)
    except ApiError as error:
        if error.status == 409:  # a lost answer
            return
        if error.status in (422, 500) and not sides.default_config:
            raise Refused(
                f"the new side does not take the configuration of {old.id}", code="migrate-config", where=str(old.id),
                suggestion="It names models that the new side has under other ids; carry it with the new side's own.",
            ) from error  # fmt: skip
        raise


def episodes(
    sides: Sides, wanted: ProjectId, selectors: Selectors, moved: Callable[[int], None] = lambda count: None
) -> Carried:
    """One pass: what is missing is sent, what is there is left, what the old side no longer has is removed."""
    done, settling = Carried(), Settling(sides)
    there = held(sides.new.episodes(wanted))
    noted = {old: new for old, new in sides.state.uids.get(wanted, {}).items() if new in there}
    pairing = Pairing(sides.old.episodes(wanted), there, noted)
    if len(there) < 1:
        sides.new.set_flags(wanted, QUIET)
    for batch in batches(_to_send(sides, wanted, pairing, selectors, settling, done, moved), sides.batch):
        new = sides.new.add(wanted, batch)
        sides.state.carried(wanted, {episode.uid: uid for episode, uid in zip(batch, new, strict=True)})
        done.added += len(batch)
        moved(len(batch))
    done.seen = pairing.count
    _remove(sides, wanted, pairing.extra)
    if pairing.gone:
        sides.state.gone(wanted, pairing.gone)
    done.removed = len(pairing.extra)
    return done


def _to_send(
    sides: Sides, wanted: ProjectId, pairing: Pairing, selectors: Selectors, settling: Settling, done: Carried,
    moved: Callable[[int], None],
) -> Iterator[Episode]:  # fmt: skip
    for verdict in pairing:
        selectors.see(wanted, verdict.episode)
        if verdict.kind == "missing":
            yield verdict.episode
        elif verdict.kind == "unnoted" and not settling.whole(wanted, verdict.episode, verdict.uid):
            # Its answer was lost or an error, and only a part of it was stored.
            _remove(sides, wanted, [verdict.uid])
            yield verdict.episode
        else:
            if verdict.kind == "unnoted":
                sides.state.carried(wanted, {verdict.episode.uid: verdict.uid})
            done.found += 1
            moved(1)


class Settling:
    """Looks for memories whose request nobody saw end. One that is removed while MemMachine still writes it would stay
    in the graph alone, so each is waited for, all of them together for SETTLING seconds."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._left = SETTLING

    def whole(self, wanted: ProjectId, episode: Episode, uid: str) -> bool:
        while not found(self._sides.new, wanted, episode, uid):
            if self._left <= 0:
                return False
            self._left -= 1.0
            self._sides.sleep(1.0)
        return True


def found(client: Client, wanted: ProjectId, episode: Episode, uid: str) -> bool:
    """Whether search finds this very memory: only then is it in both stores. Many may have the same text."""
    return any(any(one.uid == uid for one in client.search(wanted, episode.content, top=top)) for top in (20, 200))


def _remove(sides: Sides, wanted: ProjectId, uids: Sequence[str]) -> None:
    for start in range(0, len(uids), DELETE):
        sides.new.delete_episodes(wanted, uids[start : start + DELETE])


def flags(sides: Sides, old: Project) -> None:
    """The old side's switches, once the memories are there."""
    new = sides.new.project(old.id)
    if new is not None and dict(new.flags) != dict(old.flags):
        sides.new.set_flags(old.id, old.flags)


def leftovers(sides: Sides, projects: Sequence[ProjectId]) -> int:
    """Removes projects that are gone from the old side; how many."""
    gone = sides.state.ours - set(projects)
    for wanted in gone:
        sides.new.delete_project(wanted)
        sides.state.removed(wanted)
    return len(gone)
