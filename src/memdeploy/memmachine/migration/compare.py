"""The proof: every field of everything on both sides, counted, and a sample looked for. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from memdeploy.memmachine.api import Client
from memdeploy.memmachine.migration import carry, features, theirs
from memdeploy.memmachine.migration.carry import Sides
from memdeploy.memmachine.migration.pairing import Pairing, held
from memdeploy.memmachine.migration.sets import Selectors
from memdeploy.memmachine.records import Episode, Project, ProjectId

SHOWN = 100
SAMPLE = 100
ALIKE = 20
"Of more memories with one text a search returns only some, whichever it comes across in its index of vectors."
STORES = ("backend", "vector_graph_store", "vector_store", "segment_store")


@dataclass(frozen=True)
class Difference:
    """`what`: `missing`, `extra`, or the name of the field that differs. `uid`: of the old side; of the new if extra.

    No content ever.
    """

    project: str
    thing: str
    what: str
    uid: str = ""


@dataclass
class Comparison:
    """`differences`: the first SHOWN of `different`. `reordered`: memories of one instant in another order than before.

    `sampled` memories were looked for on the new side by their own text, `found` of them were found.
    """

    projects: int = 0
    episodes: int = 0
    features: int = 0
    different: int = 0
    differences: list[Difference] = field(default_factory=list)
    reordered: int = 0
    uncited: int = 0
    sampled: int = 0
    found: int = 0
    lost: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return self.different == 0

    @property
    def holds(self) -> bool:
        return self.equal and self.found == self.sampled

    def note(self, difference: Difference) -> None:
        self.different += 1
        if len(self.differences) < SHOWN:
            self.differences.append(difference)


class Sample:
    """Every n-th memory, n doubling as they become many: the same ones each time, spread evenly, at most SAMPLE."""

    def __init__(self, size: int = SAMPLE) -> None:
        self._size, self._step, self._seen = size, 1, 0
        self.taken: list[tuple[ProjectId, Episode, str]] = []
        self._texts: Counter[tuple[ProjectId, int]] = Counter()

    def many(self, project: ProjectId, episode: Episode) -> bool:
        """More memories have its text than a search can be expected to return all of."""
        return self._texts[project, hash(episode.content)] > ALIKE

    def see(self, project: ProjectId, episode: Episode, uid: str) -> None:
        self._texts[project, hash(episode.content)] += 1
        if self._size and self._seen % self._step == 0:
            self.taken.append((project, episode, uid))
        self._seen += 1
        if len(self.taken) > self._size:
            self.taken, self._step = self.taken[::2], self._step * 2


def compare(sides: Sides, *, sample: int = SAMPLE) -> Comparison:
    """Both sides whole. Whoever writes to the old one meanwhile makes differences that another pass carries."""
    result, selectors, chosen = Comparison(), Selectors(sides.old), Sample(sample)
    projects = theirs.projects(sides.old)
    for project in sorted(set(projects) ^ set(theirs.projects(sides.new))):
        result.note(Difference(str(project), "project", "missing" if project in projects else "extra"))
    for wanted in projects:
        old, new = sides.old.project(wanted), sides.new.project(wanted)
        if old is None or new is None:
            continue
        result.projects += 1
        for what in _project(old, new, default_config=sides.default_config):
            result.note(Difference(str(wanted), "project", what))
        searched = old.flags.get("enabled", True) and old.flags.get("long_term_memory_enabled", True)
        _episodes(sides, wanted, result, selectors, chosen if searched else Sample(0))
    _features(sides, projects, result, selectors)
    if result.equal:
        _search(sides.new, chosen, result)
    return result


def _project(old: Project, new: Project, *, default_config: bool) -> Iterator[str]:
    if old.description != new.description:
        yield "description"
    if dict(old.flags) != dict(new.flags):
        yield "flags"
    if default_config:
        return
    for name in sorted({*old.config, *new.config}):
        # Where memories are kept is the new side's own affair.
        if name not in STORES and (old.config.get(name) or None) != (new.config.get(name) or None):
            yield f"config.{name}"


def _episodes(sides: Sides, wanted: ProjectId, result: Comparison, selectors: Selectors, chosen: Sample) -> None:
    pairing = Pairing(sides.old.episodes(wanted), held(sides.new.episodes(wanted)), sides.state.uids.get(wanted, {}))
    for verdict in pairing:
        selectors.see(wanted, verdict.episode)
        uid = verdict.episode.uid
        if verdict.kind == "missing":
            result.note(Difference(str(wanted), "episode", "missing", uid))
        for name in verdict.fields:
            result.note(Difference(str(wanted), "episode", name, uid))
        if verdict.uid:
            chosen.see(wanted, verdict.episode, verdict.uid)
    for uid in pairing.extra:
        result.note(Difference(str(wanted), "episode", "extra", uid))
    result.episodes += pairing.count
    result.reordered += pairing.reordered
    for name, client in (("old count", sides.old), ("new count", sides.new)):
        if client.episode_count(wanted) != pairing.count:
            result.note(Difference(str(wanted), "episode", name))


def _features(sides: Sides, projects: Sequence[ProjectId], result: Comparison, selectors: Selectors) -> None:
    old = features.read(sides.old, projects, selectors, sides.state.all_uids())
    new = features.read(sides.new, projects, selectors)
    result.features, result.uncited = old.counts.total(), old.uncited
    for each, count in (old.counts - new.counts).items():
        for _ in range(count):
            result.note(Difference(str(each[0]), "feature", "missing", old.ids[each][0]))
    for each, count in (new.counts - old.counts).items():
        for _ in range(count):
            result.note(Difference(str(each[0]), "feature", "extra", new.ids[each][0]))


def _search(new: Client, chosen: Sample, result: Comparison) -> None:
    for project, episode, uid in chosen.taken:
        result.sampled += 1
        if carry.found(new, project, episode, uid) or (
            chosen.many(project, episode) and _by_text(new, project, episode)
        ):
            result.found += 1
        else:
            result.lost.append(Difference(str(project), "episode", "not found", uid))


def _by_text(new: Client, project: ProjectId, episode: Episode) -> bool:
    """That each of them is in both stores is what `count` says in the container; here one stands for all."""
    return any(one.content == episode.content for one in new.search(project, episode.content, top=200))
