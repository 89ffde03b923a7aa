"""What there is to carry, what cannot be carried, and whether the new side may take it. Reads only.

What cannot be carried was read in the sources of memmachine-server 0.3.9 and 0.4.0 (server/api_v2/router.py,
semantic_memory/semantic_session_manager.py, episodic_memory/short_term_memory), each time by looking for a call that
gives it and for one that takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from memdeploy.errors import Refused
from memdeploy.memmachine.api import Client
from memdeploy.memmachine.migration import categories, theirs
from memdeploy.memmachine.migration.sets import Selectors
from memdeploy.memmachine.migration.state import State
from memdeploy.memmachine.records import ProjectId
from memdeploy.memmachine.releases import numbers

OLDEST = (0, 3, 9)


@dataclass(frozen=True)
class Loss:
    """`code` is a stable word. `names`: which, where the API can tell."""

    code: str
    text: str
    names: tuple[str, ...] = ()


ALWAYS = (
    Loss("uids", "Memories get new uids: the new side draws them itself. Whoever noted old ones must look again."),
    Loss("feature-ids", "Features get new ids, and the times at which they were learned are not carried."),
    Loss("project-times", "Projects get new creation times."),
    Loss("short-term", "Short-term memory begins empty; its summary can be read through the API but not written."),
    Loss(
        "backlog",
        "Messages that semantic memory has not digested yet stay undigested on the new side: the API does not tell "
        "which they are. Let the old side finish first (`count` in its container tells how many there are).",
    ),
    Loss(
        "set-settings",
        "Which categories of a set are disabled, and a set's own models, can be set through the API but not read.",
    ),
    Loss(
        "unreachable-sets",
        "Features of a set to which no stored memory's metadata leads are not listed by the API "
        "(`count` in the container tells how many features there are altogether).",
    ),
)


@dataclass
class Inventory:
    """`episodes` by project. `characters`: what the embedding model will have to read again, and be paid for."""

    old_version: str | None
    new_version: str | None
    episodes: dict[ProjectId, int] = field(default_factory=dict)
    features: int = 0
    characters: int = 0
    losses: tuple[Loss, ...] = ALWAYS

    @property
    def total(self) -> int:
        return sum(self.episodes.values())


def take(old: Client, after: str | None, *, progress: Callable[[str], None] = lambda text: None) -> Inventory:
    """Reads every memory of the old side once. `after`: the release they shall go to."""
    found = Inventory(old.version(), after)
    may_carry(found.old_version, found.new_version)
    projects = theirs.projects(old)
    selectors = Selectors(old)
    for project in projects:
        progress(str(project))
        found.episodes[project] = 0
        for episode in old.episodes(project):
            found.episodes[project] += 1
            found.characters += len(episode.content)
            selectors.see(project, episode)
    found.features = sum(len(features) for features in selectors.features(projects).values())
    own = categories.read(old, projects)
    if own:
        text = "Categories of your own are carried without their tags, which the API takes but does not give."
        found.losses = (*found.losses, Loss("category-tags", text, tuple(sorted({each.name for each in own}))))
    return found


def may_carry(old: str | None, new: str | None) -> None:
    """Raises `Refused` for releases between which this does not work."""
    if old is None or numbers(old) < OLDEST:
        raise Refused(
            f"memories cannot be carried from MemMachine {old or 'before 0.2.4'}", code="migrate-from",
            where="release", suggestion="Upgrade it in place to 0.3.9 first, which keeps its memories.",
        )  # fmt: skip
    if new is None or numbers(new) < numbers(old):
        raise Refused(
            f"memories cannot be carried from MemMachine {old} back to {new or 'one before 0.2.4'}",
            code="migrate-to", where="release", suggestion="Choose a release that is not older.",
        )  # fmt: skip


def may_take(new: Client, state: State) -> None:
    """Raises `Refused` when the new side holds projects that this migration did not make."""
    others = [str(project) for project in theirs.projects(new) if project not in state.ours]
    if others:
        raise Refused(
            f"the new side is not empty: {', '.join(others[:5])}{' …' if len(others) > 5 else ''}",
            code="migrate-not-empty", where="migrate",
            suggestion="Carry memories only into a deployment that nobody has used yet.",
        )  # fmt: skip
